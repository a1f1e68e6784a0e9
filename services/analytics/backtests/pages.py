"""Pages to ask for a backtest with any strategy and option, and to read what came of it; the services of the API."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from services.analytics.backtests import form
from services.analytics.backtests.api import Backtest, RequestBacktest
from services.analytics.backtests.prices import newest_inputs
from services.analytics.backtests.selectors import Run, run_by_id, trades_of
from services.analytics.backtests.services import start_backtest
from services.analytics.results.api import Trade
from shared.errors import BellwetherError
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import OPEN_STATES, JobAlreadyOpen
from shared.http.pages import answer_page, for_sessions, page, page_route
from shared.identity.tokens import Principal

MOST_SHOWN_TRADES = 100
REFRESH_SECONDS = 1
_TRADE = (
    *("side", "entry_session", "exit_session", "exit_reason", "shares", "entry_price", "exit_price"),
    *("pnl", "return_ratio", "dividends"),
)
# What a link may fill in: the first page has two of them under their older names.
_LINKED = {"symbol": "symbol", "initial": "initial_capital", "strategy": "strategy"}


@for_sessions
def show_form(request: HttpRequest, caller: Principal) -> HttpResponse:
    """Show the form, filled in as the link says: by a run that is `like` the wanted one, or by single fields."""
    values = form.defaults()
    with suppress(ValueError):  # a garbled id is no run
        if like := request.GET.get("like"):
            values |= form.values_of(Backtest(run_by_id(UUID(like))).data)
    values |= {_LINKED[name]: str(text) for name, text in request.GET.items() if name in _LINKED}
    return _form(request, values, {})


@for_sessions
def take_form(request: HttpRequest, caller: Principal) -> HttpResponse:
    """Start the run and send on to its page; what is wrong is said above the form and at its fields."""
    values = {name: text for name, text in request.POST.items() if isinstance(text, str)}
    asked = RequestBacktest.Input(data=form.body_of(values))
    if not asked.is_valid():
        return _form(request, values, dict(form.told(asked.errors)), status=400)
    try:
        inputs = newest_inputs(**asked.validated_data)
        # When another request for the same inputs came first at this very moment, its run is this one.
        with suppress(StreamConflict, JobAlreadyOpen):
            start_backtest(inputs=inputs, now=timezone.now())
    except BellwetherError as error:
        errors = {str(error.extra.get("field", "")): error.detail}
        return _form(request, values, errors, status=error.status, fetch=error.extra.get("fetch", ""))
    return HttpResponseRedirect(reverse("backtest-page", args=[inputs.run_id]))


@for_sessions
def show_run(request: HttpRequest, caller: Principal, run_id: UUID) -> HttpResponse:
    """Show a run and its trades; while it is under way the page asks again by itself. Raises NotFound."""
    run = run_by_id(run_id)
    answer = answer_page(
        request,
        title=f"Backtest of {run.symbol}",
        payload={**Backtest(run).data, **_trades(run)},
        links={
            "Change and run again": f"{reverse('new-backtest')}?like={run.id}",
            "Report": f"/report/{run.symbol}/",
        },
        raw=reverse("backtest", args=[run.id]),
    )
    if run.state in OPEN_STATES:
        answer["Refresh"] = str(REFRESH_SECONDS)
    return answer


def _form(
    request: HttpRequest,
    values: dict[str, str],
    errors: dict[str, str],
    *,
    status: int = 200,
    fetch: str = "",
) -> HttpResponse:
    first, more = form.fields_of(values, errors)
    usual = form.defaults()
    context = {
        "first": first,
        "more": more,
        "strategies": form.strategies_of(values, errors),
        "refusals": [
            text if not name or name in text else f"{name}: {text}" for name, text in errors.items()
        ],
        "fetch": fetch,
        "is_open": any(field.error or field.value != usual[field.name] for field in more),
    }
    return page(request, "backtest.html", context, status=status)


def _trades(run: Run) -> dict[str, Any]:
    """Return the first trades of a run as rows; the API has them all."""
    rows = Trade(trades_of(run.id)[:MOST_SHOWN_TRADES], many=True).data
    return {"trades": [{name: row[name] for name in _TRADE} for row in rows]}


page_urlpatterns = [
    *page_route("backtests/new/", "new-backtest", get=show_form, post=take_form),
    *page_route("backtests/<uuid:run_id>/", "backtest-page", get=show_run),
]
