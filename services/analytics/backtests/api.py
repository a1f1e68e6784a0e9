"""Backtests over HTTP."""

from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.backtests.domain import inputs_for
from services.analytics.backtests.models import Run
from services.analytics.backtests.selectors import equity_of, finished_run, run_by_id, runs, trades_of
from services.analytics.backtests.services import cancel_backtest, start_backtest
from services.analytics.kernel.backtest import MAXIMUM_CAPITAL, MINIMUM_CAPITAL
from services.analytics.kernel.costs import MAXIMUM_COST_BPS
from services.analytics.kernel.strategies.registry import STRATEGIES
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.conditional import Revalidated
from shared.http.fields import (
    Choice,
    DateRange,
    DecimalText,
    NumberText,
    Parameters,
    SymbolField,
    number_text,
)
from shared.http.operations import Operation, started
from shared.http.pagination import Page, PageQuery, SeriesQuery, WorkQuery, page_of, paged, series_page
from shared.http.problems import ProblemField
from shared.http.shapes import as_rows, columns_of, either
from shared.pricing.adjustment import Basis
from shared.pricing.reader import latest_version

STATUSES = ("queued", "running", "succeeded", "refused", "failed", "cancelled")
BASES = tuple(basis.value for basis in Basis)
_STRATEGIES_HELP = "; ".join(f"`{rule.name}`: {rule.summary}" for rule in STRATEGIES.values())


def money(kind: type[DecimalText] = DecimalText, **options: Any) -> DecimalText:
    """Return a field that takes the capital of a run."""
    return kind(
        minimum=Decimal(MINIMUM_CAPITAL).quantize(Decimal("0.01")),
        maximum=Decimal(MAXIMUM_CAPITAL).quantize(Decimal("0.01")),
        places=2,
        **options,
    )


def _cost_bps(**options: Any) -> DecimalText:
    return DecimalText(minimum=Decimal("0.00"), maximum=Decimal(MAXIMUM_COST_BPS), places=2, **options)


class Metric(serializers.Serializer[Any]):
    """One figure of the metrics' definitions: a value, or the reason why there is none. Ratios are fractions."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides a property not used here
    unit = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    caution = serializers.CharField(allow_null=True)


class OpenPosition(serializers.Serializer[Any]):
    """Shares still held at the last session, valued at its close."""

    entry_session = serializers.DateField()
    shares = NumberText()
    held_shares = NumberText()
    entry_price = NumberText()
    entry_commission = NumberText()
    dividends = NumberText()
    last_close = NumberText()
    market_value = NumberText()
    unrealised_pnl = NumberText()


class PendingOrder(serializers.Serializer[Any]):
    """What was decided at the last close, to be filled at an open that is still to come."""

    side = Choice(("buy", "sell"))
    decided_session = serializers.DateField()


class BacktestSummary(serializers.Serializer[Any]):
    """One run: its inputs, the versions that its numbers depend on, and its state."""

    id = serializers.UUIDField()
    symbol = serializers.CharField()
    strategy = serializers.CharField()
    strategy_version = serializers.IntegerField()
    parameters = Parameters()
    initial_capital = money()
    commission_bps = _cost_bps()
    slippage_bps = _cost_bps()
    basis = Choice(BASES)
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    standing = serializers.BooleanField(help_text="On the inputs that every price update tests")
    data_cut = serializers.SerializerMethodField()
    status = Choice(STATUSES, source="live_state")
    first_session = serializers.DateField(allow_null=True)
    last_session = serializers.DateField(allow_null=True)
    session_count = serializers.IntegerField(allow_null=True)
    trade_count = serializers.IntegerField(allow_null=True)
    error = ProblemField(allow_null=True, source="problem")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_data_cut(self, run: Run) -> dict[str, int]:
        """Return the version of each symbol's prices that the run used."""
        return {run.symbol: run.data_version}


class Backtest(BacktestSummary):
    """One run with its numbers, which are null until it succeeded."""

    engine_version = serializers.CharField(allow_null=True)
    metrics_version = serializers.CharField(allow_null=True)
    calendar_version = serializers.CharField(allow_null=True)
    inputs_hash = serializers.CharField()
    result_hash = serializers.CharField(allow_null=True)
    metrics = Metric(many=True, allow_null=True)
    benchmark_metrics = Metric(many=True, allow_null=True)
    open_position = OpenPosition(allow_null=True)
    pending_order = PendingOrder(allow_null=True)


class Trade(serializers.Serializer[Any]):
    """One closed trade. Prices are after slippage, `pnl` net of both commissions and without dividends."""

    number = serializers.IntegerField()
    entry_session = serializers.DateField()
    exit_session = serializers.DateField()
    shares = NumberText()
    exit_shares = NumberText()
    entry_price = NumberText()
    exit_price = NumberText()
    entry_commission = NumberText()
    exit_commission = NumberText()
    dividends = NumberText()
    pnl = NumberText()
    return_ratio = serializers.FloatField()


