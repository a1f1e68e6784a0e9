"""What a fetch brought, as its event tells it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.ingest.fetches.domain import Asked, Gathered, coverage_of, shortfall_of
from services.ingest.fetches.selectors import stored_sessions
from services.ingest.market.selectors import instrument_named
from services.ingest.market.services import Recording
from services.ingest.providers.domain import DailySeries
from shared.contracts.prices import FetchCompleted
from shared.errors import BellwetherError

NAMED_REJECTED = 100


class NothingFound(BellwetherError):
    """Raised when a provider knows the symbol but has no bar in the asked range."""

    status, slug, title = 404, "nothing-found", "No prices in the asked range"


def completed_event(
    fetch_id: UUID,
    asked: Asked,
    gathered: Gathered,
    recordings: Sequence[tuple[DailySeries, Recording]],
    *,
    now: datetime,
) -> FetchCompleted:
    """Return what became of a fetch and its recordings, given what is stored now. Raises NothingFound."""
    coverage = coverage_of(_asked_sessions(asked, gathered), asked, now=now)
    reason = shortfall_of(coverage, gathered, asked, now=now)
    held_back = [each.quarantine_id for _, each in recordings if each.quarantine_id]
    rejected = [(series.provider, row) for series in gathered.series for row in series.rejected]
    provisional = [series.provisional_session for series in gathered.series if series.provisional_session]
    return FetchCompleted(
        fetch_id=fetch_id,
        state="partial" if reason else "succeeded",
        symbol=asked.symbol,
        version=instrument_named(asked.symbol).version,
        changed=any(each.changed for _, each in recordings),
        first_session=coverage.first_session,
        last_session=coverage.last_session,
        bar_count=coverage.bar_count,
        missing_before=coverage.missing_before,
        missing_after=coverage.missing_after,
        inner_gaps=coverage.inner_gaps,
        reason=reason,
        sources=tuple(_source(series) for series, _ in recordings),
        rejected_count=len(rejected),
        rejected=tuple({"provider": name, **asdict(row)} for name, row in rejected[:NAMED_REJECTED]),
        provisional_session=provisional[0] if provisional else None,
        kept_count=sum(each.kept_count for _, each in recordings),
        compared_count=sum(each.compared_count for _, each in recordings),
        disagreeing_count=sum(each.disagreeing_count for _, each in recordings),
        disagreements=tuple(item for _, each in recordings for item in each.disagreements),
        quarantine_id=held_back[0] if held_back else None,
        quarantined_count=sum(each.quarantined_count for _, each in recordings),
    )


def _asked_sessions(asked: Asked, gathered: Gathered) -> tuple[date, ...]:
    sessions = stored_sessions(asked.symbol, start=asked.start, end=asked.end)
    if not sessions:
        nothing = f"There is no bar of {asked.symbol} in the asked range"
        why = ". ".join([nothing, *gathered.kept_back, *gathered.shortfalls])
        raise NothingFound(f"{why}.")
    return sessions


def _source(series: DailySeries) -> dict[str, Any]:
    sessions = [bar.session.isoformat() for bar in series.bars]
    return {
        "provider": series.provider,
        "first_session": sessions[0] if sessions else None,
        "last_session": sessions[-1] if sessions else None,
        "bar_count": len(sessions),
    }
