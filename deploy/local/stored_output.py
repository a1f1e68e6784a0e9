"""What people read of stored prices and of indexes on the terminal."""

from collections.abc import Iterator
from typing import Any

from rich.columns import Columns
from rich.markup import escape
from rich.table import Table

from deploy.local.checkout import command_line
from deploy.local.market_output import minute_text
from deploy.local.output import answers
from deploy.local.tables import table_of

LISTED = 10
ADJUSTED_BY_EFFECT = {
    "share-split": "prices and shares",
    "price-only": "prices only",
    "dividend": "total return",
    "announced": "nothing yet",
    "before-prices": "nothing: too early",
}


def print_instruments(found: dict[str, Any]) -> None:
    """List the symbols of which prices are stored."""
    if not found["instruments"]:
        answers.print(f"No prices are stored. {command_line('fetch AAPL')} fetches some.", markup=False)
        return
    table = table_of(
        *("Symbol", "Sessions", "First", "Last", "Version", "Newest from"),
        folds="Newest from",
        numbers=("Sessions", "Version"),
    )
    for row in found["instruments"]:
        table.add_row(
            row["symbol"],
            f"{row['bar_count']:,}",
            row["first_session"],
            row["last_session"],
            str(row["version"]),
            row["provider"],
        )
    answers.print(table)


def print_prices(found: dict[str, Any]) -> None:
    """Show what is stored of a symbol, and what of it is missing or wants a look."""
    symbol = found["symbol"]
    answers.print(
        f"{symbol} · version {found['version']} · {_counted(found['session_count'])},"
        f" {found['first_session']} to {found['last_session']}",
        markup=False,
    )
    facts = Table.grid("", "", padding=(0, 2))
    for name, lines in _facts(found):
        facts.add_row(f"  {name}", escape("\n".join(lines) or "none"))
    answers.print(facts)
    if found["quarantine"]:
        answers.print(
            f"  {command_line('quarantine list')} shows what is held back.", markup=False, soft_wrap=True
        )
    if "versions" in found:
        _print_versions(found["versions"])
    if "actions" in found:
        _print_actions(found["actions"])


def _facts(found: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Give what is known by its name, each as lines; no lines mean that there is nothing of it."""
    yield "From", [f"{each['provider']}: {_range_text(each)}" for each in found["sources"]]
    for name, key in (("Missing", "missing"), ("No session", "extra"), ("No volume", "zero_volume")):
        yield name, _short([_range_text(each) for each in found[key]])
    moves = (f"{each['session']} {float(each['change_ratio']):+.1%}" for each in found["large_moves"])
    yield "Large moves", _short(list(moves))
    yield "Behind", [_range_text(each) for each in found["stale"]]
    actions = ((found["split_count"], "split"), (found["dividend_count"], "dividend"))
    yield "Actions", [", ".join(_counted(count, what) for count, what in actions if count)]
    yield "Held back", [_counted(len(found["quarantine"]), "change")] if found["quarantine"] else []


def _print_versions(rows: list[dict[str, Any]]) -> None:
    table = table_of(
        *("Version", "Recorded (UTC)", "From", "Added", "Corrected", "Actions"),
        folds="From",
        numbers=("Version", "Added", "Corrected", "Actions"),
        title="What each version changed, in rows",
    )
    for row in rows:
        counts = (f"{row[name]:,}" for name in ("added_count", "corrected_count", "actions_changed_count"))
        table.add_row(str(row["version"]), minute_text(row["recorded_at"]), row["provider"], *counts)
    answers.print(table)


def _print_actions(rows: list[dict[str, Any]]) -> None:
    if not rows:
        answers.print("  No splits or dividends are known.", markup=False)
        return
    table = table_of(
        *("Ex-date", "Kind", "Value", "Adjusts", "From", "Version"),
        folds="Adjusts",
        numbers=("Value", "Version"),
        title="Splits (new shares for one) and dividends (cash per share)",
    )
    for row in rows:
        adjusted = ADJUSTED_BY_EFFECT[row["effect"]] + (f" {row['ratio']}" if row["ratio"] else "")
        table.add_row(
            row["ex_date"], row["kind"], row["value"], adjusted, row["provider"], str(row["version"])
        )
    answers.print(table)


def print_indexes(found: dict[str, Any]) -> None:
    """List the indexes whose members are known."""
    table = table_of(
        "Index", "Known from", "Known to", "Members", "Title", folds="Title", numbers=("Members",)
    )
    for row in found["results"]:
        table.add_row(
            row["name"], row["first_date"], row["last_date"], str(row["member_count"]), escape(row["title"])
        )
    answers.print(table)


def print_members(found: dict[str, Any], *, is_later: bool) -> None:
    """Show the members of an index on a day, a star at those with stored prices; `is_later` is what was asked."""
    day = f"{found['on']}, the last day that is known" if is_later else found["on"]
    answers.print(f"{found['index']} on {day} · {found['member_count']} members", markup=False)
    answers.print(Columns([escape(_member_text(each)) for each in found["results"]], padding=(0, 2)))
    stored = sum(each["stored_as"] is not None for each in found["results"])
    answers.print(f"* prices are stored: {stored:,} of {found['member_count']:,}", markup=False)
    answers.print(f"{found['attribution']} ({found['licence']})", markup=False)


def _member_text(member: dict[str, Any]) -> str:
    """Return a member's symbol, and what it is called now."""
    now = "" if member["current_symbol"] == member["symbol"] else f" → {member['current_symbol']}"
    return f"{member['symbol']}{now}{' *' if member['stored_as'] else ''}"


def _range_text(each: dict[str, Any]) -> str:
    """Return a range as its days and how many sessions it holds; a single day says all of it."""
    first, last = each["first_session"], each["last_session"]
    return first if first == last else f"{first} to {last}, {_counted(each['session_count'])}"


def _counted(count: int, what: str = "session") -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _short(lines: list[str]) -> list[str]:
    """Return the first of many lines, and how many more there are."""
    hidden = len(lines) - LISTED
    return lines if hidden <= 0 else [*lines[:LISTED], f"and {hidden:,} more; --json lists them all"]
