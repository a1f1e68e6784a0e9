"""What people read of quota, watch lists and held changes on the terminal."""

from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from rich.markup import escape
from rich.table import Table

from deploy.local.checkout import command_line
from deploy.local.output import answers
from deploy.local.tables import SHORT_ID, table_of

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
PACE_SECONDS = 60.0  # a limit on a shorter time is one on the pace of calls
NOTHING = "–"


def print_quota(found: dict[str, Any]) -> None:
    """Show who may be asked how often, what stands against it, and what is asked next."""
    now = datetime.now(UTC)
    table = Table("Provider", "Status", "Calls left", "The next frees (UTC)")
    for each in found["providers"]:
        limits = each["limits"]
        table.add_row(
            each["provider"],
            _standing(each),
            "\n".join(
                f"{limit['left']:,} of {limit['calls']:,} in {time_text(limit['seconds'])}"
                for limit in limits
            ),
            "\n".join(minute_text(limit["frees_at"], after=now) for limit in limits),
        )
    answers.print(table)
    for each in found["providers"]:
        if each["capabilities"]:
            able = ", ".join(able_text(name, allowed) for name, allowed in each["capabilities"].items())
            answers.print(f"The key of {each['provider']}: {able}.", markup=False)
        if each["error"] and each["status"] != "off":
            answers.print(each["error"]["detail"], markup=False)
    _print_plan(found["plan"], now=now)


def _print_plan(plan: list[dict[str, Any]], *, now: datetime) -> None:
    """Show what is asked next, in one row whatever is asked together for the same reason."""
    if not plan:
        answers.print(
            f"No refresh is planned: no watch list is active. {command_line('watch set core AAPL MSFT')} makes one.",
            markup=False,
        )
        return
    table = Table("Next (UTC)", "Calls", "What and why")
    for (when, provider, reason), group in groupby(
        plan, key=lambda row: (_when(row["at"], now=now), row["provider"], row["reason"])
    ):
        rows = list(group)
        symbols = ", ".join(row["symbol"] for row in rows)
        table.add_row(
            when, f"{sum(row['calls'] for row in rows):,}", escape(f"{symbols} from {provider}\n{reason}")
        )
    answers.print(table)


def _standing(provider: dict[str, Any]) -> str:
    """Return a provider's status in a word or two: one without calls left is no more than that."""
    # The shortest limit is on the pace, and free again before anybody has read of it.
    lasting = [limit for limit in provider["limits"] if limit["seconds"] >= PACE_SECONDS]
    if provider["status"] == "ready" and any(not limit["left"] for limit in lasting):
        return "used up"
    return str(provider["status"]).replace("-", " ")


def _when(instant: str | None, *, now: datetime) -> str:
    """Return the minute of an instant to come, `now` for one that is not, and `never` for none."""
    if instant is None:
        return "never"
    return "now" if datetime.fromisoformat(instant) <= now else minute_text(instant)


def print_watch_lists(found: dict[str, Any]) -> None:
    """Show each list and how fresh its symbols are."""
    if not found["watch_lists"]:
        answers.print("There are none.")
    for each in found["watch_lists"]:
        state = "refreshed" if each["active"] else "paused"
        table = table_of(
            *("Symbol", "Newest", "Behind", "Next (UTC)", "Why"),
            folds="Why",
            numbers=("Behind",),
            title=f"{each['name']} · {each['provider']} · {state}",
        )
        for row in each["symbols"]:
            behind = row["behind_sessions"]
            is_fetched = each["active"] and row["refresh_at"] is None
            table.add_row(
                row["symbol"],
                row["last_session"] or NOTHING,
                NOTHING if behind is None else f"{behind:,}",
                minute_text(row["refresh_at"]),
                escape(row["reason"] or ("A fetch of it is under way." if is_fetched else NOTHING)),
            )
        answers.print(table)


def print_quarantine(found: dict[str, Any]) -> None:
    """Show the changes that are held back."""
    if not found["quarantine"]:
        answers.print("Nothing is held back.")
        return
    table = table_of("Id", "Symbol", "From", "What", folds="What", lined=True)
    for row in found["quarantine"]:
        table.add_row(
            row["id"][:SHORT_ID],
            row["symbol"],
            row["provider"],
            escape(f"{_held_text(row)}\n{row['detail']}"),
        )
    answers.print(table)
    if any(row["status"] == "open" for row in found["quarantine"]):
        answers.print(
            f"Let one through: {command_line('quarantine accept ID')}", markup=False, soft_wrap=True
        )
        answers.print(
            f"Or drop it:      {command_line('quarantine dismiss ID')}", markup=False, soft_wrap=True
        )


def _held_text(row: dict[str, Any]) -> str:
    """Return how much is held back of which days, and what became of it."""
    first, last = row["first_session"], row["last_session"]
    days = first if first == last else f"{first} to {last}"
    rows = f"{row['row_count']:,} row{'' if row['row_count'] == 1 else 's'}, {days}"
    return rows if row["status"] == "open" else f"{rows}: {row['status']}"


def print_decision(done: dict[str, Any]) -> None:
    """Say what was decided about a held change."""
    outcome = f"it is version {done['version']} of {done['symbol']}" if done["version"] else "nothing changed"
    answers.print(f"The held change of {done['symbol']} is {done['status']}: {outcome}.", markup=False)


def able_text(name: str, allowed: bool) -> str:
    """Return what a key may do or not."""
    return f"{name.replace('_', ' ')}: {'yes' if allowed else 'no'}"


def minute_text(instant: str | None, *, after: datetime | None = None) -> str:
    """Return an instant to the minute; nothing for none, or one that did not come `after` another."""
    if instant is None or (after and datetime.fromisoformat(instant) <= after):
        return NOTHING
    return instant[:16].replace("T", " ")


def time_text(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= size or size == 1)
    return f"{seconds / size:g} {unit}"
