"""What people read of quota, watch lists and held changes on the terminal."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from deploy.local.checkout import command_line
from deploy.local.output import SHORT_ID, answers

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
NOTHING = "–"


def print_quota(found: dict[str, Any]) -> None:
    """Show who may be asked how often, and what is asked next."""
    table = Table("Provider", "Status", "Calls left", "The next frees", "The key may")
    for each in found["providers"]:
        limits = each["limits"]
        table.add_row(
            each["provider"],
            each["status"],
            "\n".join(
                f"{limit['left']:,} of {limit['calls']:,} in {time_text(limit['seconds'])}"
                for limit in limits
            ),
            "\n".join(_minute(limit["frees_at"]) for limit in limits),
            "\n".join(able_text(name, allowed) for name, allowed in each["capabilities"].items()) or NOTHING,
        )
    answers.print(table)
    for each in found["providers"]:
        if each["error"] and each["status"] != "off":
            answers.print(each["error"]["detail"], markup=False)
    if not found["plan"]:
        answers.print(
            f"No refresh is planned: no watch list is active. {command_line('watch set core AAPL MSFT')} makes one.",
            markup=False,
        )
        return
    plan = Table("Next", "From", "At the soonest (UTC)", "Calls", "Why")
    for row in found["plan"]:
        plan.add_row(
            row["symbol"], row["provider"], _minute(row["at"]), str(row["calls"]), escape(row["reason"])
        )
    answers.print(plan)


def print_watch_lists(found: dict[str, Any]) -> None:
    """Show each list and how fresh its symbols are."""
    if not found["watch_lists"]:
        answers.print("There are none.")
    for each in found["watch_lists"]:
        state = "refreshed" if each["active"] else "paused"
        table = Table(
            *("Symbol", "Newest session", "Behind", "Next refresh (UTC)", "Why"),
            title=f"{each['name']} · {each['provider']} · {state}",
            title_justify="left",
        )
        for row in each["symbols"]:
            behind = row["behind_sessions"]
            table.add_row(
                row["symbol"],
                row["last_session"] or NOTHING,
                NOTHING if behind is None else f"{behind:,}",
                _minute(row["refresh_at"]),
                escape(row["reason"] or NOTHING),
            )
        answers.print(table)


def print_quarantine(found: dict[str, Any]) -> None:
    """Show the changes that are held back."""
    if not found["quarantine"]:
        answers.print("Nothing is held back.")
        return
    table = Table("Id", "Symbol", "From", "Sessions", "Rows", "Status", "What")
    for row in found["quarantine"]:
        table.add_row(
            row["id"][:SHORT_ID],
            row["symbol"],
            row["provider"],
            f"{row['first_session']} to {row['last_session']}",
            f"{row['row_count']:,}",
            row["status"],
            escape(row["detail"]),
        )
    answers.print(table)


def print_decision(done: dict[str, Any]) -> None:
    """Say what was decided about a held change."""
    outcome = f"it is version {done['version']} of {done['symbol']}" if done["version"] else "nothing changed"
    answers.print(f"The held change of {done['symbol']} is {done['status']}: {outcome}.", markup=False)


def able_text(name: str, allowed: bool) -> str:
    """Return what a key may do or not."""
    return f"{name.replace('_', ' ')}: {'yes' if allowed else 'no'}"


def _minute(instant: str | None) -> str:
    return instant[:16].replace("T", " ") if instant else NOTHING


def time_text(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= size or size == 1)
    return f"{seconds / size:g} {unit}"
