"""Lets events travel again: by the bus to all who listen, or straight into one service. Inboxes keep effects single."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.models import QuerySet

from shared.eventstore.inbox import Pause, receive
from shared.eventstore.models import Inbox, Outbox

PAGE_EVENTS = 500

_ASKED_FOR = """
feed.{source} f
WHERE f.position > %(after)s
  AND (%(since)s::timestamptz IS NULL OR f.recorded_at >= %(since)s)
  AND (%(event_id)s::uuid IS NULL OR f.event_id = %(event_id)s)
  AND (%(stream)s::text IS NULL OR f.stream = %(stream)s)
"""
_IS_PARKED = """
EXISTS (
    SELECT FROM parked p
    WHERE p.event_id = f.event_id AND p.resolution IS NULL AND p.slug <> 'unrecorded-event')
"""
_FED = f"""
SELECT f.position, f.event_id, f.body FROM {_ASKED_FOR} AND NOT {_IS_PARKED} ORDER BY f.position LIMIT %(limit)s
"""
_PARKED = f"SELECT count(*) FROM {_ASKED_FOR} AND {_IS_PARKED}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which published events: those recorded `since` an instant, one of them, or a whole stream."""

    since: datetime | None = None
    event_id: UUID | None = None
    stream: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retaken:
    """How many events a service was given again, and how many of them it had not received before.

    `parked` are those asked for that now wait with it for an operator's retry, whether they were given or left out.
    """

    events: int
    new: int
    parked: int


def send_again(source: str, which: Which) -> int:
    """Mark events of a service unsent, so that its relay publishes them once more; return how many."""
    with transaction.atomic(using=source, durable=True):
        return published(source, which).filter(sent_at__isnull=False).update(sent_at=None)


def published(source: str, which: Which) -> QuerySet[Outbox]:
    """Return the events of a service that are meant and leave it, sent or not yet."""
    found = Outbox.objects.using(source).all()
    if which.since:
        found = found.filter(created_at__gte=which.since)
    if which.event_id:
        found = found.filter(event_id=which.event_id)
    if which.stream:
        found = found.filter(stream=which.stream)
    return found


def take_again(service: str, source: str, which: Which, *, pause: Pause) -> Retaken:
    """Have a service receive events of another one from its feed, whatever the bus did with them.

    Those that it has handled change nothing, and those that it parked wait for an operator's retry. `pause(seconds)`
    is called between tries of a failing handler.
    """
    asked = {"after": 0, "since": which.since, "event_id": which.event_id, "stream": which.stream}
    after = events = new = 0
    while rows := _read(service, _FED.format(source=source), asked | {"after": after, "limit": PAGE_EVENTS}):
        known = Inbox.objects.using(service).filter(event_id__in=[row[1] for row in rows]).count()
        receive(service, [bytes(row[2]) for row in rows], pause=pause)
        after, events, new = rows[-1][0], events + len(rows), new + len(rows) - known
    ((parked,),) = _read(service, _PARKED.format(source=source), asked)
    return Retaken(events=events, new=new, parked=parked)


def _read(service: str, query: str, values: dict[str, Any]) -> list[Any]:
    with connections[service].cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()  # type: ignore[no-any-return]
