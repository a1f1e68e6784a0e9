"""The one door through which events enter a service's record."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connections
from django.db.models import Max

from shared.contracts.codec import MAX_EVENT_BYTES, OversizeEvent, to_json
from shared.contracts.envelope import Envelope, event_id
from shared.contracts.registry import type_of
from shared.errors import BellwetherError
from shared.eventstore.models import Event, Outbox
from shared.eventstore.registry import Recorded, project, project_each, recorded
from shared.observability.correlation import current_cause

# Note [Order of delivery]
# Positions are drawn at INSERT and become visible at COMMIT, so a reader that remembers "the last position
# seen" loses the event of a slower writer. Nothing here does: the relay claims outbox rows by their flag, and
# consumers order by the version within a stream, which is gap-free by the unique constraint below.


class StreamConflict(BellwetherError):
    """Raised when a stream moved on since it was read; load it again and repeat the command."""

    status, slug, title = 409, "stream-conflict", "Somebody else changed this at the same time"
    retry_after_seconds = 1


class OutsideTransaction(RuntimeError):
    """Raised when `append` is called outside of the service's transaction: open `atomic(using=service)`."""


def append(
    service: str, stream: str, *events: Any, now: datetime, expected_version: int | None = None
) -> Sequence[Envelope]:
    """Record events at the end of `stream`, run their projectors and queue them for the bus.

    All happens in the caller's transaction, which must be open. `expected_version` is the version the caller
    decided on (0: the stream is new); None takes the stream as it is.

    Raises StreamConflict when another writer came first, MalformedEvent for an event that could not be read
    back from its record, and OversizeEvent above 256 KiB.
    """
    _require_transaction(service, stream)
    at = stream_version(service, stream)
    if expected_version is not None and expected_version != at:
        raise _conflict(stream, at, expected_version)
    envelopes = [
        _envelope(service, stream, at + number, event, now) for number, event in enumerate(events, start=1)
    ]
    for item in _record(service, envelopes):
        project(service, item)
    return envelopes


def append_each(
    service: str, entries: Iterable[tuple[str, Any, int]], *, now: datetime
) -> Sequence[Envelope]:
    """Record one event at the end of each of many streams: as `append` does it, with few statements for all.

    An entry is the stream, its event and the version that the caller decided on (0: the stream is new). Raises
    what `append` raises; then none is recorded once the caller's transaction is rolled back.
    """
    given = list(entries)
    _require_transaction(service, f"{len(given)} streams")
    found = Event.objects.using(service).filter(stream__in=[stream for stream, _, _ in given])
    at = dict(found.values("stream").annotate(last=Max("version")).values_list("stream", "last"))
    for stream, _, expected_version in given:
        if at.get(stream, 0) != expected_version:
            raise _conflict(stream, at.get(stream, 0), expected_version)
    envelopes = [_envelope(service, stream, last + 1, event, now) for stream, event, last in given]
    project_each(service, _record(service, envelopes))
    return envelopes


def stream_version(service: str, stream: str) -> int:
    """Return the version of the last event in the stream, 0 when there is none."""
    found = Event.objects.using(service).filter(stream=stream).aggregate(last=Max("version"))
    return int(found["last"] or 0)


def _require_transaction(service: str, what: str) -> None:
    if not connections[service].in_atomic_block:
        raise OutsideTransaction(f"append to {what} outside of atomic(using={service!r})")


def _conflict(stream: str, at: int, expected_version: int) -> StreamConflict:
    return StreamConflict(f"{stream} is at version {at}, not {expected_version}.")


def _record(service: str, envelopes: list[Envelope]) -> list[Recorded[Any]]:
    """Store the events, queue those that are published, and return what their projectors are to be given."""
    bodies = [_body(envelope) for envelope in envelopes]
    # Projectors get what is on record and not the caller's object, so a replay shows them the same.
    items = [recorded(envelope) for envelope in envelopes]
    _queue(service, _insert(service, envelopes), bodies, items)
    return items


def _envelope(service: str, stream: str, version: int, event: Any, now: datetime) -> Envelope:
    kind, cause = type_of(type(event)), current_cause()
    if kind.source != service or not stream.startswith(f"{kind.category}-"):
        raise ValueError(
            f"{kind.type} belongs in a {kind.source}/{kind.category}- stream, not {service}/{stream}"
        )
    return Envelope(
        event_id=event_id(service, stream, version),
        source=service,
        stream=stream,
        version=version,
        type=kind.type,
        schema_version=kind.schema_version,
        data=to_json(event),
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        occurred_at=now,
    )


def _body(envelope: Envelope) -> bytes:
    body = envelope.to_bytes()
    if len(body) > MAX_EVENT_BYTES:
        raise OversizeEvent(f"{envelope.type} has {len(body)} bytes; at most {MAX_EVENT_BYTES} are taken.")
    return body


def _insert(service: str, envelopes: list[Envelope]) -> list[Event]:
    rows = [
        Event(
            event_id=item.event_id,
            stream=item.stream,
            version=item.version,
            type=item.type,
            schema_version=item.schema_version,
            data=item.data,
            correlation_id=item.correlation_id,
            causation_id=item.causation_id,
            occurred_at=item.occurred_at,
        )
        for item in envelopes
    ]
    try:
        return Event.objects.using(service).bulk_create(rows)
    except IntegrityError as error:
        if "event_stream_version" in str(error) or "event_id_once" in str(error):
            raise StreamConflict(f"{envelopes[0].stream} was changed by another writer.") from error
        raise


def _queue(service: str, rows: list[Event], bodies: list[bytes], items: list[Recorded[Any]]) -> None:
    Outbox.objects.using(service).bulk_create(
        Outbox(
            position=row.position,
            event_id=row.event_id,
            stream=row.stream,
            body=body,
            routing_key=f"{service}.{row.type}",
        )
        for row, body, item in zip(rows, bodies, items, strict=True)
        if type_of(type(item.event)).published
    )
