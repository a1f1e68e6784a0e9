"""Tells of runs whose prices, or those of their index, were corrected after they were made."""

from datetime import date, datetime
from uuid import UUID

from services.analytics.backtests.models import Run
from services.analytics.backtests.selectors import runs_before
from shared.contracts.conclusions import BacktestOutdated
from shared.eventstore.append import append
from shared.pricing.versions import changed_sessions

NAMED_SESSIONS = 100


def mark_outdated(*, symbol: str, version: int, now: datetime) -> int:
    """Tell, in the caller's transaction, of each finished run whose sessions a version corrected; return how many."""
    changed = changed_sessions("analytics", symbol, after=version - 1, until=version)
    if not changed:
        return 0
    touched = runs_before(symbol, version).filter(
        outdated_by_version=None, first_session__lte=max(changed), last_session__gte=min(changed)
    )
    return sum(_outdate(run, symbol, changed, now=now) for run in touched)


def outdate_at_once(run_id: UUID, *, now: datetime) -> None:
    """Tell of corrections that came while the run was waiting: nobody will speak of them again."""
    run = Run.objects.using("analytics").get(id=run_id)
    for symbol, version in run.data_cut.items():
        if _outdate(run, symbol, changed_sessions("analytics", symbol, after=version), now=now):
            return


def _outdate(run: Run, symbol: str, changed: dict[date, int], *, now: datetime) -> bool:
    """Record that a run was made on sessions that changed since; False where none of its own is among them."""
    assert run.first_session is not None and run.last_session is not None
    inside = {day: by for day, by in changed.items() if run.first_session <= day <= run.last_session}
    if not inside:
        return False
    outdated = BacktestOutdated(
        run_id=run.id,
        symbol=symbol,
        data_version=run.data_cut[symbol],
        by_version=min(inside.values()),
        changed_count=len(inside),
        changed_sessions=tuple(inside)[:NAMED_SESSIONS],
    )
    append("analytics", f"backtest-{run.id}", outdated, now=now)
    return True
