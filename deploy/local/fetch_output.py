"""What people read of fetches and keys on the terminal."""

from collections.abc import Iterator
from typing import Any

from deploy.local.checkout import command_line
from deploy.local.market_output import able_text, time_text
from deploy.local.output import answers


def print_fetch(job: dict[str, Any]) -> None:
    """Show what a fetch brought, what it waits for, or why it brought nothing."""
    if job["resumes_at"]:
        answers.print(
            f"{job['symbol']}: {job['error']['detail']} It goes on by itself at {job['resumes_at']}, while"
            f" {command_line('up')} runs or with the next command.",
            markup=False,
        )
        return
    news = (
        f"new version {job['version']}" if job["changed"] else f"nothing new, version {job['version']} stays"
    )
    asked = " and ".join(source["provider"] for source in job["sources"]) or "what is stored"
    answers.print(
        f"{job['symbol']}: {job['bar_count']:,} sessions from {job['first_session']} to {job['last_session']},"
        f" from {asked}: {news}; {len(job['inner_gaps']):,} missing in between ({job['status']}).",
        markup=False,
    )
    for remark in _remarks(job):
        answers.print(f"  {remark}", markup=False)


def _remarks(job: dict[str, Any]) -> Iterator[str]:
    """Give in a line each what a fetch did not take as it came."""
    if job["reason"]:
        yield job["reason"]
    if job["rejected_count"]:
        yield f"{job['rejected_count']:,} row(s) cannot be true and were left out."
    if job["disagreeing_count"]:
        yield f"{job['disagreeing_count']:,} close(s) differ from what another provider told; what was stored stays."
    if job["quarantined_count"]:
        yield f"{job['quarantined_count']:,} suspicious change(s) wait for a decision: {command_line('quarantine list')}."


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
    answers.print("  Processes that run already take it up when they are started again.", markup=False)
