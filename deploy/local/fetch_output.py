"""What people read of fetches and keys on the terminal."""

from collections.abc import Iterator
from typing import Any

from rich.markup import escape

from deploy.local.checkout import command_line
from deploy.local.market_output import able_text, minute_text, time_text
from deploy.local.output import answers
from deploy.local.tables import short_id_length, table_of

DUE_STATES = ("queued", "waiting_quota")


def print_fetch(job: dict[str, Any]) -> None:
    """Show what a fetch brought, what it waits for, or why it brought nothing."""
    if job["resumes_at"]:
        answers.print(
            f"{job['symbol']}: {job['error']['detail']} It goes on by itself at {minute_text(job['resumes_at'])} UTC,"
            " while Bellwether is up or with the next command.",
            markup=False,
        )
        _print_command("Keep it up", "up")
        _print_command("Cancel it", f"fetches cancel {job['id']}")
        return
    asked = " and ".join(source["provider"] for source in job["sources"]) or "what is stored"
    answers.print(
        f"{job['symbol']}: {job['bar_count']:,} sessions from {job['first_session']} to {job['last_session']},"
        f" from {asked}: {_news(job)}; {len(job['inner_gaps']):,} missing in between ({job['status']}).",
        markup=False,
    )
    for remark in _remarks(job):
        answers.print(f"  {remark}", markup=False)
    if job["quarantined_count"]:
        _print_command("Decide", "quarantine list")


def print_fetches(found: dict[str, Any]) -> None:
    """Show fetches, how far each is, and what came of it."""
    if not found["fetches"]:
        answers.print("There are none.")
        return
    ids = [row["id"] for row in found["fetches"]]
    shown = short_id_length(ids)
    table = table_of("Id", "Symbol", "Status", "What", folds="What", lined=True)
    for row in found["fetches"]:
        asked = f"{row['provider']}, asked {minute_text(row['created_at'])} UTC"
        what = "\n".join(filter(None, (asked, _outcome(row))))
        table.add_row(row["id"][:shown], row["symbol"], row["status"], escape(what))
    answers.print(table)
    if any(row["status"] in DUE_STATES for row in found["fetches"]):
        _print_command("Cancel one that waits", "fetches cancel ID")


def print_cancelled(found: dict[str, Any]) -> None:
    """Say which fetch was taken back."""
    answers.print(f"The fetch of {found['symbol']} from {found['provider']} is cancelled.", markup=False)


def _outcome(row: dict[str, Any]) -> str:
    """Return what a fetch waits for or brought, or why it brought nothing."""
    goes_on = f"Goes on at {minute_text(row['resumes_at'])} UTC. " if row["resumes_at"] else ""
    if row["error"]:
        return f"{goes_on}{row['error']['detail']}"
    if row["version"] is None:
        return goes_on
    days = f"{row['bar_count']:,} sessions, {row['first_session']} to {row['last_session']}"
    return f"{days}: {_news(row)}. {row['reason'] or ''}".rstrip()


def _news(job: dict[str, Any]) -> str:
    """Return what a fetch changed."""
    if not job["changed"]:
        return f"nothing new, version {job['version']} stays"
    news = (
        f"new version {job['version']}, {job['added_count']:,} added and {job['corrected_count']:,} corrected"
    )
    actions = job["actions_changed_count"]
    return f"{news}, {actions:,} splits or dividends changed" if actions else news


def _print_command(what: str, words: str) -> None:
    """Name a command on a line of its own, which is not broken so that it can be copied."""
    answers.print(f"  {what}: {command_line(words)}", markup=False, soft_wrap=True)


def _remarks(job: dict[str, Any]) -> Iterator[str]:
    """Give in a line each what a fetch did not take as it came."""
    if job["reason"]:
        yield job["reason"]
    if job["rejected_count"]:
        yield f"{job['rejected_count']:,} row(s) cannot be true and were left out."
    if job["disagreeing_count"]:
        yield f"{job['disagreeing_count']:,} close(s) differ from what another provider told; what was stored stays."
    if job["quarantined_count"]:
        yield f"{job['quarantined_count']:,} suspicious change(s) wait for a decision."


def print_key(done: dict[str, Any]) -> None:
    """Show what a key can do, or that it was removed."""
    if not done["kept"]:
        answers.print(
            f"The key of {done['provider']} is removed."
            if done["existed"]
            else f"There was no key of {done['provider']}."
        )
        return
    if done["waits_until"]:
        answers.print(
            f"The key of {done['provider']} is kept untried: the provider takes no calls before"
            f" {done['waits_until'][:16].replace('T', ' ')} UTC.",
            markup=False,
        )
    else:
        able = ", ".join(able_text(name, allowed) for name, allowed in done["capabilities"].items())
        answers.print(
            f"The key of {done['provider']} works{f' ({able})' if able else ''} and is kept.", markup=False
        )
    for limit in done["limits"]:
        answers.print(
            f"  {limit['left']:,} of {limit['calls']:,} calls left in {time_text(limit['seconds'])}",
            markup=False,
        )
    answers.print("  Whatever runs already uses it from now on.", markup=False)
