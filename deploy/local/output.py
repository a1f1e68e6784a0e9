"""What people read on the terminal. Everything here writes; nothing here decides."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.errors import BellwetherError

answers = Console(highlight=False)
progress = Console(stderr=True, highlight=False)
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
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_problem(error: BellwetherError, *, as_json: bool) -> None:
    """Write a problem to standard error."""
    if as_json:
        sys.stderr.write(json.dumps(error.as_problem(), ensure_ascii=False) + "\n")
        return
    progress.print(f"[bold red]Error:[/] {escape(error.detail)}", soft_wrap=True)
    rows = error.extra.get("errors", [])
    for row in rows[:LISTED_ERRORS] if len(rows) > 1 else ():
        progress.print(f"  line {row['line']}: {row['reason']}", markup=False)
    hidden = error.extra.get("total_errors", 0) - LISTED_ERRORS
    if hidden > 0:
        progress.print(f"  and {hidden} more", markup=False)


def print_fetch(job: dict[str, Any]) -> None:
    """Show what a fetch brought, or why it brought nothing."""
    if job["problem"]:
        answers.print(
            f"Fetch {job['id']} of {job['symbol']}: {job['state']}. {job['problem']['detail']}", markup=False
        )
        return
    news = (
        f"new version {job['version']}" if job["changed"] else f"nothing new, version {job['version']} stays"
    )
    answers.print(
        f"{job['symbol']}: {job['bar_count']:,} sessions from {job['first_session']} to {job['last_session']},"
        f" {news}; {len(job['inner_gaps'])} missing in between ({job['state']}).",
        markup=False,
    )


def print_import(done: dict[str, Any]) -> None:
    """Show what an import changed."""
    changes = (
        f"{done['added']:,} added, {done['corrected']:,} corrected,"
        f" {done['actions_changed']:,} splits or dividends changed: version {done['version']}"
    )
    news = changes if done["changed"] else f"nothing new, version {done['version']} stays"
    answers.print(
        f"{done['symbol']}: {done['rows']:,} rows read, {news}."
        f" Stored are {done['first_session']} to {done['last_session']}.",
        markup=False,
    )


def print_run(run: dict[str, Any]) -> None:
    """Show the metrics of a run beside those of buy and hold."""
    table = Table(
        title=f"{run['symbol']} · {run['strategy']} · {run['first_session']} to {run['last_session']}",
        title_justify="left",
        caption=f"{_parameters(run)}; {run['trade_count']} closed trades; capital {run['initial_capital']}, commission"
        f" {run['commission_bps']} bp, slippage {run['slippage_bps']} bp, basis {run['basis']};"
        f" definitions {run['metrics_version']}",
        caption_justify="left",
    )
    table.add_column("Metric")
    table.add_column("Strategy", justify="right")
    table.add_column("Buy and hold", justify="right")
    benchmark = {metric["name"]: metric for metric in run["benchmark_metrics"]}
    for metric in run["metrics"]:
        table.add_row(metric["label"], metric_text(metric), metric_text(benchmark[metric["name"]]))
    answers.print(table)
    answers.print()


def print_forecast(found: dict[str, Any]) -> None:
    """Show the first and the last day of a forecast."""
    table = Table(
        title=f"{found['symbol']} · forecast from {found['origin_session']} (close {found['origin_close']:,.2f})",
        title_justify="left",
        caption=f"model {found['model']} v{found['model_version']}, prices as of the origin, dividends included",
        caption_justify="left",
    )
    for name in ("Session", "Forecast", "80 % from", "80 % to", "No change"):
        table.add_column(name, justify="left" if name == "Session" else "right")
    for point in (found["points"][0], found["points"][-1]):
        numbers = (point[name] for name in ("point", "low80", "high80", "random_walk"))
        table.add_row(point["session"], *(f"{number:,.2f}" for number in numbers))
    answers.print(table)
    answers.print()


def print_files(found: dict[str, Any]) -> None:
    """Name the files of a report, each on a line of its own that can be copied."""
    answers.print(f"Report {found['document_hash'][:12]}", markup=False)
    for form, path in found["files"].items():
        answers.print(f"  {form.upper():<4} {path}", markup=False, soft_wrap=True)


def print_started(started: dict[str, Any]) -> None:
    """Say where the system answers and how to go on."""
    answers.print(f"Bellwether is up at [bold]{started['url']}[/]")
    answers.print(f"  API schema   {started['schema']}", markup=False, soft_wrap=True)
    answers.print(f"  Logs         {started['logs']}", markup=False, soft_wrap=True)
    answers.print("  A token      bellwether token create YOU", markup=False)
    answers.print("  Stop         Ctrl-C, or bellwether down", markup=False)


def print_stopped(stopped: dict[str, Any]) -> None:
    """Say what was stopped."""
    names = ", ".join(stopped["stopped"])
    answers.print(f"Stopped: {names}." if names else "Nothing was running.", markup=False)


def print_status(status: dict[str, Any]) -> None:
    """Show what runs and what waits."""
    if not status["running"]:
        if names := ", ".join(status["left_behind"]):
            answers.print(
                f"Bellwether was killed and left {names} running: stop them with `make down`.", markup=False
            )
        else:
            answers.print(
                "Bellwether is not running. Start it with `make up` or `bellwether up`.", markup=False
            )
        return
    answers.print(f"Bellwether runs at {status['url']} ({', '.join(status['processes'])}).", markup=False)
    table = Table()
    table.add_column("Service")
    for name in ("Unsent events", "Waiting", "Parked", "Open jobs"):
        table.add_column(name, justify="right")
    for service, counts in status["services"].items():
        table.add_row(service, *(str(counts[name]) for name in ("unsent", "waiting", "parked", "open_jobs")))
    answers.print(table)
    for name, version in status["instruments"].items():
        answers.print(f"  {name} version {version}", markup=False)


def _parameters(run: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in run["parameters"].items()) or "no parameters"


def metric_text(metric: dict[str, Any]) -> str:
    """Return a figure in its unit, a dash where it is undefined."""
    value = metric["value"]
    if value is None:
        return "–"
    match metric["unit"]:
        case "ratio":
            return f"{value:,.2%}"
        case "percent":
            return f"{value:,.2f}%"
        case "money":
            return f"{value:,.2f}"
        case "count" | "days" | "sessions":
            return f"{value:,.0f}"
        case _:
            return f"{value:,.3f}"
