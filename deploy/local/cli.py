"""The `bellwether` command. Each command prints for people, or one JSON object with `--json`."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.local import fetch_output, output, run_output, status_output, steps
from deploy.local.backtest_commands import backtest, strategies
from deploy.local.event_commands import events, why
from deploy.local.failures import command_edge
from deploy.local.fetches_commands import fetches
from deploy.local.first_run import make_first_account
from deploy.local.import_commands import import_, restore
from deploy.local.key_commands import key
from deploy.local.market_commands import quarantine, quota, watch
from deploy.local.oracle_commands import metrics
from deploy.local.status import status_now
from deploy.local.stored_commands import index, prices
from deploy.local.system import Worker, open_system, working
from deploy.local.token_commands import tokens
from deploy.local.up import down_system, run_detached, run_system
from deploy.local.waiting import StepFailed
from shared.symbols import normalise_symbol

app = typer.Typer(
    help="Fetch daily prices, test strategies on them, forecast and report: all on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(tokens, name="token")
app.command()(key)
app.command()(quota)
app.add_typer(watch, name="watch")
app.add_typer(fetches, name="fetches")
app.command()(prices)
app.command()(index)
app.add_typer(quarantine, name="quarantine")
app.command(name="import")(import_)
app.add_typer(events, name="events")
app.command()(why)
app.command()(restore)
app.command()(metrics)
app.command()(backtest)
app.command()(strategies)

Symbol = Annotated[str, typer.Argument(help="Ticker symbol, such as AAPL.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]
Out = Annotated[Path, typer.Option(help="Folder for the report's files.")]


@app.command()
def demo(symbol: Symbol = "AAPL", out: Out = Path("out"), as_json: AsJson = False) -> None:
    """Run the main job on bundled prices: fetch, backtest, forecast, report."""
    with command_edge(as_json=as_json), ExitStack() as stack:
        name = normalise_symbol(symbol)
        with output.step("PostgreSQL and tables"):
            system = stack.enter_context(open_system())
        worker = stack.enter_context(working(system))
        stack.enter_context(steps.as_command())
        with output.step(f"Fetch {name} from the bundled prices"):
            fetched = steps.fetch(name, provider="bundled", worker=worker)
        with output.step("Backtest the standing strategy"):
            run = steps.standing_run(name, version=fetched["version"], worker=worker)
        with output.step("Forecast the next 30 sessions"):
            forecast = steps.standing_forecast(name, version=fetched["version"], worker=worker)
        with output.step("Render the report"):
            report = steps.report(name, out=out, worker=worker)
        done = {"fetch": fetched, "run": run, "forecast": forecast, "report": report}
        if (account := make_first_account()) is not None:
            done["account"] = account
        _show(done, run_output.print_demo, as_json=as_json)


@app.command()
def fetch(
    symbol: Symbol,
    provider: Annotated[
        str,
        typer.Option(help="alphavantage, tiingo, yfinance, bundled, or auto: whoever is ready, in order."),
    ] = "auto",
    start: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = None,
    end: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a symbol's prices; new ones start the standing backtest, forecast and report."""
    with command_edge(as_json=as_json):
        try:
            job = _with_worker(
                lambda worker: steps.fetch(
                    normalise_symbol(symbol),
                    provider=provider,
                    start=start.date() if start else None,
                    end=end.date() if end else None,
                    worker=worker,
                )
            )
        except StepFailed as failed:
            if as_json:
                output.print_json(failed.extra["job"])
            raise
        _show(job, fetch_output.print_fetch, as_json=as_json)


@app.command()
def forecast(symbol: Symbol, as_json: AsJson = False) -> None:
    """Forecast a symbol's next 30 sessions."""
    with command_edge(as_json=as_json):
        found = _with_worker(lambda worker: steps.forecast(normalise_symbol(symbol), worker=worker))
        _show(found, output.print_forecast, as_json=as_json)


@app.command()
def report(symbol: Symbol, out: Out = Path("out"), as_json: AsJson = False) -> None:
    """Write the newest report on a symbol as PDF, JSON and PNG."""
    with command_edge(as_json=as_json):
        found = _with_worker(lambda worker: steps.report(normalise_symbol(symbol), out=out, worker=worker))
        _show(found, output.print_files, as_json=as_json)


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return once it answers.")] = False,
    without_account: Annotated[bool, typer.Option("--without-account", hidden=True)] = False,
    as_json: AsJson = False,
) -> None:
    """Keep the system running, by default on http://127.0.0.1:8000, until Ctrl-C or `down`."""
    with command_edge(as_json=as_json):
        if detach:
            _show(run_detached(), output.print_started, as_json=as_json)
        else:
            run_system(
                lambda started: _show(started, output.print_started, as_json=as_json),
                makes_account=not without_account,
            )


@app.command()
def down(as_json: AsJson = False) -> None:
    """Stop what `up` started, and nothing else."""
    with command_edge(as_json=as_json):
        _show(down_system(), output.print_stopped, as_json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show what runs, what is stored and what waits."""
    with command_edge(as_json=as_json):
        _show(status_now(), status_output.print_status, as_json=as_json)


def main() -> None:
    """Run the command line."""
    app()


def _with_worker(step: Callable[[Worker], dict[str, Any]]) -> dict[str, Any]:
    with steps.worker_for_command() as worker:
        return step(worker)


def _show(value: dict[str, Any], for_people: Callable[[dict[str, Any]], None], *, as_json: bool) -> None:
    (output.print_json if as_json else for_people)(value)


if __name__ == "__main__":
    main()
