"""Events of the ingest service: what the market told us."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from shared.contracts.registry import event


@event(source="ingest", category="fetch", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequested:
    """Raised by the API, the command line and imports; the fetch job reacts.

    `start` and `end` bound the asked sessions (None: all there are).
    """

    fetch_id: UUID
    symbol: str
    provider: str
    start: date | None
    end: date | None


@event(source="ingest", category="fetch", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class FetchCompleted:
    """Raised when a provider's answer was stored; nothing reacts.

    `state` is `succeeded`, or `partial` when an end of the asked range is missing. `version` is the
    instrument's version afterwards; `changed` says whether this fetch introduced it. `inner_gaps` lists
    trading sessions without a bar between the first and the last one.
    """

    fetch_id: UUID
    state: str
    symbol: str
    version: int
    changed: bool
    first_session: date
    last_session: date
    bar_count: int
    missing_before: date | None
    missing_after: date | None
    inner_gaps: tuple[date, ...]


@event(source="ingest", category="fetch", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFailed:
    """Raised when a fetch ended without storing anything; `problem` is the RFC 9457 reason.

    `state` is `refused`, `failed`, or `cancelled` when it was taken back before a worker began it.
    """

    fetch_id: UUID
    state: str
    symbol: str
    problem: dict[str, Any]


@event(source="ingest", category="instrument", published=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class PricesUpdated:
    """Raised when a fetch changed any bar, split or dividend; analytics starts its standing work.

    `version` is the new version of the instrument. `notes` are known faults of the source. Counts are rows; `corrected_sessions` are those whose bar
    was known and came back different (at most 1,000 are named, `corrected_count` is the whole number).
    """

    symbol: str
    version: int
    provider: str
    attribution: str
    notes: tuple[str, ...]
    fetch_id: UUID
    first_session: date
    last_session: date
    bar_count: int
    added_count: int
    corrected_count: int
    corrected_sessions: tuple[date, ...]
    actions_changed_count: int
