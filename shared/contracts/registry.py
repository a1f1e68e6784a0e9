"""Which event types exist, under which stable words and schema versions, and how old ones are read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.contracts.codec import from_json
from shared.errors import BellwetherError

type Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class UnknownEventType(BellwetherError):
    """Raised for a type string that this release does not know; consumers store such events as ignored."""

    status, slug, title = 422, "unknown-event-type", "Unknown event type"


class UnsupportedVersion(BellwetherError):
    """Raised for a schema version newer than this release reads; consumers park such events."""

    status, slug, title = 422, "unsupported-version", "Unsupported event version"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """What the registry knows of one event class."""

    cls: type
    type: str
    source: str
    category: str
    schema_version: int
    published: bool
    upcasters: dict[int, Upcaster]


_BY_TYPE: dict[str, EventType] = {}
_BY_CLASS: dict[type, EventType] = {}


def event[C: type](
    *,
    source: str,
    category: str,
    published: bool,
    schema_version: int = 1,
    upcasters: dict[int, Upcaster] | None = None,
) -> Callable[[C], C]:
    """Register an event class under its name, a stable word that no refactoring may change.

    `source` is the service that raises it and `category` the kind of stream it stands in. All events of a
    category are `published` or none is: consumers rely on gap-free versions in each stream they receive.
    `upcasters[n]` turns the data of version n into that of version n + 1: one for each old version, pure.
    """

    def register(cls: C) -> C:
        if cls.__name__ in _BY_TYPE:
            raise ValueError(f"{cls.__name__} is an event type already")
        if sorted(upcasters or {}) != list(range(1, schema_version)):
            raise ValueError(f"{cls.__name__} v{schema_version} needs one upcaster from each older version")
        found = EventType(
            type=cls.__name__,
            source=source,
            category=category,
            schema_version=schema_version,
            published=published,
            cls=cls,
            upcasters=upcasters or {},
        )
        _BY_TYPE[found.type] = found
        _BY_CLASS[cls] = found
        return cls

    return register


def event_types() -> tuple[EventType, ...]:
    """Return every registered type, ordered by source and type."""
    return tuple(sorted(_BY_TYPE.values(), key=lambda found: (found.source, found.type)))


def type_of(cls: type) -> EventType:
    """Return the registration of an event class. Raises UnknownEventType."""
    if cls not in _BY_CLASS:
        raise UnknownEventType(f"{cls.__name__} is not registered.")
    return _BY_CLASS[cls]


def decode_event(*, type: str, schema_version: int, data: dict[str, Any]) -> Any:
    """Return the event instance for stored or received data, raised to the current schema version.

    Raises UnknownEventType, UnsupportedVersion, and MalformedEvent when the data has another shape.
    """
    if type not in _BY_TYPE:
        raise UnknownEventType(f"{type[:80]!r} is not an event type of this release.")
    found = _BY_TYPE[type]
    if not 1 <= schema_version <= found.schema_version:
        raise UnsupportedVersion(
            f"{type} has version {schema_version}; this release reads 1 to {found.schema_version}."
        )
    for version in range(schema_version, found.schema_version):
        data = found.upcasters[version](data)
    return from_json(found.cls, data)
