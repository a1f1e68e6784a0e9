"""What is known of one environment variable."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One row of the table: `parse` turns text into the value or raises ValueError.

    `aliases` are names by which settings files of other systems know the variable; they mean the same.
    """

    name: str
    default: str | None
    expected: str
    help: str
    parse: Callable[[str], Any]
    secret: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name the variable may be given by, its own first."""
        return (self.name, *self.aliases)
