"""Tables that can be read on a terminal of 80 columns."""

from collections.abc import Sequence

from rich.console import JustifyMethod
from rich.markup import escape
from rich.table import Table

SHORT_ID = 8


def table_of(
    *columns: str, folds: str = "", numbers: Sequence[str] = (), title: str | None = None, lined: bool = False
) -> Table:
    """Return an empty table that keeps every column whole except the one that `folds` into the room that is left.

    `numbers` are set to the right, and `lined` puts a line between rows.
    """
    table = Table(title=title and escape(title), title_justify="left", show_lines=lined)
    for name in columns:
        justify: JustifyMethod = "right" if name in numbers else "left"
        table.add_column(name, no_wrap=name != folds, overflow="fold", justify=justify)
    return table


def short_id_length(ids: Sequence[str]) -> int:
    """Return how many characters of these ids tell them apart; those made in one minute begin alike."""
    return next(length for length in range(SHORT_ID, 37) if len({each[:length] for each in ids}) == len(ids))
