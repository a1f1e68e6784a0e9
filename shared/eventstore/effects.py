"""Applies received events: their effects, inbox rows and positions in one transaction."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from django.db import transaction

from shared.contracts.envelope import Envelope
from shared.contracts.registry import UnknownEventType
from shared.cursors import prepared_cursor
from shared.errors import BellwetherError
from shared.eventstore.positions import Place, advance, lock_positions
from shared.eventstore.registry import handlers_of, project, react, recorded
from shared.observability import metrics
from shared.observability.correlation import Cause, caused_by
from shared.observability.kill_points import reached

MAX_CRASHES = 10
log = structlog.get_logger(__name__)

# Note [Effect once]
# The inbox row is written in the transaction of the effect, and whoever applies an event holds the position of
# its stream. A second delivery finds the row and does nothing; a crash takes the row and the effect away
# together. The broker's own `redelivered` flag is no use here: a message published twice is new to the broker.

# Note [Order of effects]
# Inbox rows are written behind the effects, in their order, and whoever has written a row of a projection holds it
# until the commit: so positions tell in which order events wrote it, and a rebuild repeats that. An event that
# waited gets its row anew when its turn comes. In a batch it is passed over, for its turn comes behind the batch.


class IdConflict(BellwetherError):
    """Raised when a known event id comes with another body; the newcomer is parked."""

    status, slug, title = 409, "id-conflict", "A known event id came with another body"


class CrashedBefore(BellwetherError):
    """Raised for an event whose handling was begun too often without an end; it is parked."""

    status, slug, title = 500, "handler-crashed", "Handling was begun too often without an end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An event as it came: `digest` is the hash of its body."""

    envelope: Envelope
    body: bytes
    digest: str

    @property
    def place(self) -> Place:
        """Return source and stream."""
        return self.envelope.source, self.envelope.stream


@dataclass(slots=True)
class _Batch:
    """What is known of a batch's streams and events, and what becomes of it.

    `positions` and `known` (digest and state by event id) are as stored, and kept up with each event applied.
    `overdue` are events whose row says that they wait, and that do no longer.
    """

    positions: dict[Place, int]
    known: dict[UUID, tuple[str, str]]
    has_one: bool
    moved: set[Place] = field(default_factory=set)
    fresh: list[tuple[Received, str]] = field(default_factory=list)
    overdue: list[UUID] = field(default_factory=list)


def apply(service: str, items: Sequence[Received], *, begun: int = 1) -> None:
    """Have every event its effect, or none: each once, in the order of its stream, else as `waiting`.

    `begun` counts how often handling was begun. Raises IdConflict, CrashedBefore, MalformedEvent,
    UnsupportedVersion and whatever a handler raises.
    """
    ids = [item.envelope.event_id for item in items]
    with transaction.atomic(using=service, durable=True):
        positions = lock_positions(service, [item.place for item in items])
        batch = _Batch(positions=positions, known=_known(service, ids), has_one=len(items) == 1)
        for item in items:
            _take_in(service, item, batch, begun=begun)
        reached("consumer.projected")
        _write(service, batch, ids)
        reached("consumer.recorded")
    _report(service, items, batch)


def _take_in(service: str, item: Received, batch: _Batch, *, begun: int) -> None:
    envelope = item.envelope
    digest, known = batch.known.get(envelope.event_id, (item.digest, None))
    if digest != item.digest:
        raise IdConflict(f"{envelope.stream} version {envelope.version} came before with another body.")
    if known is not None and (known != "waiting" or not batch.has_one):
        return
    following = batch.positions[item.place] + 1
    if envelope.version == following:
        if begun > MAX_CRASHES:
            raise CrashedBefore(f"{envelope.type} was begun {begun - 1} times without an end.")
        state = _effect(service, envelope)
        batch.positions[item.place] = following
        batch.moved.add(item.place)
    else:
        state = "waiting" if envelope.version > following else "ignored"
    if state == known:
        return
    if known is not None:
        batch.overdue.append(envelope.event_id)
    batch.fresh.append((item, state))
    batch.known[envelope.event_id] = (digest, state)


def _effect(service: str, envelope: Envelope) -> str:
    try:
        item = recorded(envelope)
    except UnknownEventType:
        return "ignored"
    known = handlers_of(service)
    if type(item.event) not in known.projectors and type(item.event) not in known.reactors:
        return "ignored"
    began_at = time.perf_counter()
    with caused_by(Cause(envelope.correlation_id, envelope.event_id)):
        project(service, item)
        react(service, item)
    metrics.HANDLER_SECONDS.labels(service, envelope.type).observe(time.perf_counter() - began_at)
    return "handled"


def _known(service: str, ids: list[UUID]) -> dict[UUID, tuple[str, str]]:
    with prepared_cursor(service) as cursor:
        cursor.execute("SELECT event_id, body_hash, state FROM inbox WHERE event_id = ANY(%s)", [ids])
        return {event_id: (digest, state) for event_id, digest, state in cursor.fetchall()}


_INSERT = """
INSERT INTO inbox (event_id, source, stream, version, type, body, body_hash, state)
SELECT * FROM unnest(
    %s::uuid[], %s::text[], %s::text[], %s::int[], %s::text[], %b::bytea[], %s::text[], %s::text[])
"""
# What was parked and has come again, by whatever way, is no operator's business any more.
_END = """
WITH ended AS (DELETE FROM attempt WHERE event_id = ANY(%s))
UPDATE parked SET resolution = 'retried', resolved_at = now() WHERE body_hash = ANY(%s) AND resolution IS NULL
"""


def _write(service: str, batch: _Batch, ids: list[UUID]) -> None:
    with prepared_cursor(service) as cursor:
        if batch.overdue:
            cursor.execute("DELETE FROM inbox WHERE event_id = ANY(%s)", [batch.overdue])
        if batch.fresh:
            cursor.execute(_INSERT, _columns(batch.fresh))
        cursor.execute(_END, [ids, [item.digest for item, _ in batch.fresh]])
    if batch.moved:
        advance(service, {place: batch.positions[place] for place in batch.moved})


def _report(service: str, items: Sequence[Received], batch: _Batch) -> None:
    """Count and log what became of a batch, once for all of it: a line for each event would cost too much."""
    outcomes = Counter(state for _, state in batch.fresh)
    outcomes["repeated"] = len(items) - len(batch.fresh)
    told = {outcome: count for outcome, count in outcomes.items() if count}
    for outcome, count in told.items():
        metrics.EVENTS_RECEIVED.labels(service, outcome).inc(count)
    ids = list(dict.fromkeys(str(item.envelope.correlation_id) for item in items))
    whose = {"correlation_id": ids[0]} if len(ids) == 1 else {"correlation_ids": ids}
    log.info("events_received", service=service, events=len(items), **told, **whose)


def _columns(fresh: Sequence[tuple[Received, str]]) -> list[list[object]]:
    rows = (
        (
            item.envelope.event_id,
            item.envelope.source,
            item.envelope.stream,
            item.envelope.version,
            item.envelope.type,
            item.body,
            item.digest,
            state,
        )
        for item, state in fresh
    )
    return [list(column) for column in zip(*rows, strict=True)]
