"""How values are shown: JSON readable and folded, bytes as what they hold, ids as links."""

import json
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.admin.utils import display_for_value, quote
from django.db.models import Model
from django.template.defaultfilters import filesizeformat
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

NOTHING = "–"
_SHORT = 80
_DIGITS, _BRIEF_DIGITS = 10, 6
_LONG_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")


def shown(value: Any, link: str | None = None, *, is_brief: bool = False) -> str:
    """Return a value as the pages show it; `link` is a target as `address_of` takes it.

    With `is_brief`, as in lists, numbers are rounded and only the end of an id or hash is shown: ids of one
    minute begin alike.
    """
    if isinstance(value, (bytes, memoryview)):
        return _body(bytes(value))
    if isinstance(value, (dict, list)):
        return folded_json(value)
    if isinstance(value, (str, UUID, Model)):
        return _text(value, link, is_brief=is_brief)
    if isinstance(value, float):
        return f"{value:.{_BRIEF_DIGITS if is_brief else _DIGITS}g}"
    if isinstance(value, Decimal):
        return _decimal(value)
    address = address_of(link, value) if link and value is not None else None
    text = display_for_value(value, NOTHING, boolean=isinstance(value, bool))
    return format_html('<a href="{}">{}</a>', address, text) if address else str(text)


def address_of(target: str, value: Any) -> str | None:
    """Return where a link leads, None when this process has no such page.

    `ingest_market_instrument` is the page of the row whose key is the value, and `ingest_event?stream` the
    list of the rows whose `stream` it is.
    """
    name, _, parameter = target.partition("?")
    try:
        if parameter:
            return reverse(f"admin:{name}_changelist", query={parameter: value})
        return reverse(f"admin:{name}_change", args=[quote(getattr(value, "pk", value))])
    except NoReverseMatch:
        return None


def folded_json(value: Any) -> SafeString:
    """Return JSON in lines to be unfolded, or as it is when it is short."""
    line = _json(value)
    if len(line) <= _SHORT:
        return format_html("<code>{}</code>", line)
    return format_html(
        "<details><summary><code>{}…</code></summary><pre>{}</pre></details>",
        line[:_SHORT],
        _json(value, indent=2),
    )


def _json(value: Any, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return text.encode(errors="backslashreplace").decode()  # half a surrogate pair cannot be sent


def _decimal(value: Decimal) -> str:
    whole, _, places = f"{value:f}".partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


def _text(value: str | UUID | Model, link: str | None, *, is_brief: bool) -> str:
    whole = str(value)
    text = _LONG_ID.sub(lambda found: f"…{found[0][-12:]}", whole) if is_brief else whole
    address = address_of(link, value) if link and whole else None
    if address is not None:
        return format_html('<a href="{}" title="{}">{}</a>', address, whole, text)
    return format_html('<span title="{}">{}</span>', whole, text) if text != whole else text or NOTHING


def _body(body: bytes) -> str:
    try:
        return folded_json(json.loads(body))
    except (ValueError, RecursionError):
        return format_html("{} <code>{}</code>", filesizeformat(len(body)), str(body[:_SHORT]))
