"""The one door through which events enter a service's record."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connections

from shared.contracts.codec import MAX_EVENT_BYTES, OversizeEvent, dumps, to_json
from shared.contracts.envelope import Envelope, event_id
from shared.contracts.registry import type_of
from shared.cursors import prepared_cursor
from shared.errors import BellwetherError
from shared.eventstore.registry import Recorded, project, project_each, recorded
from shared.observability.correlation import current_cause

# Note [Order of delivery]
# Positions are drawn at INSERT and become visible at COMMIT, so a reader that remembers "the last position
# seen" loses the event of a slower writer. Nothing here does: the relay claims outbox rows by their flag, and
# consumers order by the version within a stream, which is gap-free by the unique constraint below.


# Both tables in one statement, because each trip to the server costs as much as the rest of an append. A stream
# that is not at its expected version gives no rows; who comes second at the same moment meets the constraint.
_ROW = (
    "(%s::uuid, %s::text, %s::int, %s::int, %s::text, %s::smallint, %s::text, %s::bytea, %s::bool, %s::int)"
)
_STORE = """
WITH fresh (event_id, stream, expected, version, type, schema_version, data, body, is_published, number) AS (
    VALUES {rows}
), stored AS (
    INSERT INTO event
        (event_id, stream, version, type, schema_version, data, correlation_id, causation_id, occurred_at)
    SELECT event_id, stream, version, type, schema_version, data::jsonb, %s::uuid, %s::uuid, %s::timestamptz
    FROM fresh
    WHERE expected = (SELECT coalesce(max(version), 0) FROM event WHERE stream = fresh.stream)
    ORDER BY number
    RETURNING position, event_id, stream
), queued AS (
    INSERT INTO outbox (position, event_id, stream, body, routing_key)
    SELECT position, event_id, stored.stream, body, %s || '.' || type
    FROM stored JOIN fresh USING (event_id) WHERE is_published
)
SELECT stream FROM stored
"""


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
    at = stream_version(service, stream) if expected_version is None else expected_version
    envelopes = [
        _envelope(service, stream, at + number, event, now) for number, event in enumerate(events, start=1)
    ]
    for item in _record(service, envelopes, [at] * len(envelopes)):
        project(service, item)
    return envelopes


def append_each(
    service: str, entries: Iterable[tuple[str, Any, int]], *, now: datetime
) -> Sequence[Envelope]:
    """Record one event at the end of each of many streams: as `append` does it, with one statement for all.

    An entry is the stream, its event and the version that the caller decided on (0: the stream is new). Raises
    what `append` raises; then none is recorded once the caller's transaction is rolled back.
    """
    given = list(entries)
    _require_transaction(service, f"{len(given)} streams")
    envelopes = [_envelope(service, stream, at + 1, event, now) for stream, event, at in given]
    project_each(service, _record(service, envelopes, [at for _, _, at in given]))
    return envelopes


def stream_version(service: str, stream: str) -> int:
    """Return the version of the last event in the stream, 0 when there is none."""
    with prepared_cursor(service) as cursor:
        cursor.execute("SELECT coalesce(max(version), 0) FROM event WHERE stream = %s", [stream])
        return int(cursor.fetchone()[0])


def _require_transaction(service: str, what: str) -> None:
    if not connections[service].in_atomic_block:
        raise OutsideTransaction(f"append to {what} outside of atomic(using={service!r})")


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


def _record(service: str, envelopes: list[Envelope], expected: list[int]) -> list[Recorded[Any]]:
    """Store the events, queue those that are published, and return what their projectors are to be given."""
    bodies = [_body(envelope) for envelope in envelopes]
    # Projectors get what is on record and not the caller's object, so a replay shows them the same.
    items = [recorded(envelope) for envelope in envelopes]
    if not envelopes:
        return items
    values: list[object] = []
    for number, (envelope, body, item) in enumerate(zip(envelopes, bodies, items, strict=True)):
        values += (envelope.event_id, envelope.stream, expected[number], envelope.version, envelope.type)
        values += (envelope.schema_version, dumps(envelope.data).decode(), body)
        values += (type_of(type(item.event)).published, number)
    first = envelopes[0]
    values += (first.correlation_id, first.causation_id, first.occurred_at, service)
    try:
        with prepared_cursor(service) as cursor:
            cursor.execute(_STORE.format(rows=", ".join([_ROW] * len(envelopes))), values)
            stored = {stream for (stream,) in cursor.fetchall()}
    except IntegrityError as error:
        if "event_stream_version" in str(error) or "event_id_once" in str(error):
            raise StreamConflict(f"{envelopes[0].stream} was changed by another writer.") from error
        raise
    for envelope, version in zip(envelopes, expected, strict=True):
        if envelope.stream not in stored:
            at = stream_version(service, envelope.stream)
            raise StreamConflict(f"{envelope.stream} is at version {at}, not {version}.")
    return items
