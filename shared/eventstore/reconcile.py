"""Compares the events of other services with the inbox and takes in what the bus lost."""

from collections.abc import Sequence

from django.db import connections

from shared.eventstore.inbox import Pause, drain, receive
from shared.eventstore.models import Inbox

MOST_EVENTS = 1000

_MISSING = """
SELECT f.body FROM feed.{source} f
WHERE f.recorded_at < now() - make_interval(secs => %s)
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = f.event_id)
  AND NOT EXISTS (SELECT FROM bus.delivery d WHERE d.consumer = %s AND d.event_id = f.event_id)
  AND NOT EXISTS (
    SELECT FROM parked p
    WHERE p.event_id = f.event_id AND p.resolution IS NULL AND p.slug <> 'unrecorded-event')
ORDER BY f.position LIMIT %s
"""


def reconcile(
    service: str, *, sources: Sequence[str], older_than_seconds: float, pause: Pause, limit: int = MOST_EVENTS
) -> int:
    """Receive events that are in a source's feed but not in the inbox, `limit` of each source; return how many.

    Only events older than `older_than_seconds` count as lost: younger ones may still be on their way, as those are
    that wait in the PostgreSQL bus. Also applies events that wait although their turn has come.
    """
    found = 0
    for source in sources:
        with connections[service].cursor() as cursor:
            cursor.execute(_MISSING.format(source=source), [older_than_seconds, service, limit])
            bodies = [bytes(row[0]) for row in cursor.fetchall()]
        receive(service, bodies, pause=pause)
        found += len(bodies)
    waiting = Inbox.objects.using(service).filter(state="waiting").values_list("source", "stream").distinct()
    for source, stream in list(waiting):
        drain(service, source, stream, pause=pause)
    return found
