"""Which function answers to which event, and which tables are projections."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from shared.contracts.envelope import Envelope
from shared.contracts.registry import decode_event


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded[E]:
    """An event with its envelope, as a handler gets it."""

    event: E
    envelope: Envelope


type Handler = Callable[[Recorded[Any]], None]
type Handlers = Mapping[type, tuple[Handler, ...]]


@dataclass(frozen=True, slots=True)
class SetBased:
    """A projector that writes the rows of many events of different streams at once, and of one as any other does."""

    write: Callable[[Sequence[Recorded[Any]]], None]

    def __call__(self, item: Recorded[Any]) -> None:
        """Write the rows of one event."""
        self.write((item,))


@dataclass(slots=True)
class ServiceHandlers:
    """All that one service does with events.

    `projectors` write rows only and are replayed by `rebuild`; `reactors` may start work and are never
    replayed. `projections` are the tables that projectors write, and nobody else does.
    """

    projectors: dict[type, tuple[Handler, ...]] = field(default_factory=dict)
    reactors: dict[type, tuple[Handler, ...]] = field(default_factory=dict)
    projections: tuple[type[models.Model], ...] = ()


_HANDLERS: dict[str, ServiceHandlers] = {}


def register(
    service: str,
    *,
    projectors: Handlers | None = None,
    reactors: Handlers | None = None,
    projections: tuple[type[models.Model], ...] = (),
) -> None:
    """Add one app's table of contents to its service; called at the foot of each `handlers.py`."""
    known = handlers_of(service)
    for cls, functions in (projectors or {}).items():
        known.projectors[cls] = known.projectors.get(cls, ()) + functions
    for cls, functions in (reactors or {}).items():
        known.reactors[cls] = known.reactors.get(cls, ()) + functions
    known.projections += projections


def handlers_of(service: str) -> ServiceHandlers:
    """Return what the service does with events."""
    return _HANDLERS.setdefault(service, ServiceHandlers())


def recorded(envelope: Envelope) -> Recorded[Any]:
    """Return the event of an envelope as handlers get it.

    Raises UnknownEventType, UnsupportedVersion and MalformedEvent.
    """
    event = decode_event(type=envelope.type, schema_version=envelope.schema_version, data=envelope.data)
    return Recorded(event=event, envelope=envelope)


def project(service: str, item: Recorded[Any]) -> None:
    """Run the projectors of one event inside the caller's transaction."""
    for handler in handlers_of(service).projectors.get(type(item.event), ()):
        handler(item)


def project_each(service: str, items: Sequence[Recorded[Any]]) -> None:
    """Run the projectors of events of different streams: a SetBased one once for all events of a type."""
    alike: dict[type, list[Recorded[Any]]] = {}
    for item in items:
        alike.setdefault(type(item.event), []).append(item)
    for cls, recorded_alike in alike.items():
        for handler in handlers_of(service).projectors.get(cls, ()):
            if isinstance(handler, SetBased):
                handler.write(recorded_alike)
            else:
                for item in recorded_alike:
                    handler(item)


def react(service: str, item: Recorded[Any]) -> None:
    """Run the reactors of one event inside the caller's transaction."""
    for handler in handlers_of(service).reactors.get(type(item.event), ()):
        handler(item)
