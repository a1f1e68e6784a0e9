"""Canonical JSON: the one text, and so the one hash, of a document."""

import hashlib
import json
import math

SIGNIFICANT_DIGITS = 12


def canonical_json(value: object) -> bytes:
    """Return the canonical UTF-8 JSON of a value made of dict, list, tuple, str, int, float, bool and None.

    Keys are sorted and separators compact. Floats keep 12 significant digits; one that is then whole is
    written as an integer, so that equal numbers have equal text in every language and in `jsonb`.

    Raises `ValueError` for NaN, an infinity or a lone surrogate, `TypeError` for any other type or a key
    that is no string.
    """
    text = json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def content_hash(value: object) -> str:
    """Return the sha256 of the canonical JSON in hexadecimal. Raises as `canonical_json` does."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _canonical(value: object) -> object:
    if isinstance(value, float):
        return _rounded(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {_key(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical JSON: {value!r}")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key must be a string, not {key!r}")
    return key


def _rounded(value: float) -> float | int:
    if not math.isfinite(value):
        raise ValueError(f"{value} has no JSON number: give null and a reason instead")
    rounded = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return int(rounded) if rounded.is_integer() else rounded
