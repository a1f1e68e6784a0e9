"""Moves events from a service's outbox to the bus. Any number of relays may run."""

from django.db import connections, transaction

from shared.messaging.bus import Bus, Message
from shared.messaging.topology import subscribers_of
from shared.observability import metrics
from shared.observability.kill_points import reached

BATCH_EVENTS = 500

# Claims whole streams, oldest first: only a stream's oldest pending row is locked, and who holds it may send
# the rows behind it. Another relay sees that head as locked and takes other streams, so the order within a
# stream holds. See Note [Order of delivery] in shared/eventstore/append.py.
_CLAIM = """
WITH head AS (
    SELECT o.stream FROM outbox o
    WHERE o.sent_at IS NULL AND NOT EXISTS (
        SELECT FROM outbox earlier
        WHERE earlier.stream = o.stream AND earlier.sent_at IS NULL AND earlier.position < o.position)
    ORDER BY o.position LIMIT %(limit)s
    FOR UPDATE OF o SKIP LOCKED
)
SELECT o.position, o.event_id, o.routing_key, o.body FROM outbox o JOIN head USING (stream)
WHERE o.sent_at IS NULL ORDER BY o.position LIMIT %(limit)s
"""


def relay_once(service: str, bus: Bus) -> int:
    """Send one batch of pending events and mark them sent after the bus confirmed; return how many.

    Raises BusUnavailable (nothing is marked) and database errors. A crash between confirm and commit sends
    the batch again; consumers recognise it by the event ids.
    """
    with transaction.atomic(using=service, durable=True), connections[service].cursor() as cursor:
        cursor.execute(_CLAIM, {"limit": BATCH_EVENTS})
        rows = cursor.fetchall()
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
