"""What people read of an import, and of a version that is brought back, on the terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from deploy.local.checkout import command_line
from deploy.local.output import LISTED_ERRORS, answers, progress
from services.ingest.providers.domain import ImportRejected

LISTED_ALIKE = 5  # of one reason, so that one fault of many rows does not hide the others

type Fact = tuple[str, str]


def print_import(done: dict[str, Any]) -> None:
    """Show what a file holds, which rows are bad, and what an import changed or would change."""
    answers.print(_outcome(done), markup=False)
    _print_facts([*_file(done), *(_changes(done) if done["rows"] else ())])
    if done["rejected"]:
        left_out = "to be left out with --accept-partial" if done["dry_run"] else "left out"
        answers.print(f"{_counted(len(done['rejected']))}, {left_out}:", markup=False)
        _print_rejected(answers, done["rejected"], counted_in=done["counted_in"])


def print_refused(refusal: ImportRejected, *, good_count: int) -> None:
    """Show the bad rows because of which nothing was imported, and how to have the others."""
    progress.print(
        f"[bold red]Error:[/] {_counted(refusal.total)} and {good_count:,} good: nothing was imported."
    )
    rows, counted_in = refusal.extra["errors"], refusal.extra["counted_in"]
    _print_rejected(progress, rows, counted_in=counted_in, total=refusal.total)
    if good_count:
        progress.print("Mend the file, or import the good rows alone with --accept-partial.", markup=False)


def print_restored(done: dict[str, Any]) -> None:
    """Show what a version that is brought back changed or would change."""
    verb = "would bring" if done["dry_run"] else "brings"
    answers.print(
        f"{done['symbol']}: version {done['version']} {verb} back version {done['restored']}.", markup=False
    )
    _print_facts(
        [
            (
                "Sessions",
                f"{done['added_count']:,} back, {done['corrected_count']:,} changed, {done['removed_count']:,} removed",
            ),
            ("Splits and dividends", f"{done['actions_changed_count']:,} rows changed"),
            ("Stored", f"{done['bar_count']:,} sessions, {done['first_session']} to {done['last_session']}"),
        ]
    )
    if done["removed_count"]:
        answers.print("What later versions had added is gone from this one: fetch it again.", markup=False)


def _outcome(done: dict[str, Any]) -> str:
    if not done["rows"]:
        return f"{done['symbol']}: there is no good row, nothing to import."
    if done["dry_run"]:
        made = f"make version {done['version']}" if done["changed"] else "change nothing"
        return f"{done['symbol']}: a dry run, nothing was stored. The good rows would {made}."
    if not done["changed"]:
        return f"{done['symbol']}: the import changed nothing, version {done['version']} stays."
    return f"{done['symbol']}: imported as version {done['version']}."


def _file(done: dict[str, Any]) -> Iterator[Fact]:
    """Give what the file holds."""
    span = f", {done['first_session_read']} to {done['last_session_read']}" if done["rows"] else ""
    good = "all" if done["rows"] == done["rows_read"] else f"{done['rows']:,}"
    yield "File", f"{done['rows_read']:,} rows of the form {done['form']}, {good} good{span}"
    if missing := done["missing_sessions"]:
        yield "Missing", f"{len(missing):,} sessions in between, the first on {missing[0]}"
    yield "Splits", _count(done["splits"])
    yield "Dividends", _count(done["dividends"])
    for note in done["notes"]:
        yield "Note", note


def _changes(done: dict[str, Any]) -> Iterator[Fact]:
    """Give what an import changes of what is stored."""
    counts = (
        (done["added"], "new"),
        (done["corrected"], "changed or taken over"),
        (done["unchanged"], "unchanged"),
        (done["kept"], "kept as another provider told them"),
        (done["absent"], "not in the file, these stay"),
    )
    yield "Sessions", "\n".join(f"{count:,} {what}" for count, what in counts if count) or "none"
    if done["actions_told"] or done["actions_withdrawn"]:
        yield "Actions", f"{done['actions_told']:,} new or changed, {done['actions_withdrawn']:,} withdrawn"
    if change := done["largest_change"]:
        yield (
            "Largest change",
            f"{change['price']} of {change['session']}, {change['stored']} to {change['told']}"
            f" ({change['change_ratio']:+.2%})",
        )
    if done["disagreeing"]:
        yield "Differing", f"{done['disagreeing']:,} from what another provider told, by more than 5 bp"
    if done["quarantined"]:
        waits = "would wait" if done["dry_run"] else "wait"
        where = "" if done["dry_run"] else f":\n{command_line('quarantine list')}"
        yield "Held back", f"{done['quarantined']:,} changes look wrong and {waits} for your decision{where}"
    if done["postponed"]:
        yield "Postponed", f"{done['postponed']:,} new sessions; import the file again after that decision"
    yield "Stored then" if done["dry_run"] else "Stored", f"{done['first_session']} to {done['last_session']}"


def _count(number: int | None) -> str:
    return "the file says nothing about them" if number is None else f"{number:,}"


def _counted(count: int) -> str:
    return f"{count:,} bad row{'' if count == 1 else 's'}"


def _print_facts(facts: Sequence[Fact]) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for name, text in facts:
        grid.add_row(f"  {name}", escape(text))
    answers.print(grid)


def _print_rejected(
    console: Console, rejected: Sequence[dict[str, Any]], *, counted_in: str, total: int | None = None
) -> None:
    """Name the first bad rows, each with its text below, and say how many more there are."""
    alike: Counter[str] = Counter()
    shown = []
    for row in rejected:
        alike[row["reason"]] += 1
        if alike[row["reason"]] <= LISTED_ALIKE:
            shown.append(row)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row in shown[:LISTED_ERRORS]:
        text = Text(row["text"], style="dim", no_wrap=True, overflow="ellipsis")
        grid.add_row(f"  {counted_in} {row['line']}:", Group(Text(row["reason"]), *([text] if text else ())))
    console.print(grid)
    if hidden := (total or len(rejected)) - len(shown[:LISTED_ERRORS]):
        console.print(f"  and {hidden:,} more; --json lists them", markup=False)
