"""What people read on the terminal. Everything here writes; nothing here decides."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.markup import escape
from rich.table import Table

from deploy.local.checkout import command_line, manage_line
from deploy.local.tables import SHORT_ID, table_of
from deploy.local.terminal import Terminal, json_text
from shared.errors import BellwetherError

answers = Terminal(highlight=False)
progress = Terminal(stderr=True, highlight=False)
LISTED_ERRORS = 20


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took once it is done."""
    started_at = time.monotonic()
    with progress.status(what):
        yield
    progress.print(f"  [green]✓[/] {what} [dim]{time.monotonic() - started_at:.1f} s[/]")


def print_json(value: dict[str, Any]) -> None:
    """Write one JSON object to standard output."""
    sys.stdout.write(json_text(value, indent=2) + "\n")


def print_problem(error: BellwetherError, *, as_json: bool) -> None:
    """Write a problem to standard error."""
    if as_json:
        sys.stderr.write(json_text(error.as_problem()) + "\n")
        return
    progress.print(f"[bold red]Error:[/] {escape(_detail_here(error))}", soft_wrap=True)
    rows = error.extra.get("errors", [])
    for row in rows[:LISTED_ERRORS] if len(rows) > 1 else ():
        counted_in = error.extra.get("counted_in", "line")
        progress.print(f"  {counted_in} {row['line']}: {row['reason']}", markup=False)
    for each in error.extra.get("candidates", []):
        progress.print(f"  {each['id']}  {each['what']}", markup=False, soft_wrap=True)
    hidden = error.extra.get("total_errors", 0) - LISTED_ERRORS
    if hidden > 0:
        progress.print(f"  and {hidden} more", markup=False)


def _detail_here(error: BellwetherError) -> str:
    """Return what went wrong; where the API names an address that helps, here commands do."""
    extra, symbol = error.extra, error.extra.get("symbol")
    if "fetch" in extra and "stored_as" not in extra:
        symbol = extra["fetch"].split("/")[-2]
        return (
            f"No prices of {symbol} are stored. Import or fetch them first:"
            f" {command_line(f'import FILE --symbol {symbol}')}, or {command_line(f'fetch {symbol}')}"
        )
    if error.slug == "other-fetch-open" and "resumes_at" in extra:
        waits = error.detail.partition(": cancel it")[0]
        return f"{waits}: cancel it with {command_line(f'fetches cancel {extra["fetch_id"]}')}, or wait."
    if error.slug == "insufficient-history" and symbol:
        return (
            f"{error.detail} Older ones come with a key of Tiingo, or from a file:"
            f"\n  {command_line('key tiingo')} && {command_line(f'fetch {symbol}')}"
            f"\n  {command_line(f'import FILE --symbol {symbol}')}"
        )
    return error.detail


def print_warning(sentence: str) -> None:
    """Write a warning to standard error."""
    progress.print(f"[bold yellow]Warning:[/] {escape(sentence)}", soft_wrap=True)


def print_forecast(found: dict[str, Any], *, whole: bool = False) -> None:
    """Show the first and the last day of a forecast, or the `whole` of it."""
    table = Table(
        title=f"{found['symbol']} · forecast from {found['origin_session']} (close {found['origin_close']:,.2f})",
        title_justify="left",
        caption=f"model {found['model']} v{found['model_version']}, prices as of the origin, dividends included",
        caption_justify="left",
    )
    for name in ("Session", "Forecast", "80 % from", "80 % to", "No change"):
        table.add_column(name, justify="left" if name == "Session" else "right")
    points = found["points"]
    for point in points if whole else (points[0], points[-1]):
        numbers = (point[name] for name in ("point", "low80", "high80", "random_walk"))
        table.add_row(point["session"], *(f"{number:,.2f}" for number in numbers))
    answers.print(table)
    answers.print()


