"""Reads of runs."""

from uuid import UUID

from django.db.models import QuerySet

from services.analytics.backtests.models import Run, RunEquity, RunTrade
from shared.errors import NotFound
from shared.eventstore.selectors import live_state


def run_by_id(run_id: UUID) -> Run:
    """Return one run, with its job's state while the work is open. Raises NotFound."""
    run = Run.objects.using("analytics").filter(id=run_id).first()
    if run is None:
        raise NotFound(f"There is no backtest {run_id}.")
    run.state = live_state("analytics", kind="backtest", key=str(run_id), state=run.state)
    return run


def runs(*, symbol: str | None = None, strategy: str | None = None) -> QuerySet[Run]:
    """Return runs, newest first."""
    rows = Run.objects.using("analytics").order_by("-created_at", "-id")
    if symbol:
        rows = rows.filter(symbol=symbol)
    return rows.filter(strategy=strategy) if strategy else rows


def trades_of(run_id: UUID) -> QuerySet[RunTrade]:
    """Return the closed trades of a run in order."""
    return RunTrade.objects.using("analytics").filter(run_id=run_id).order_by("number")


def equity_of(run_id: UUID) -> RunEquity | None:
    """Return the curves of a run, None while there are none."""
    return RunEquity.objects.using("analytics").filter(run_id=run_id).first()
