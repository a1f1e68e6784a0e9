"""Why something is as it is: the way back from one event over its causes to what was fetched. Pure.

An event goes back to the event that caused it. Besides, it rests on whatever its data names by an id, `run_id` or
`fetch_id` say, if that id is the key of a stream: on the last event there that came before it. What a person asked
for by hand has neither; it rests on the version of the prices that it was made from.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.contracts.envelope import Envelope, event_id

type EventOf = Callable[[UUID], Envelope | None]
type EventsOfKey = Callable[[str], Sequence[Envelope]]

PRICES_SOURCE, PRICES_STREAM = "ingest", "instrument-{symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One event and what it goes back to; `is_repeated` where that stands earlier in the walk and is not told again.

    `missing` are ids of causes that are not on record.
    """

    event: Envelope
    because: tuple["Origin", ...] = ()
    missing: tuple[UUID, ...] = ()
    is_repeated: bool = False

    def walk(self) -> Iterator["Origin"]:
        """Give every event once, each before what it goes back to."""
        if not self.is_repeated:
            yield self
        for origin in self.because:
            yield from origin.walk()


def key_of(event: Envelope) -> str:
    """Return what the event's stream is about: the id of a run, a symbol."""
    return event.stream.partition("-")[2]


def origin_of(event: Envelope, *, event_of: EventOf, events_of_key: EventsOfKey) -> Origin:
    """Return the event with all that it goes back to.

    `event_of` finds an event by its id, and the one that asked for a job by the job's; `events_of_key` finds all
    events of the streams that have a key.
    """
    return _Walk(event_of, events_of_key).origin(event)


class _Walk:
    def __init__(self, event_of: EventOf, events_of_key: EventsOfKey) -> None:
        self._event_of, self._events_of_key = event_of, events_of_key
        self._told: set[UUID] = set()

    def origin(self, event: Envelope) -> Origin:
        if event.event_id in self._told:
            return Origin(event=event, is_repeated=True)
        self._told.add(event.event_id)
        cause = self._event_of(event.causation_id) if event.causation_id else None
        is_lost = event.causation_id is not None and cause is None
        found = [cause] if cause else []
        found += self._named(event, besides={event.stream, cause.stream if cause else ""})
        if not found:
            found = self._prices(event)
        return Origin(
            event=event,
            because=tuple(self.origin(each) for each in found),
            missing=(event.causation_id,) if is_lost and event.causation_id else (),
        )

    def _named(self, event: Envelope, *, besides: set[str]) -> list[Envelope]:
        """Return the last event that came before, of each stream that a field of the event names."""
        found: dict[str, Envelope] = {}
        for name, value in event.data.items():
            if not name.endswith("_id") or not isinstance(value, str):
                continue
            for other in self._events_of_key(value):
                if other.stream not in besides and other.occurred_at <= event.occurred_at:
                    found[other.stream] = other
        return list(found.values())

    def _prices(self, event: Envelope) -> list[Envelope]:
        symbol, version = event.data.get("symbol"), event.data.get("data_version")
        if not isinstance(symbol, str) or not isinstance(version, int):
            return []
        prices = self._event_of(event_id(PRICES_SOURCE, PRICES_STREAM.format(symbol=symbol), version))
        return [prices] if prices and prices.event_id != event.event_id else []
