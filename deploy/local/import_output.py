"""What people read of an import on the terminal."""

from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.table import Table

from deploy.local.output import LISTED_ERRORS, answers


def print_import(done: dict[str, Any]) -> None:
    """Show what a file holds, which rows are bad, and what an import changed or would change."""
    for line in _summary(done):
        answers.print(line, markup=False)
    if done["rejected"]:
        _print_rejected(done["rejected"], counted_in=done["counted_in"])


def _summary(done: dict[str, Any]) -> Iterator[str]:
    """Give the sentences about an import."""
    span = f", {done['first_session_read']} to {done['last_session_read']}" if done["rows"] else ""
    yield (
        f"{done['symbol']}: {done['rows_read']:,} rows read as {done['form']}, {done['rows']:,} of them good{span};"
        f" {_count(done['splits'], 'splits')}, {_count(done['dividends'], 'dividends')},"
        f" {len(done['missing_sessions']):,} sessions missing in between."
    )
    for note in done["notes"]:
        yield f"  {note}"
    if not done["rows"]:
        yield "Nothing to import."
        return
    verb = "An import of the good rows would give" if done["dry_run"] else "Imported:"
    news = (
        f"version {done['version']}" if done["changed"] else f"nothing new, version {done['version']} stays"
    )
    yield (
        f"{verb} {news}; {done['added']:,} sessions added, {done['corrected']:,} corrected,"
        f" {done['kept']:,} kept as another provider told them, {done['actions_changed']:,} splits or"
        f" dividends changed. Stored {'would be' if done['dry_run'] else 'are'} {done['first_session']}"
        f" to {done['last_session']}."
    )
    if done["disagreeing"]:
        yield f"  {done['disagreeing']:,} close(s) differ from what is stored by more than 5 bp."
    if done["quarantined"]:
        waits = "would wait" if done["dry_run"] else f"wait as {done['quarantine_id']}"
        yield f"  {done['quarantined']:,} suspicious change(s) {waits} for a decision."


def _count(number: int | None, what: str) -> str:
    """Return how many there are, or that the file says nothing about such."""
    return f"{what} not stated" if number is None else f"{number:,} {what}"


def _print_rejected(rejected: list[dict[str, Any]], *, counted_in: str) -> None:
    table = Table(title=f"{len(rejected):,} bad row(s)", title_justify="left")
    table.add_column(counted_in.capitalize(), justify="right")
    table.add_column("Reason")
    table.add_column("Text", overflow="ellipsis", no_wrap=True)
    for row in rejected[:LISTED_ERRORS]:
        table.add_row(str(row["line"]), escape(row["reason"]), escape(row["text"]))
    answers.print(table)
    if len(rejected) > LISTED_ERRORS:
        answers.print(f"  and {len(rejected) - LISTED_ERRORS:,} more; --json lists them all", markup=False)
