"""Reads of runs."""

from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from services.analytics.backtests.models import Run, RunEquity, RunTrade
from shared.errors import BellwetherError, NotFound
from shared.eventstore.selectors import with_live_state

__all__ = [
    "Run",
    "RunEquity",
    "RunNotFinished",
    "equity_of",
    "finished_run",
    "run_by_id",
    "runs",
    "runs_before",
    "trades_of",
]


class RunNotFinished(BellwetherError):
    """Raised when the trades or the equity of a run are asked for that has none (yet)."""

    status, slug, title = 409, "backtest-not-finished", "The backtest has no result"


def run_by_id(run_id: UUID) -> Run:
    """Return one run, with its job's state while the work is open. Raises NotFound."""
    run: Any = runs().filter(id=run_id).first()
    if run is None:
        raise NotFound(f"There is no backtest {run_id}.")
    run.state = run.live_state
    found: Run = run
    return found


def finished_run(run_id: UUID) -> Run:
    """Return one run that succeeded. Raises NotFound and RunNotFinished."""
    run = run_by_id(run_id)
    if run.state != "succeeded":
        raise RunNotFinished(f"Backtest {run_id} is {run.state}.", state=run.state)
    return run


def runs() -> QuerySet[Run]:
    """Return runs, newest first, each with its `live_state`."""
    newest = Run.objects.using("analytics").order_by("-created_at", "-id")
    return with_live_state(newest, kind="backtest", key=Cast(OuterRef("id"), TextField()))


def runs_before(symbol: str, version: int) -> QuerySet[Run]:
    """Return the finished runs that used the prices of a symbol, as their own or as their index's, at an earlier version."""
    finished = Run.objects.using("analytics").filter(state="succeeded")
    with_index = finished.alias(index=KeyTextTransform("benchmark", "options"))
    return with_index.filter(
        Q(symbol=symbol, data_version__lt=version) | Q(index=symbol, options__benchmark_version__lt=version)
    )


def trades_of(run_id: UUID) -> QuerySet[RunTrade]:
    """Return the closed trades of a run in order."""
    return RunTrade.objects.using("analytics").filter(run_id=run_id).order_by("number")


def equity_of(run_id: UUID) -> RunEquity:
    """Return the curves of a run that succeeded."""
    return RunEquity.objects.using("analytics").get(run_id=run_id)