def print_challenger(result: dict[str, Any], *, verdict: str) -> None:
    """Show what a challenger is worth beside the shipped model, and where it lies."""
    block = result["held_out"]
    table = Table(
        title=f"{result['symbol']} · {block['rows']:,} forecasts from {block['first_origin']} on, seen by neither model",
        title_justify="left",
        caption="Error and loss are parts of the random walk's: below 1 is better. The bands should hold 80 % and 95 %.",
        caption_justify="left",
    )
    for name in ("Model", "Error", "Loss", "In 80 % band", "In 95 % band"):
        table.add_column(name, justify="left" if name == "Model" else "right")
    for name, scores in (
        ("challenger", result["challenger"]),
        (result["shipped"]["model"], result["shipped"]),
    ):
        ratios = (f"{scores[key]:.4f}" for key in ("mae_ratio", "pinball_ratio"))
        shares = (f"{scores[key]:.1%}" for key in ("coverage80_ratio", "coverage95_ratio"))
        table.add_row(name, *ratios, *shares)
    answers.print(table)
    answers.print(verdict, markup=False)
    for path in result["files"].values():
        answers.print(f"  {path}", markup=False, soft_wrap=True)


def print_loaded(jobs: list[dict[str, Any]]) -> None:
    """Show what each of several fetches brought."""
    table = Table()
    for name in ("Symbol", "Sessions", "First", "Last", "Version", "Status"):
        table.add_column(name, justify="right" if name in {"Sessions", "Version"} else "left")
    for job in jobs:
        if job["error"]:
            table.add_row(job["symbol"], "–", "–", "–", "–", job["status"])
            continue
        news = "new" if job["changed"] else "unchanged"
        extent = (f"{job['bar_count']:,}", job["first_session"], job["last_session"], str(job["version"]))
        table.add_row(job["symbol"], *extent, news if job["status"] == "succeeded" else job["status"])
    answers.print(table)


def print_files(found: dict[str, Any]) -> None:
    """Name a report by the id that `why` takes, and its files, each on a line of its own that can be copied."""
    report_id = found["report_id"][:SHORT_ID]
    answers.print(f"Report {report_id}, document hash {found['document_hash'][:12]}", markup=False)
    answers.print(f"  WHY  {command_line(f'why {report_id}')}", markup=False, soft_wrap=True)
    for form, path in found["files"].items():
        answers.print(f"  {form.upper():<4} {path}", markup=False, soft_wrap=True)


def print_tokens(tokens: list[dict[str, Any]]) -> None:
    """List tokens by what their owners know them by, never by their text."""
    if not tokens:
        answers.print("There are none.")
        return
    table = table_of(
        "Id",
        "Begins with",
        "User",
        "Kind",
        "Name",
        "Created",
        "Last used,\nexpires",
        folds="Name",
        lined=True,
    )
    for token in tokens:
        created, used, ends = (
            (token[name] or "–")[:10] for name in ("created_at", "last_used_at", "expires_at")
        )
        table.add_row(
            token["id"][:SHORT_ID],
            token["prefix"],
            token["user"],
            token["kind"],
            escape(token["name"]),
            created,
            f"{used}\n{ends}",
        )
    answers.print(table)


def print_started(started: dict[str, Any]) -> None:
    """Say where the system answers and how to go on."""
    answers.print(f"Bellwether is up at [bold]{started['url']}[/]")
    for url in started["elsewhere"]:
        _print_line("Elsewhere", url)
    _print_line("API docs", started["docs"])
    if "admin" in started:
        _print_line("Admin", started["admin"])
    _print_line("Logs", started["logs"])
    _print_line("A token", command_line("token create YOU"))
    _print_line("Stop", f"Ctrl-C, or {command_line('down')}")
    if "account" in started:
        print_account(started["account"])
    elif name := started["superuser"]:
        _print_line("Account", f"{name}; lost password: {manage_line(f'changepassword {name}')}")


def print_account(account: dict[str, str]) -> None:
    """Show the first account's password and token, which are stored hashed and never shown again."""
    answers.print(
        f"\nAccount [bold]{account['username']}[/] was made. Note its secrets, they are shown this once:"
    )
    _print_line("Password", account["password"])
    _print_line("API token", account["token"])
    _print_line("Change it", manage_line(f"changepassword {account['username']}"))


def print_stopped(stopped: dict[str, Any]) -> None:
    """Say what was stopped."""
    names = ", ".join(stopped["stopped"])
    answers.print(f"Stopped: {names}." if names else "Nothing was running.", markup=False)


def _print_line(name: str, text: str) -> None:
    answers.print(f"  {name:<12} {text}", markup=False, soft_wrap=True)
