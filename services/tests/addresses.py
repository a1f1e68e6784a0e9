"""Every address that the embedded system answers, as its URL map has it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.urls import get_resolver

# Values that reach the view, whichever object the test is about.
A_SYMBOL, AN_ID = "FB", "00000000-0000-7000-8000-000000000000"
_VARIABLE = re.compile(r"<(?:(\w+):)?(\w+)>")
_SAMPLES = {"uuid": AN_ID, "str": A_SYMBOL, "slug": "not-found", "int": "1", "path": "x"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One pattern: `name` is empty for another spelling of a named one; `path` has its variables in braces."""

    name: str
    path: str
    sample: str
    is_documented: bool

    def methods(self) -> set[str]:
        """Return what it answers, besides HEAD and OPTIONS."""
        allow = Client().options(self.sample).headers.get("Allow", "")
        return {method for method in allow.split(", ") if method not in ("", "HEAD", "OPTIONS")}


def addresses(urlconf: str = "deploy.local.urls") -> list[Address]:
    """Return all addresses but those of Django's admin, which has its own rules and tests."""
    return [found for found in _of(get_resolver(urlconf), "/") if not found.path.startswith("/admin/")]


def _of(resolver: Any, prefix: str) -> Iterator[Address]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _of(pattern, route)
            continue
        operations = getattr(pattern.callback, "operations", {})
        yield Address(
            name=pattern.name or "",
            path=_VARIABLE.sub(r"{\2}", route),
            sample=_VARIABLE.sub(lambda found: _SAMPLES[found[1] or "str"], route),
            is_documented=any(getattr(view.cls, "schema", None) for view in operations.values()),
        )
