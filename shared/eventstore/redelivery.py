"""Lets events travel again: by the bus to all who listen, or straight into one service. Inboxes keep effects single."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections, transaction

from shared.eventstore.inbox import Pause, receive
from shared.eventstore.models import Inbox, Outbox

PAGE_EVENTS = 500

_FED = """
SELECT f.position, f.event_id, f.body FROM feed.{source} f
WHERE f.position > %(after)s
  AND (%(since)s::timestamptz IS NULL OR f.recorded_at >= %(since)s)
  AND (%(event_id)s::uuid IS NULL OR f.event_id = %(event_id)s)
  AND (%(stream)s::text IS NULL OR f.stream = %(stream)s)
  AND NOT EXISTS (
    SELECT FROM parked p
    WHERE p.event_id = f.event_id AND p.resolution IS NULL AND p.slug <> 'unrecorded-event')
ORDER BY f.position LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which published events: those recorded `since` an instant, one of them, or a whole stream."""

    since: datetime | None = None
    event_id: UUID | None = None
    stream: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retaken:
    """How many events a service was given again, and how many of them it had not received before."""

    events: int
    new: int


def send_again(source: str, which: Which) -> int:
    """Mark events of a service unsent, so that its relay publishes them once more; return how many."""
    sent = Outbox.objects.using(source).filter(sent_at__isnull=False)
    if which.since:
        sent = sent.filter(created_at__gte=which.since)
    if which.event_id:
        sent = sent.filter(event_id=which.event_id)
    if which.stream:
        sent = sent.filter(stream=which.stream)
    with transaction.atomic(using=source, durable=True):
        return sent.update(sent_at=None)


def take_again(service: str, source: str, which: Which, *, pause: Pause) -> Retaken:
    """Have a service receive events of another one from its feed, whatever the bus did with them.

    Those that it has handled change nothing, and those that it parked wait for an operator's retry. `pause(seconds)`
    is called between tries of a failing handler.
    """
    after = events = new = 0
    while True:
        with connections[service].cursor() as cursor:
            cursor.execute(
                _FED.format(source=source),
                {
                    "after": after,
                    "since": which.since,
                    "event_id": which.event_id,
                    "stream": which.stream,
                    "limit": PAGE_EVENTS,
                },
            )
            rows = cursor.fetchall()
        if not rows:
            return Retaken(events=events, new=new)
        known = Inbox.objects.using(service).filter(event_id__in=[row[1] for row in rows]).count()
        receive(service, [bytes(row[2]) for row in rows], pause=pause)
        after, events, new = rows[-1][0], events + len(rows), new + len(rows) - known
