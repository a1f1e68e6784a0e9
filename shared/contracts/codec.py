"""Turns event dataclasses into JSON-safe values and back, losing nothing.

Permitted field types: str, int, float (finite), bool, None, Decimal, date, datetime (aware), UUID, Any for
JSON-safe values, `T | None`, `tuple[T, ...]`, `dict[str, T]` and nested dataclasses of these. Decimals travel
as strings and instants as RFC 3339 UTC with microseconds. NaN and infinity are refused.
"""

import hashlib
import json
import math
import types
import typing
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from uuid import UUID

from shared.errors import BellwetherError

MAX_EVENT_BYTES = 256 * 1024
_PLAIN: dict[Any, tuple[type, ...]] = {str: (str,), int: (int,), float: (float, int), bool: (bool,)}


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
    except (ValueError, TypeError) as error:
        raise MalformedEvent(f"The value cannot be written as JSON: {error}.") from None


def loads(body: bytes) -> Any:
    """Return the value of strict JSON: UTF-8, no NaN, no duplicate keys. Raises MalformedEvent."""
    if len(body) > MAX_EVENT_BYTES:
        raise OversizeEvent(f"The body has {len(body)} bytes; at most {MAX_EVENT_BYTES} are taken.")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise MalformedEvent(f"The body is not strict JSON: {error}.") from None


def body_hash(body: bytes) -> str:
    """Return the sha256 of a body as lower-case hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def to_json(value: Any) -> Any:
    """Return the JSON-safe form of an event or of one field's value. Raises MalformedEvent."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, float) and not math.isfinite(value):
        raise MalformedEvent(f"{value!r} is no number that an event may hold.")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    raise MalformedEvent(f"A {type(value).__name__} cannot be part of an event.")


def from_json[T](cls: type[T], data: Any) -> T:
    """Return an instance of the dataclass `cls` from JSON-safe `data`; unknown fields are ignored.

    Raises MalformedEvent naming the field when one is missing or has another type.
    """
    if not isinstance(data, dict):
        raise MalformedEvent(f"{cls.__name__} should be an object.")
    values = {}
    for field in fields(typing.cast(Any, cls)):
        if field.name not in data:
            raise MalformedEvent(f"{cls.__name__}.{field.name} is missing.")
        values[field.name] = _decode(_hints(cls)[field.name], data[field.name], f"{cls.__name__}.{field.name}")
    return cls(**values)


def instant_text(value: datetime) -> str:
    """Return an aware instant as RFC 3339 UTC with microseconds."""
    if value.tzinfo is None:
        raise MalformedEvent("An instant needs a time zone.")
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        (inner,) = (item for item in arguments if item is not type(None))
        return _decode(inner, value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_decode(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {key: _decode(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if is_dataclass(hint):
        return from_json(typing.cast(type, hint), value)
    return _scalar(hint, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    try:
        if hint in _PLAIN and isinstance(value, _PLAIN[hint]) and (hint is bool or not isinstance(value, bool)):
            return float(value) if hint is float else value
        if hint is datetime and isinstance(value, str):
            return datetime.fromisoformat(value).astimezone(UTC)
        if hint in (Decimal, UUID) and isinstance(value, str):
            return hint(value)
        if hint is date and isinstance(value, str):
            return date.fromisoformat(value)
    except (ValueError, InvalidOperation, OverflowError):
        pass
    raise MalformedEvent(f"{where}: {value!r:.80} is no {getattr(hint, '__name__', hint)}.")


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
