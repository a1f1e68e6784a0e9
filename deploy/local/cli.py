"""The `bellwether` command. Each command prints for people, or one JSON object with `--json`."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.local import fetch_output, options, output, status_output, steps
from deploy.local.event_commands import events, why
from deploy.local.failures import command_edge
from deploy.local.fetches_commands import fetches
from deploy.local.first_run import make_first_account
from deploy.local.import_commands import import_, restore
from deploy.local.key_commands import key
from deploy.local.market_commands import quarantine, quota, watch
from deploy.local.oracle_commands import StdinJson, backtest_from_stdin, metrics
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
        _show(done, output.print_demo, as_json=as_json)


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
def backtest(  # noqa: PLR0917 - typer maps options by name
    given: typer.Context,
    symbol: Annotated[str, typer.Argument(help="Ticker symbol, such as AAPL; none with --stdin-json.")] = "",
    strategy: Annotated[str, typer.Option(help="Name of the strategy.")] = "moving_average_dip",
    parameter: Annotated[
        list[str] | None, typer.Option(help="A strategy parameter as name=number; may be repeated.")
    ] = None,
    capital: Annotated[str, typer.Option(help="Opening capital.")] = "10000.00",
    commission_bps: Annotated[str, typer.Option(help="Commission in basis points of each fill.")] = "10",
    slippage_bps: Annotated[str, typer.Option(help="Slippage in basis points of each fill.")] = "5",
    basis: Annotated[str, typer.Option(help="raw, split or total_return.")] = "split",
    start: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = None,
    end: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day.")] = None,
    stdin_json: StdinJson = False,
    as_json: AsJson = False,
) -> None:
    """Test a strategy on a symbol's newest prices, or on bars from standard input.

    With --stdin-json: JSON in, JSON out, no database. In: bars, an object of arrays date, open, high, low, close and
    volume (optional dividend and split_ratio), and strategy; optional are parameters, capital (10000), commission and
    slippage (0), sizing (all_in), execution, seed (0), periods_per_year (252) and risk_free (0).

    commission: a number is a fraction of the traded value (0.001 = 0.1 %), or {"ratio", "per_order", "per_share"}.
    slippage: a number is a fraction of the price, or {"ratio", "spread", "impact"}. sizing: a number is the fraction of
    equity that an entry spends, a text a kind, or {"kind", "size", "whole_shares"}. docs/backtesting.md has the rest.
    """
    if stdin_json:
        backtest_from_stdin(given)
        return
    with command_edge(as_json=as_json):
        chosen = {
            "basis": basis,
            "strategy": strategy,
            "parameters": options.parameters_of(parameter or []),
            "initial_capital": options.decimal_of(capital, name="capital", least=1, most=10**12),
            "commission_bps": options.decimal_of(commission_bps, name="commission_bps", least=0, most=1000),
            "slippage_bps": options.decimal_of(slippage_bps, name="slippage_bps", least=0, most=1000),
            "start": start.date() if start else None,
            "end": end.date() if end else None,
        }
        run = _with_worker(
            lambda worker: steps.backtest(normalise_symbol(symbol), options=chosen, worker=worker)
        )
        _show(run, output.print_run, as_json=as_json)


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
