"""How a service receives events: every effect once, in the order of each stream, and nothing lost."""

import traceback
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connections, transaction

from shared.contracts.codec import MalformedEvent, OversizeEvent, body_hash
from shared.contracts.envelope import Envelope
from shared.contracts.registry import UnknownEventType, UnsupportedVersion, decode_event
from shared.errors import BellwetherError
from shared.eventstore.models import Inbox
from shared.eventstore.parked import park
from shared.eventstore.registry import Recorded, handlers_of, project, react
from shared.observability.correlation import Cause, caused_by

MAX_ATTEMPTS = 3
type Pause = Callable[[float], object]
log = structlog.get_logger(__name__)

# Note [Effect once]
# The inbox row is inserted in the transaction of the effect. A second delivery finds the row and does
# nothing; a crash takes the row and the effect away together. The broker's own `redelivered` flag is no use
# here: a message published twice is new to the broker.

# Note [Attempts]
# Attempts are committed before handling, once for a whole batch. If a message kills the process, all of its
# batch has one attempt; on the next delivery each of those is counted alone, just before it is handled, so
# only the culprit reaches the limit and its neighbours do not.


class IdConflict(BellwetherError):
    """Raised when a known event id comes with another body; the newcomer is parked."""

    status, slug, title = 409, "id-conflict", "A known event id came with another body"


class CrashedBefore(BellwetherError):
    """Raised for an event whose handling was begun too often without an end; it is parked."""

    status, slug, title = 500, "handler-crashed", "Handling was begun too often without an end"


def receive(service: str, bodies: Sequence[bytes], *, pause: Pause) -> None:
    """Take in a batch of message bodies; when this returns each is handled, stored or parked.

    `pause(seconds)` is called between tries of a failing handler. A database error is raised: the caller
    gives the batch back to the bus and connects again.
    """
    envelopes = [found for body in bodies if (found := _decode(service, body)) is not None]
    attempts = _begin(service, [envelope.event_id for envelope, _ in envelopes])
    for envelope, body in envelopes:
        count = attempts[envelope.event_id]
        if count > 0:
            count = _begin_again(service, envelope.event_id)
        _handle(service, envelope, body, attempts=max(count, 1), pause=pause)
        drain(service, envelope.source, envelope.stream, pause=pause)


def drain(service: str, source: str, stream: str, *, pause: Pause) -> int:
    """Apply waiting events of one stream that have become next in order; return how many."""
    applied = 0
    while (row := _next_waiting(service, source, stream)) is not None:
        body = bytes(row.body)
        _handle(service, Envelope.from_bytes(body), body, attempts=1, pause=pause)
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
    with connections[service].cursor() as cursor:
        cursor.execute(
            "UPDATE attempt SET attempts = attempts + 1, last_at = now() WHERE event_id = %s RETURNING attempts",
            [event_id],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 1


def _handle(service: str, envelope: Envelope, body: bytes, *, attempts: int, pause: Pause) -> None:
    if attempts > MAX_ATTEMPTS:
        _set_aside(service, envelope, body, CrashedBefore(f"{envelope.type} was begun {attempts - 1} times."), attempts)
        return
    for attempt in range(attempts, MAX_ATTEMPTS + 1):
        try:
            _apply_once(service, envelope, body)
            return
        except (OperationalError, InterfaceError):
            raise
        except (MalformedEvent, UnsupportedVersion, IdConflict) as error:
            _set_aside(service, envelope, body, error, attempt)
            return
        except Exception as error:  # the boundary of every handler: whatever it is, it is kept
            log.warning("event_handler_failed", type=envelope.type, attempt=attempt, exc_info=True)
            if attempt == MAX_ATTEMPTS:
                _set_aside(service, envelope, body, error, attempt)
                return
            pause(0.05 * 2**attempt)


def _apply_once(service: str, envelope: Envelope, body: bytes) -> None:
    with transaction.atomic(using=service, durable=True):
        row = _record(service, envelope, body)
        if row is None:
            _end(service, envelope.event_id)
            return
        position = _lock_position(service, envelope.source, envelope.stream)
        if envelope.version > position + 1:
            _mark(service, row, "waiting")
        elif envelope.version == position + 1:
            _mark(service, row, _effect(service, envelope))
            _advance(service, envelope)
        else:
            _mark(service, row, "ignored")
        _end(service, envelope.event_id)


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


def _lock_position(service: str, source: str, stream: str) -> int:
    with connections[service].cursor() as cursor:
        cursor.execute(
            "INSERT INTO stream_position (source, stream, version) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING",
            [source, stream],
        )
        cursor.execute(
            "SELECT version FROM stream_position WHERE source = %s AND stream = %s FOR UPDATE", [source, stream]
        )
        return int(cursor.fetchone()[0])


def _effect(service: str, envelope: Envelope) -> str:
    try:
        event = decode_event(type=envelope.type, schema_version=envelope.schema_version, data=envelope.data)
    except UnknownEventType:
        return "ignored"
    known = handlers_of(service)
    if type(event) not in known.projectors and type(event) not in known.reactors:
        return "ignored"
    recorded: Recorded[Any] = Recorded(event=event, envelope=envelope)
    with caused_by(Cause(envelope.correlation_id, envelope.event_id)):
        project(service, recorded)
        react(service, recorded)
    return "handled"


def _mark(service: str, position: int, state: str) -> None:
    Inbox.objects.using(service).filter(position=position).update(state=state)


def _advance(service: str, envelope: Envelope) -> None:
    with connections[service].cursor() as cursor:
        cursor.execute(
            "UPDATE stream_position SET version = %s WHERE source = %s AND stream = %s",
            [envelope.version, envelope.source, envelope.stream],
        )


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
    return (
        Inbox.objects.using(service)
        .filter(source=source, stream=stream, state="waiting")
        .extra(
            where=[
                "version = (SELECT p.version + 1 FROM stream_position p"
                " WHERE p.source = inbox.source AND p.stream = inbox.stream)"
            ]
        )
        .first()
    )
