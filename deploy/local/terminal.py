"""The terminal that people read: nothing that is shown on it can command it."""

import json
import re
from typing import Any

from rich.console import Console
from rich.text import Text

# C0 but for line feeds and tabs, DEL and C1, line separators, what turns the direction of a line, lone surrogates.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Terminal(Console):
    """A console on which control characters of whatever text are seen and do nothing."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text as it is shown; all strings come by here before they are measured."""
        return super().render_str(visible(text), **options)


def visible(text: str) -> str:
    r"""Return a text with its control characters as `\x1b`, say; lines and tabs stay."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def in_line(text: str) -> str:
    """Return a text whose lines and tabs are seen too, so that it can add no line of its own."""
    return visible(text).replace("\n", r"\n").replace("\t", r"\t")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return JSON that is safe to look at too."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
