"""How a service receives events: every effect once, in the order of each stream, and nothing lost."""

import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import F, Subquery

from shared.contracts.codec import MalformedEvent, OversizeEvent, body_hash
from shared.contracts.envelope import Envelope
from shared.contracts.registry import UnknownEventType, UnsupportedVersion
from shared.errors import BellwetherError
from shared.eventstore.models import Inbox, StreamPosition
from shared.eventstore.outages import is_outage
from shared.eventstore.parked import park
from shared.eventstore.positions import advance, lock_position
from shared.eventstore.registry import handlers_of, project, react, recorded
from shared.observability.correlation import Cause, caused_by
from shared.observability.kill_points import reached

MAX_ATTEMPTS = 3
type Pause = Callable[[float], object]
log = structlog.get_logger(__name__)

# Note [Effect once]
# The inbox row is inserted in the transaction of the effect. A second delivery finds the row and does
# nothing; a crash takes the row and the effect away together. The broker's own `redelivered` flag is no use
# here: a message published twice is new to the broker.

# Note [Attempts of a handler]
# Attempts are committed before handling, once for a whole batch. If a message kills the process, all of its
# batch has one attempt; on the next delivery each of those is counted alone, just before it is handled, so
# only the culprit reaches the limit and its neighbours do not. An outage says nothing about the event that it
# interrupts, so that attempt is taken back.


class IdConflict(BellwetherError):
    """Raised when a known event id comes with another body; the newcomer is parked."""

    status, slug, title = 409, "id-conflict", "A known event id came with another body"


class CrashedBefore(BellwetherError):
    """Raised for an event whose handling was begun too often without an end; it is parked."""

    status, slug, title = 500, "handler-crashed", "Handling was begun too often without an end"


def receive(service: str, bodies: Sequence[bytes], *, pause: Pause) -> None:
    """Take in a batch of message bodies; when this returns each is handled, stored or parked.

    `pause(seconds)` is called between tries of a failing handler. An outage of the database is raised: the
    caller gives the batch back to the bus and connects again.
    """
    envelopes = [found for body in bodies if (found := _decode(service, body)) is not None]
    attempts = _begin(service, [envelope.event_id for envelope, _ in envelopes])
    for envelope, body in envelopes:
        begun_before = attempts[envelope.event_id] > 0
        attempt = _begin_again(service, envelope.event_id) if begun_before else 1
        _handle(service, envelope, body, attempts=attempt, pause=pause)
        drain(service, envelope.source, envelope.stream, pause=pause)


def drain(service: str, source: str, stream: str, *, pause: Pause) -> int:
    """Apply waiting events of one stream that have become next in order; return how many."""
    applied = 0
    while (row := _next_waiting(service, source, stream)) is not None:
        body, attempts = bytes(row.body), _begin_again(service, row.event_id)
        _handle(service, Envelope.from_bytes(body), body, attempts=attempts, pause=pause)
        applied += 1
    return applied


def _decode(service: str, body: bytes) -> tuple[Envelope, bytes] | None:
    try:
        return Envelope.from_bytes(body), body
    except (MalformedEvent, OversizeEvent) as error:
        park(service, body=body, envelope=None, slug=error.slug, detail=error.detail, attempts=1)
        return None


def _begin(service: str, event_ids: list[UUID]) -> dict[UUID, int]:
    """Count a first attempt for ids without one; return for each id the attempts it had before."""
    if not event_ids:
        return {}
    with connections[service].cursor() as cursor:
        cursor.execute("SELECT event_id, attempts FROM attempt WHERE event_id = ANY(%s)", [event_ids])
        before = dict(cursor.fetchall())
        cursor.execute(
            "INSERT INTO attempt (event_id, attempts) SELECT unnest(%s::uuid[]), 1 ON CONFLICT DO NOTHING",
            [[event_id for event_id in event_ids if event_id not in before]],
        )
    return {event_id: before.get(event_id, 0) for event_id in event_ids}


def _begin_again(service: str, event_id: UUID) -> int:
    """Count one more attempt of a single event and return how many there are with it."""
    with connections[service].cursor() as cursor:
        cursor.execute(
            "INSERT INTO attempt (event_id, attempts) VALUES (%s, 1) ON CONFLICT (event_id)"
            " DO UPDATE SET attempts = attempt.attempts + 1, last_at = now() RETURNING attempts",
            [event_id],
        )
        return int(cursor.fetchone()[0])


