"""Turns event dataclasses into JSON-safe values and back, losing nothing.

Permitted field types: str, int, float (finite), bool, None, Decimal, date, datetime (aware), UUID, Any for
JSON-safe values, `T | None`, `tuple[T, ...]`, `dict[str, T]` and nested dataclasses of these. Decimals travel
as strings and instants as RFC 3339 UTC with microseconds. Refused are NaN and infinity, and text that
PostgreSQL cannot store: NUL and lone surrogates.
"""

import hashlib
import json
import math
import re
import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from shared.errors import BellwetherError

MAX_EVENT_BYTES = 256 * 1024
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
DECIMAL_PATTERN = r"-?[0-9]+(\.[0-9]+)?"


class MalformedEvent(BellwetherError):
    """Raised when a value or a body does not have the shape that its event type declares."""

    status, slug, title = 422, "malformed-event", "An event does not have its declared shape"


class OversizeEvent(BellwetherError):
    """Raised when an event is larger than 256 KiB; bulk numbers belong in rows that the event names."""

    status, slug, title = 422, "oversize-event", "An event is too large"


def dumps(value: Any) -> bytes:
    """Return the compact JSON of a JSON-safe value with sorted keys. Raises MalformedEvent on NaN."""
    try:
        return json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise MalformedEvent(f"The value cannot be written as JSON: {error}.") from None


def loads(body: bytes, *, limit_bytes: int = MAX_EVENT_BYTES) -> Any:
    """Return the value of strict JSON: UTF-8, finite numbers, storable text, no duplicate keys.

    Raises MalformedEvent, and OversizeEvent above the limit, which is 256 KiB for events.
    """
    if len(body) > limit_bytes:
        raise OversizeEvent(f"The body has {len(body)} bytes; at most {limit_bytes} are taken.")
    try:
        return to_json(json.loads(body.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_unique))
    except (ValueError, RecursionError) as error:
        raise MalformedEvent(f"The body is not strict JSON: {error}.") from None


def body_hash(body: bytes) -> str:
    """Return the sha256 of a body as lower-case hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def to_json(value: Any) -> Any:
    """Return the JSON-safe form of an event or of one field's value. Raises MalformedEvent."""
    if (write := _WRITER_OF.get(type(value))) is not None:  # nearly always; the rest is for subclasses
        return write(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {_key(key): to_json(item) for key, item in value.items()}
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    raise MalformedEvent(f"{value!r:.80}, a {type(value).__name__}, cannot be part of an event.")


def from_json[T](cls: type[T], data: Any) -> T:
    """Return an instance of the dataclass `cls` from JSON-safe `data`; unknown fields are ignored.

    Raises MalformedEvent naming the field when one is missing or has another type.
    """
    if not isinstance(data, dict):
        raise MalformedEvent(f"{cls.__name__} should be an object.")
    values = {}
    for name, hint in _hints(typing.cast(Any, cls)).items():
        if name not in data:
            raise MalformedEvent(f"{cls.__name__}.{name} is missing.")
        values[name] = _decode(hint, data[name], f"{cls.__name__}.{name}")
    return cls(**values)


def instant_text(value: datetime) -> str:
    """Return an aware instant as RFC 3339 UTC with microseconds."""
    if value.tzinfo is None:
        raise MalformedEvent("An instant needs a time zone.")
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        (inner,) = (item for item in arguments if item is not type(None))
        return None if value is None else _decode(inner, value, where)
    if origin in (tuple, dict):
        return _collection(hint, value, where)
    if is_dataclass(hint):
        return from_json(typing.cast(type, hint), value)
    return _scalar(hint, value, where)


def _collection(hint: Any, value: Any, where: str) -> Any:
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_decode(inner[0], item, f"{where}[{number}]") for number, item in enumerate(value))
    if typing.get_origin(hint) is dict and isinstance(value, dict):
        return {key: _decode(inner[1], item, f"{where}.{key}") for key, item in value.items()}
    raise MalformedEvent(f"{where}: {value!r:.80} is no {hint}.")


def _scalar(hint: Any, value: Any, where: str) -> Any:
    accepted, read = _READERS[hint]
    try:
        if isinstance(value, accepted) and (hint is bool or not isinstance(value, bool)):
            return read(value)
    except (ValueError, OverflowError):
        pass
    raise MalformedEvent(f"{where}: {value!r:.80} is no {hint.__name__}.")


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return found.astimezone(UTC)


def _decimal(text: str) -> Decimal:
    if not re.fullmatch(DECIMAL_PATTERN, text):
        raise ValueError("a decimal has digits and at most one point")
    return Decimal(text)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise MalformedEvent(f"{key!r:.80} is a key, and keys are text.")
    return _storable(key)


def _storable(text: str) -> str:
    if _UNSTORABLE.search(text):
        raise MalformedEvent(f"{text!r:.80} has a character that cannot be stored.")
    return text


def _finite[N: (float, Decimal)](number: N) -> N:
    if not math.isfinite(number):
        raise MalformedEvent(f"{number!r} is no number that an event may hold.")
    return number


def _same[V](value: V) -> V:
    return value


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


_WRITERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, _storable),
    (float, _finite),
    (int, _same),
    (type(None), _same),
    (Decimal, lambda number: format(_finite(number), "f")),
    (datetime, instant_text),
    (date, date.isoformat),
    (UUID, str),
)
_WRITER_OF = dict(_WRITERS)
_READERS: dict[type, tuple[type | tuple[type, ...], Callable[[Any], Any]]] = {
    str: (str, _same),
    int: (int, _same),
    bool: (bool, _same),
    float: ((float, int), float),
    Decimal: (str, _decimal),
    datetime: (str, _instant),
    date: (str, date.fromisoformat),
    UUID: (str, UUID),
}
