"""Events of the ingest service: what the market told us."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from shared.contracts.registry import event


def _asked_for_all(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 always asked for splits and dividends too, and never said why."""
    return {**data, "with_actions": True, "reason": None}


def _from_one_source(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew one source, refused an answer with any bad row and compared it with no other."""
    return {
        **data,
        "reason": None,
        "sources": [],
        "rejected_count": 0,
        "rejected": [],
        "provisional_session": None,
        "kept_count": 0,
        "compared_count": 0,
        "disagreeing_count": 0,
        "disagreements": [],
        "quarantine_id": None,
        "quarantined_count": 0,
    }


@event(
    source="ingest",
    category="fetch",
    published=False,
    schema_version=2,
    upcasters={1: _asked_for_all},
)
@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequested:
    """Raised by the API, the command line, imports and the nightly plan; the fetch job reacts.

    `start` and `end` bound the asked sessions (None: all there are). `with_actions` asks for splits and
    dividends too where they take calls of their own. `reason` is why nobody but the plan asked for it.
    """

    fetch_id: UUID
    symbol: str
    provider: str
    start: date | None
    end: date | None
    with_actions: bool
    reason: str | None


@event(
    source="ingest",
    category="fetch",
    published=False,
    schema_version=2,
    upcasters={1: _from_one_source},
)
@dataclass(frozen=True, slots=True, kw_only=True)
class FetchCompleted:
    """Raised when a provider's answer was stored; nothing reacts.

    `state` is `succeeded`, or `partial` when an end of the asked range is missing, for `reason`. `version` is
    the instrument's version afterwards; `changed` says whether this fetch introduced it. `inner_gaps` lists
    trading sessions without a bar between the first and the last one. `sources` are who was asked, each with
    `provider`, `first_session`, `last_session` and `bar_count`. Rows that could not be true are counted, and at
    most 100 are named with `line`, `reason` and `text`; `provisional_session` is one that was not over and was
    dropped. Of sessions known from another provider `kept_count` stayed as they were, `compared_count` closes
    were compared, and the worst 20 that differ by more than 5 bp, or splits and dividends that do, are named with
    `kind`, `session`, `held`, `told` and `difference_bps`. Changes that were held back for an operator are counted
    and named by `quarantine_id`.
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
    reason: str | None
    sources: tuple[dict[str, Any], ...]
    rejected_count: int
    rejected: tuple[dict[str, Any], ...]
    provisional_session: date | None
    kept_count: int
    compared_count: int
    disagreeing_count: int
    disagreements: tuple[dict[str, Any], ...]
    quarantine_id: UUID | None
    quarantined_count: int


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
