"""From the text of an environment variable to its value; what cannot be used raises ValueError."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from itertools import pairwise
from urllib.parse import urlsplit

_YES = {"1", "true", "yes", "on"}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NO = {"0", "false", "no", "off"}


def one_of(*choices: str) -> Callable[[str], str]:
    """Accept one of these words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """Accept a whole number in this range, both ends included."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return parse


def matching(pattern: str) -> Callable[[str], str]:
    """Accept text that matches the pattern from end to end."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return parse


def flag(text: str) -> bool:
    """Return yes or no, however people write it."""
    word = text.lower()
    if word not in _YES | _NO:
        raise ValueError
    return word in _YES


def url(*schemes: str) -> Callable[[str], str]:
    """Accept a URL of one of these schemes."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes:
            raise ValueError
        _ = parts.port  # raises ValueError on a port that is no number
        return text

    return parse


def rates(text: str) -> tuple[tuple[int, float], ...]:
    """Return `1/1.25s,25/24h` as ((1, 1.25), (25, 86400.0)): calls and seconds, both rising.

    Raises ValueError: malformed, or a longer time that permits fewer calls, or more than the shorter ones do.
    """
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([1-9][0-9]{0,6})/([0-9]{1,6}(?:\.[0-9]{1,3})?)(s|m|h|d)\s*", part)
        if not match:
            raise ValueError
        found.append((int(match[1]), float(match[2]) * _SECONDS[match[3]]))
    rising = all(
        less[0] < more[0] and less[1] < more[1] and less[0] * more[1] >= more[0] * less[1]
        for less, more in pairwise(found)
    )
    if not rising or found[0][1] < 0.001:
        raise ValueError
    return tuple(found)


def address(text: str) -> str:
    """Return an IP address in its canonical form."""
    return str(ip_address(text))


def patterns(text: str) -> tuple[str, ...]:
    """Return regular expressions separated by spaces."""
    for pattern in text.split():
        try:
            re.compile(f"(?:{pattern})")  # as which shared/settings/browsers.py uses it
        except re.error:
            raise ValueError from None
    return tuple(text.split())


def words(text: str) -> tuple[str, ...]:
    """Return what stands between commas."""
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)
