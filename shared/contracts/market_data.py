"""Events of the ingest service about what it asks, holds back and keeps watch on. None leaves the service."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.contracts.registry import event


@event(source="ingest", category="provider", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityLearnt:
    """Raised when a provider's answer shows what a key may do, such as `full_history`; nothing reacts.

    `key_fingerprint` tells keys apart without holding one.
    """

    provider: str
    key_fingerprint: str
    capability: str
    allowed: bool


@event(source="ingest", category="provider", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderClosed:
    """Raised when a provider refuses all further calls of a key; nothing reacts.

    `verdict` is how its answer was understood, `detail` its words without the key, `until` when it is asked
    again (None: once the key is another one, or an operator opens it).
    """

    provider: str
    key_fingerprint: str
    verdict: str
    detail: str
    until: datetime | None


@event(source="ingest", category="provider", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOpened:
    """Raised when a provider that refused a key took a call of it again; nothing reacts."""

    provider: str
    key_fingerprint: str


@event(source="ingest", category="quarantine", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQuarantined:
    """Raised when a provider's change to known prices is held back for an operator; nothing reacts.

    `kind` is `large-change` or `many-changes`, `content_hash` the sha256 of the rows, which stand beside it.
    """

    quarantine_id: UUID
    symbol: str
    provider: str
    attribution: str
    fetch_id: UUID
    kind: str
    detail: str
    content_hash: str
    row_count: int
    first_session: date
    last_session: date


@event(source="ingest", category="quarantine", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineAccepted:
    """Raised when an operator let a held change through; its rows are the instrument's `version`."""

    quarantine_id: UUID
    version: int
    decided_by: str


@event(source="ingest", category="quarantine", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineDismissed:
    """Raised when an operator dropped a held change; the same rows are not held back again."""

    quarantine_id: UUID
    decided_by: str


@event(source="ingest", category="quarantine", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutdated:
    """Raised when the rows that an open change would replace are others, or its provider took it back."""

    quarantine_id: UUID


@event(source="ingest", category="lookup", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRequested:
    """Raised when a provider is to be asked something other than daily prices; the lookup job reacts.

    `kind` is such as `quote`, `subject` a symbol or the words to search for.
    """

    lookup_id: UUID
    provider: str
    kind: str
    subject: str
    on: date | None


@event(source="ingest", category="lookup", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class LookupCompleted:
    """Raised when a lookup was answered; the answer stands beside it under the sha256 of its JSON."""

    lookup_id: UUID
    answer_hash: str
    row_count: int


@event(source="ingest", category="lookup", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class LookupFailed:
    """Raised when a lookup ended without an answer; `problem` is the RFC 9457 reason."""

    lookup_id: UUID
    state: str
    problem: dict[str, Any]


@event(source="ingest", category="watchlist", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class WatchListSaved:
    """Raised when a watch list was made or changed; `tick` refreshes its symbols from `provider` while it is `active`."""

    name: str
    symbols: tuple[str, ...]
    provider: str
    active: bool


@event(source="ingest", category="watchlist", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class WatchListDeleted:
    """Raised when a watch list was deleted; nothing reacts."""

    name: str
