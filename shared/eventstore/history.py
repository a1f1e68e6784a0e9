"""Reads events: the newest, those that have just come, and those with a given id or in a given stream."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Never
from uuid import UUID

from django.db.models import Q, QuerySet

from shared.contracts.envelope import Envelope
from shared.contracts.registry import event_types
from shared.errors import NotFound, ValidationFailed
from shared.eventstore.horizon import horizon, is_whole
from shared.eventstore.models import Event, Inbox, Job, Outbox, Parked

LEAST_OF_ID, LENGTH_OF_ID = 8, 36
MOST_NAMED = 10
_HEXADECIMAL = frozenset("0123456789abcdef")


def envelope_of(service: str, row: Event) -> Envelope:
    """Return a stored event as it travels."""
    return Envelope(
        event_id=row.event_id,
        source=service,
        stream=row.stream,
        version=row.version,
        type=row.type,
        schema_version=row.schema_version,
        data=row.data,
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
        occurred_at=row.occurred_at,
    )


def events(
    service: str, *, stream: str = "", type: str = "", since: datetime | None = None
) -> QuerySet[Event]:
    """Return events of a service, the newest first."""
    found = Event.objects.using(service).order_by("-position")
    found = found.filter(stream=stream) if stream else found
    found = found.filter(type=type) if type else found
    return found.filter(recorded_at__gte=since) if since else found


class Follower:
    """Gives each event of a service that is committed after it began, once, also where commits crossed.

    They come in the order of positions each time, and one that was committed late comes late. See Note [Horizon of positions].
    """

    def __init__(self, service: str, *, stream: str = "", type: str = "") -> None:
        self.service = service
        self._rows = events(service, stream=stream, type=type)
        self.began_after: int | None = None
        self._seen = horizon(service)
        self._floor = 0
        self._given: set[int] = set()

    def begin(self) -> bool:
        """Return whether it began: all up to position `began_after` is there and comes no more."""
        if self.began_after is None and is_whole(self.service, self._seen):
            self.began_after = self._floor = self._seen.position
        return self.began_after is not None

    def new(self) -> list[Event]:
        """Return what has come since the last call, oldest first."""
        if not self.begin():
            return []
        whole = is_whole(self.service, self._seen)
        above = self._rows.filter(position__gt=self._floor)
        rows = list(above.exclude(position__in=self._given).order_by("position"))
        self._given.update(row.position for row in rows)
        if whole:
            self._floor = self._seen.position
            self._given = {position for position in self._given if position > self._floor}
            self._seen = horizon(self.service)
        return rows


def event_named(services: Iterable[str], text: str) -> tuple[str, Event]:
    """Return the service and the event whose id begins so. Raises NotFound, and ValidationFailed."""
    bounds = _id_bounds(text)
    found = [
        (service, row)
        for service in services
        for row in Event.objects.using(service).filter(event_id__range=bounds)[:MOST_NAMED]
    ]
    return (
        found[0]
        if len(found) == 1
        else _refuse("event", text, {str(row.event_id): row.type for _, row in found})
    )


def event_by_id(services: Iterable[str], event_id: UUID) -> Envelope | None:
    """Return the event of that id, or the one that asked for the job of that id."""
    for service in services:
        if row := Event.objects.using(service).filter(event_id=event_id).first():
            return envelope_of(service, row)
        causes = Job.objects.using(service).filter(id=event_id).values("causation_id")
        if row := Event.objects.using(service).filter(event_id__in=causes).first():
            return envelope_of(service, row)
    return None


def events_of(services: Iterable[str], key: str) -> list[Envelope]:
    """Return the events of every stream with that key, such as the id of a run; each stream in its order."""
    return [
        envelope_of(service, row)
        for service in services
        for row in Event.objects.using(service)
        .filter(stream__in=[f"{category}-{key}" for category in _categories(service)])
        .order_by("stream", "version")
    ]


def named(services: Sequence[str], text: str) -> Envelope:
    """Return the event that is meant: by its own id, or the last one of a stream or of what has an id, a run say.

    The first 8 characters of an id are enough if no other begins so. Raises NotFound, and ValidationFailed for
    what can be no id.
    """
    for service in services if text.isprintable() else ():
        if text and (row := events(service, stream=text).first()):
            return envelope_of(service, row)
    if not _is_beginning_of_id(text):
        meant = " or ".join(_streams_about(services, text))
        raise ValidationFailed(
            f"{text[:60]!r} is no id and no stream: "
            + (f"perhaps {meant} is meant." if meant else f"give at least {LEAST_OF_ID} characters of an id.")
        )
    keys = {key: what for service in services for key, what in _keys_beginning(service, text).items()}
    if len(keys) != 1:
        _refuse("thing", text, keys)
    (key,) = keys
    of_key = max(events_of(services, key), key=lambda each: (each.occurred_at, each.version), default=None)
    found = of_key or event_by_id(services, UUID(key))
    if found is None:
        raise NotFound(f"No event is on record of {key}.")
    return found


def _refuse(noun: str, text: str, found: Mapping[str, str]) -> Never:
    """Raise NotFound: nothing begins so, or more than one, with some of the `candidates` and what each is."""
    if not found:
        raise NotFound(
            f"{'Nothing' if noun == 'thing' else f'No {noun}'} has an id that begins with {text!r}."
        )
    candidates = [{"id": key, "what": what} for key, what in sorted(found.items())[:MOST_NAMED]]
    count = f"{len(found)}" if len(found) < MOST_NAMED else f"{MOST_NAMED} or more"
    raise NotFound(
        f"{count} {noun}s have an id that begins with {text!r}: give more of it.", candidates=candidates
    )


def _streams_about(services: Iterable[str], text: str) -> list[str]:
    """Return the streams whose key is just this text, such as a symbol."""
    if not text.isprintable():
        return []
    keys = {text, text.upper()}
    return sorted({each.stream for key in keys for each in events_of(services, key)})


def _keys_beginning(service: str, text: str) -> dict[str, str]:
    """Return a few ids, of jobs, of events and of what has a stream, that begin so, and what each is."""
    bounds, rows = _id_bounds(text), Event.objects.using(service)
    jobs = Job.objects.using(service).filter(id__range=bounds).values_list("id", flat=True)
    events_so = rows.filter(event_id__range=bounds).values_list("event_id", "type")
    begins = Q()
    for category in _categories(service):
        begins |= Q(stream__startswith=f"{category}-{text.lower()}")
    streams = rows.filter(begins).values_list("stream", flat=True).distinct()
    found = {str(each): "job" for each in jobs[:MOST_NAMED]}
    found |= {str(each): name for each, name in events_so[:MOST_NAMED]}
    return found | {
        key: category for category, _, key in (each.partition("-") for each in streams[:MOST_NAMED])
    }


def is_id(text: str) -> bool:
    """Return whether a text is the whole of an id."""
    return len(text) == LENGTH_OF_ID and set(text.replace("-", "")) <= _HEXADECIMAL


def whereabouts_of(source: str, event_id: UUID, receivers: Iterable[str]) -> dict[str, Any]:
    """Return when an event was sent, if it is published, and its `status` in each service that receives it.

    That is its state in the inbox, `parked`, or `missing`.
    """
    sent = Outbox.objects.using(source).filter(event_id=event_id).first()
    return {
        "published": sent is not None,
        "sent_at": sent.sent_at if sent else None,
        "received": [_receipt(service, event_id) for service in receivers] if sent else [],
    }


def _receipt(service: str, event_id: UUID) -> dict[str, Any]:
    parked = Parked.objects.using(service).filter(event_id=event_id, resolution=None).first()
    if parked is not None:
        return {"service": service, "status": "parked", "at": parked.parked_at, "parked_id": parked.id}
    row = Inbox.objects.using(service).filter(event_id=event_id).first()
    status, at = (row.state, row.received_at) if row else ("missing", None)
    return {"service": service, "status": status, "at": at, "parked_id": None}


def _categories(service: str) -> list[str]:
    return sorted({kind.category for kind in event_types() if kind.source == service})


def _is_beginning_of_id(text: str) -> bool:
    digits = text.lower().replace("-", "")
    return LEAST_OF_ID <= len(digits) <= 32 and set(digits) <= _HEXADECIMAL


def _id_bounds(text: str) -> tuple[UUID, UUID]:
    """Return the least and the greatest id that begin so. Raises ValidationFailed."""
    digits = text.lower().replace("-", "")
    if not _is_beginning_of_id(text):
        raise ValidationFailed(
            f"{text[:60]!r} is no id: give one, or at least its first {LEAST_OF_ID} characters."
        )
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
