"""Moves events from a service's outbox to the bus. Any number of relays may run."""

from typing import Any
from uuid import UUID

from django.db import connections, transaction

from shared.messaging.bus import Bus, Message
from shared.messaging.topology import subscribers_of
from shared.observability import metrics
from shared.observability.kill_points import reached

BATCH_EVENTS = 500
_FURTHER = 20 * BATCH_EVENTS

# Claims streams, oldest first: only a stream's oldest pending row is locked, and who holds it may send the rows
# behind it. Another relay sees that head as locked and takes other streams, so the order within a stream holds. See
# Note [Order of delivery] in shared/eventstore/append.py. Only the oldest pending rows are looked at, whatever the
# backlog: whichever of them is the first of its stream there is its head.
_CLAIM = """
WITH pending AS MATERIALIZED (
    SELECT position, stream FROM outbox WHERE sent_at IS NULL ORDER BY position LIMIT %(within)s
), head AS MATERIALIZED (
    SELECT o.stream FROM outbox o
    WHERE o.sent_at IS NULL AND o.position IN (SELECT min(position) FROM pending GROUP BY stream)
    FOR UPDATE OF o SKIP LOCKED
), mine AS MATERIALIZED (
    SELECT position FROM pending WHERE stream IN (SELECT stream FROM head) ORDER BY position LIMIT %(limit)s
)
SELECT o.position, o.event_id, o.routing_key, o.body FROM outbox o JOIN mine USING (position) ORDER BY o.position
"""


def relay_once(service: str, bus: Bus) -> int:
    """Send one batch of pending events and mark them sent after the bus confirmed; return how many.

    Raises BusUnavailable (nothing is marked) and database errors. A crash between confirm and commit sends
    the batch again; consumers recognise it by the event ids.
    """
    with transaction.atomic(using=service, durable=True), connections[service].cursor() as cursor:
        rows = _claim(cursor, within=BATCH_EVENTS) or _claim(cursor, within=_FURTHER)
        if not rows:
            return 0
        reached("relay.claimed")
        if subscribers_of(service):
            bus.publish(
                service,
                [Message(event_id=row[1], routing_key=row[2], body=bytes(row[3])) for row in rows],
            )
        reached("relay.confirmed")
        cursor.execute(
            "UPDATE outbox SET sent_at = now() WHERE position = ANY(%s)", [[row[0] for row in rows]]
        )
        reached("relay.marked")
    reached("relay.committed")
    metrics.EVENTS_RELAYED.labels(service).inc(len(rows))
    return len(rows)


def _claim(cursor: Any, *, within: int) -> list[tuple[int, UUID, str, bytes]]:
    """Return the rows to send among so many of the oldest: none where others send those streams."""
    cursor.execute(_CLAIM, {"within": within, "limit": BATCH_EVENTS})
    return cursor.fetchall()  # type: ignore[no-any-return]