def _handle(service: str, envelope: Envelope, body: bytes, *, attempts: int, pause: Pause) -> None:
    for attempt in count(attempts):
        try:
            _apply_once(service, envelope, body, attempt)
        except (MalformedEvent, UnsupportedVersion, IdConflict, CrashedBefore) as error:
            _set_aside(service, envelope, body, error, attempt)
            return
        except Exception as error:  # the boundary of every handler: whatever it is, it is kept
            if is_outage(service, error):
                _take_back(service, envelope.event_id)
                raise
            log.warning("event_handler_failed", type=envelope.type, attempt=attempt, exc_info=True)
            if attempt >= MAX_ATTEMPTS:
                _set_aside(service, envelope, body, error, attempt)
                return
            pause(0.05 * 2**attempt)
        else:
            return


def _take_back(service: str, event_id: UUID) -> None:
    connections[service].close()
    with suppress(OperationalError, InterfaceError):
        _end(service, event_id)


def _apply_once(service: str, envelope: Envelope, body: bytes, attempt: int) -> None:
    with transaction.atomic(using=service, durable=True):
        row = _record(service, envelope, body)
        if row is None:
            _end(service, envelope.event_id)
            return
        reached("consumer.recorded")
        if attempt > MAX_ATTEMPTS:
            raise CrashedBefore(f"{envelope.type} was begun {attempt - 1} times.")
        position = lock_position(service, envelope.source, envelope.stream)
        if envelope.version > position + 1:
            _mark(service, row, "waiting")
        elif envelope.version == position + 1:
            _mark(service, row, _effect(service, envelope))
            advance(service, envelope.source, envelope.stream, envelope.version)
        else:
            _mark(service, row, "ignored")
        _end(service, envelope.event_id)
        reached("consumer.projected")


def _record(service: str, envelope: Envelope, body: bytes) -> int | None:
    """Insert the inbox row; None when it was there and needs nothing. See Note [Effect once]."""
    digest = body_hash(body)
    with connections[service].cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (event_id, source, stream, version, type, body, body_hash, state)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, 'waiting')"
            " ON CONFLICT (event_id) DO NOTHING RETURNING position",
            [
                envelope.event_id,
                envelope.source,
                envelope.stream,
                envelope.version,
                envelope.type,
                body,
                digest,
            ],
        )
        row = cursor.fetchone()
        if row is not None:
            return int(row[0])
        cursor.execute(
            "SELECT position, body_hash, state FROM inbox WHERE event_id = %s FOR UPDATE", [envelope.event_id]
        )
        position, known, state = cursor.fetchone()
    if known != digest:
        raise IdConflict(f"{envelope.stream} version {envelope.version} came before with another body.")
    return int(position) if state == "waiting" else None


def _effect(service: str, envelope: Envelope) -> str:
    try:
        item = recorded(envelope)
    except UnknownEventType:
        return "ignored"
    known = handlers_of(service)
    if type(item.event) not in known.projectors and type(item.event) not in known.reactors:
        return "ignored"
    with caused_by(Cause(envelope.correlation_id, envelope.event_id)):
        project(service, item)
        react(service, item)
    return "handled"


def _mark(service: str, position: int, state: str) -> None:
    Inbox.objects.using(service).filter(position=position).update(state=state)


def _end(service: str, event_id: UUID) -> None:
    with connections[service].cursor() as cursor:
        cursor.execute("DELETE FROM attempt WHERE event_id = %s", [event_id])


def _set_aside(service: str, envelope: Envelope, body: bytes, error: Exception, attempts: int) -> None:
    if isinstance(error, BellwetherError):
        slug, detail = error.slug, error.detail
    else:
        slug, detail = "handler-failed", "".join(traceback.format_exception(error))[-8000:]
    with transaction.atomic(using=service, durable=True):
        # A parked message has no inbox row of its own, so that a retry is a first delivery.
        Inbox.objects.using(service).filter(event_id=envelope.event_id, body_hash=body_hash(body)).delete()
        park(service, body=body, envelope=envelope, slug=slug, detail=detail, attempts=attempts)
        _end(service, envelope.event_id)


def _next_waiting(service: str, source: str, stream: str) -> Inbox | None:
    place = {"source": source, "stream": stream}
    position = StreamPosition.objects.using(service).filter(**place)
    following = Subquery(position.annotate(following=F("version") + 1).values("following"))
    return Inbox.objects.using(service).filter(**place, state="waiting", version=following).first()
