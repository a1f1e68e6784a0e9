"""Up to which position a service's record is whole, told without making any writer wait."""

from dataclasses import dataclass

from django.db import connections
from django.db.models import Max

from shared.eventstore.models import Event

# Note [Horizon of positions]
# A reader of positions may pass one by whose writer has not committed yet (Note [Order of delivery] in append.py).
# Who inserts holds a lock on the table from before it draws a position until its transaction ends. So: note the
# highest position in sight, then who holds such a lock. Once none of them does, whatever was drawn up to that
# position is in sight or was rolled back for good. Nobody is made to wait: the locks are only looked at.

_WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = %s::regclass AND mode = 'RowExclusiveLock' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class Horizon:
    """A position, and the transactions that may yet commit events at or below it."""

    position: int
    writers: frozenset[str]


def horizon(service: str) -> Horizon:
    """Return the highest position in sight (0: there is no event) with who was writing. See Note [Horizon of positions]."""
    found = Event.objects.using(service).aggregate(last=Max("position"))
    return Horizon(int(found["last"] or 0), _writers(service))


def is_whole(service: str, seen: Horizon) -> bool:
    """Return whether a query from now on finds every event up to the horizon's position."""
    return not seen.writers or seen.writers.isdisjoint(_writers(service))


def _writers(service: str) -> frozenset[str]:
    with connections[service].cursor() as cursor:
        cursor.execute(_WRITERS, [f"{service}.event"])
        return frozenset(row[0] for row in cursor.fetchall())
