"""Replays a service's record into another schema, in rounds, each with what the one before could not see."""

from collections.abc import Callable, Sequence
from itertools import batched

from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import QuerySet

from shared.contracts.envelope import Envelope
from shared.contracts.registry import type_of
from shared.errors import BellwetherError
from shared.eventstore.history import envelope_of
from shared.eventstore.horizon import horizon, is_whole
from shared.eventstore.inbox import Pause
from shared.eventstore.models import Event, Inbox
from shared.eventstore.registry import handlers_of, project, recorded

BATCH_EVENTS = 500
WRITER_TRIES, WRITER_PAUSE_SECONDS = 2400, 0.05

type Progress = Callable[[int, int], object]

# What was received comes in the order it was applied in: Note [Order of effects] in effects.py. `replayed` has the
# last version of each stream that the rounds before took: events of one stream are handled in the order of their
# versions, so that all up to it are done, whatever committed when.
_RECEIVED = """
SELECT i.position FROM inbox i LEFT JOIN {schema}.replayed r USING (source, stream)
WHERE i.state = 'handled' AND i.type = ANY(%s) AND i.version > coalesce(r.version, 0)
ORDER BY i.position
"""
_REPLAYED = """
INSERT INTO {schema}.replayed AS r (source, stream, version) VALUES (%s, %s, %s)
ON CONFLICT (source, stream) DO UPDATE SET version = EXCLUDED.version
"""


class ReplayFailed(BellwetherError):
    """Raised when a projector cannot take an event that is on record; repair the projector or its upcaster."""

    status, slug, title = 500, "replay-failed", "An event on record cannot be replayed"


class WritersTooLong(BellwetherError):
    """Raised when a transaction that writes events stays open for minutes; end it and try again."""

    status, slug, title = (
        503,
        "writers-too-long",
        "Events are being written by a transaction that does not end",
    )
    retry_after_seconds = 60


class Replay:
    """One replay of a service's record into `schema`, which stands before the service's own on the search path.

    What the service received comes before what it decided, as their projectors write different tables. `done`
    counts the events that were projected. Only events with a projector are read.
    """

    def __init__(self, service: str, schema: str, *, progress: Progress, pause: Pause) -> None:
        self.done = 0
        self._service, self._schema = service, schema
        self._progress, self._pause = progress, pause
        self._position = 0
        self._types = [type_of(cls).type for cls in handlers_of(service).projectors]

    def catch_up(self) -> int:
        """Replay what is whole by now and was not replayed before, in short transactions; return how many events.

        Raises ReplayFailed, and WritersTooLong.
        """
        whole_to = self._whole_position()
        before, total = self.done, self.done + self._count_left(whole_to)
        self._progress(self.done, total)
        with connections[self._service].chunked_cursor() as cursor:
            cursor.execute(_RECEIVED.format(schema=self._schema), [self._types])
            for positions in iter(lambda: cursor.fetchmany(BATCH_EVENTS), []):
                with transaction.atomic(using=self._service, durable=True):
                    self._project_received([position for (position,) in positions])
                self._progress(self.done, max(total, self.done))
        while rows := list(self._decided().filter(position__lte=whole_to)[:BATCH_EVENTS]):
            with transaction.atomic(using=self._service, durable=True):
                self._project_decided(rows)
            self._progress(self.done, max(total, self.done))
        self._position = max(self._position, whole_to)
        return self.done - before

    def finish(self) -> None:
        """Replay in the caller's transaction, which holds writers off, all that is committed. Raises ReplayFailed."""
        with connections[self._service].cursor() as cursor:
            cursor.execute(_RECEIVED.format(schema=self._schema), [self._types])
            for positions in batched(cursor.fetchall(), BATCH_EVENTS):
                self._project_received([position for (position,) in positions])
        while rows := list(self._decided()[:BATCH_EVENTS]):
            self._project_decided(rows)
        self._progress(self.done, self.done)

    def _whole_position(self) -> int:
        """Return a position up to which all events are in sight. See Note [Horizon of positions]."""
        seen = horizon(self._service)
        for _ in range(WRITER_TRIES):
            if is_whole(self._service, seen):
                return seen.position
            self._pause(WRITER_PAUSE_SECONDS)
        raise WritersTooLong(f"A transaction has been writing events of {self._service} for minutes.")

    def _decided(self) -> QuerySet[Event]:
        found = Event.objects.using(self._service).filter(type__in=self._types, position__gt=self._position)
        return found.order_by("position")

    def _count_left(self, whole_to: int) -> int:
        with connections[self._service].cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({_RECEIVED.format(schema=self._schema)}) i", [self._types])
            received = int(cursor.fetchone()[0])
        return received + self._decided().filter(position__lte=whole_to).count()

    def _project_received(self, positions: Sequence[int]) -> None:
        rows = Inbox.objects.using(self._service).filter(position__in=positions)
        bodies = dict(rows.values_list("position", "body"))
        envelopes = [Envelope.from_bytes(bytes(bodies[position])) for position in positions]
        self._project(envelopes)
        last = {(each.source, each.stream): each.version for each in envelopes}
        with connections[self._service].cursor() as cursor:
            cursor.executemany(
                _REPLAYED.format(schema=self._schema),
                [(source, stream, version) for (source, stream), version in last.items()],
            )

    def _project_decided(self, rows: Sequence[Event]) -> None:
        self._project([envelope_of(self._service, row) for row in rows])
        self._position = rows[-1].position

    def _project(self, envelopes: Sequence[Envelope]) -> None:
        with connections[self._service].cursor() as cursor:
            cursor.execute(f"SET LOCAL search_path = {self._schema}, {self._service}")
        for envelope in envelopes:
            try:
                project(self._service, recorded(envelope))
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:  # whatever a projector raises, the operator is told of which event
                raise ReplayFailed(
                    f"{envelope.type}, {envelope.stream} version {envelope.version}, cannot be replayed:"
                    f" {type(error).__name__}: {error}",
                    event_id=str(envelope.event_id),
                ) from error
        self.done += len(envelopes)