class EquityPoint(serializers.Serializer[Any]):
    """What the account and buy and hold were worth at one close."""

    session = serializers.DateField()
    equity = NumberText()
    benchmark_equity = NumberText()


class RequestBacktest(Operation):
    """Test a strategy on the stored prices of a symbol.

    Equal inputs are one run: when it was made before, the answer is that run.
    """

    class Input(DateRange):
        """What to test; without dates, on all stored sessions."""

        example = {"symbol": "AAPL", "parameters": {"buy_window": 50, "sell_window": 200}}

        symbol = SymbolField()
        strategy = Choice(tuple(STRATEGIES), default="moving_average_dip", help_text=_STRATEGIES_HELP)
        parameters = Parameters(default=dict, help_text="Of the strategy; what is left out has its default")
        initial_capital = money(default=Decimal("10000.00"), help_text="In the currency of the prices")
        commission_bps = _cost_bps(default=Decimal("10.00"), help_text="Of the traded value, per trade")
        slippage_bps = _cost_bps(
            default=Decimal("5.00"), help_text="By which each fill is worse than the open"
        )
        basis = Choice(BASES, default=Basis.SPLIT.value, help_text="In which terms the prices are, see bars")

    Output = Backtest
    successes = (200, 201, 202)
    problems = (404, 409, 422)

    def post(self, request: Request) -> Response:
        """Queue it, and wait for it a little."""
        asked = self.body()
        version = latest_version("analytics", asked["symbol"])
        inputs, now = inputs_for(data_version=version, **asked), timezone.now()
        # When another request for the same inputs came first at this very moment, its run is this one.
        with suppress(StreamConflict, JobAlreadyOpen):
            start_backtest(inputs=inputs, now=now)
        run = self.wait_for(partial(run_by_id, inputs.run_id))
        return started(
            Backtest(run).data,
            location=reverse("backtest", args=[run.id]),
            state=run.state,
            is_new=run.created_at == now,
        )


class ListBacktests(Revalidated):
    """List runs, newest first unless `sort` says otherwise."""

    class Query(WorkQuery):
        """Which of them."""

        status = Choice(STATUSES, required=False, help_text="How far the run is")
        strategy = Choice(tuple(STRATEGIES), required=False, help_text="Runs of this rule only")

    class Output(Page):
        """A page of runs."""

        results = BacktestSummary(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, runs())


class ShowBacktest(Revalidated):
    """Show one run: how far it is and, once it succeeded, its numbers beside those of buy and hold."""

    Output = Backtest
    problems = (404,)

    def get(self, request: Request, run_id: UUID) -> Response:
        """Show it."""
        return Response(Backtest(run_by_id(run_id)).data)


class CancelBacktest(Operation):
    """Cancel a run that no worker has begun."""

    Output = Backtest
    problems = (404, 409)

    def delete(self, request: Request, run_id: UUID) -> Response:
        """Cancel it; one that was cancelled before stays so."""
        cancel_backtest(run_id=run_id)
        return Response(Backtest(run_by_id(run_id)).data)


class ListTrades(Revalidated):
    """List the closed trades of a finished run in order."""

    Query = PageQuery

    class Output(Page):
        """A page of trades."""

        results = Trade(many=True)

    problems = (404, 409)

    def get(self, request: Request, run_id: UUID) -> Response:
        """List them."""
        return page_of(self, self.Output, trades_of(finished_run(run_id).id), ordering=("number",))


class ListEquity(Revalidated):
    """List what the account of a finished run was worth at each close.

    The first point is the opening capital, at the session before the first bar. Rows hold decimals as strings;
    with `shape=columns` each column is one array of plain numbers.
    """

    Query = SeriesQuery

    class Rows(Page):
        """A page of points, oldest first."""

        results = EquityPoint(many=True)

    class Columns(Page):
        """A page of points, one array for each column."""

        results = columns_of(EquityPoint)()

    Output = either(Rows, Columns)
    problems = (404, 409)

    def get(self, request: Request, run_id: UUID) -> HttpResponseBase:
        """List them."""
        run = finished_run(run_id)
        return self.tagged(self.tag(run.result_hash), lambda: self._page(run))

    def _page(self, run: Run) -> Response:
        curves = equity_of(run.id)
        page, links = series_page(self, curves.dates)
        values = {"equity": curves.equity[page], "benchmark_equity": curves.benchmark_equity[page]}
        days = {"session": [day.isoformat() for day in curves.dates[page]]}
        if self.query["shape"] == "columns":
            return paged({"results": days | values}, links)
        texts = {name: [number_text(value) for value in curve] for name, curve in values.items()}
        return paged({"results": as_rows(days | texts)}, links)
