"""The `bellwether` command. Each command prints for people, or one JSON object with `--json`."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import django.db
import psycopg
import typer

from deploy.local import options, output, steps
from deploy.local.errors import DatabaseUnusable
from deploy.local.signals import stop_signals_interrupt
from deploy.local.status import status_now
from deploy.local.system import Worker, open_system, working
from deploy.local.up import down_system, run_detached, run_system
from shared.errors import BellwetherError
from shared.settings.env import read
from shared.symbols import normalise_symbol

INTERRUPTED = 130
app = typer.Typer(
    help="Fetch daily prices, test strategies on them, forecast and report: all on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
tokens = typer.Typer(help="API tokens.", no_args_is_help=True)
app.add_typer(tokens, name="token")

Symbol = Annotated[str, typer.Argument(help="Ticker symbol, such as AAPL.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]
Out = Annotated[Path, typer.Option(help="Folder for the report's files.")]


@app.command()
def demo(symbol: Symbol = "AAPL", out: Out = Path("out"), as_json: AsJson = False) -> None:
    """Run the main job on bundled prices: fetch, backtest, forecast, report."""
    with _problems(as_json), ExitStack() as stack:
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
        if as_json:
            output.print_json({"fetch": fetched, "run": run, "forecast": forecast, "report": report})
            return
        output.print_run(run)
        output.print_forecast(forecast)
        output.print_files(report)


@app.command()
def fetch(
    symbol: Symbol,
    provider: Annotated[str, typer.Option(help="Where the prices come from.")] = "bundled",
    as_json: AsJson = False,
) -> None:
    """Fetch a symbol's prices; new ones start the standing backtest, forecast and report."""
    with _problems(as_json):
        try:
            job = _with_worker(
                lambda worker: steps.fetch(normalise_symbol(symbol), provider=provider, worker=worker)
            )
        except steps.StepFailed as failed:
            _show(failed.extra["job"], output.print_fetch, as_json=as_json)
            raise
        _show(job, output.print_fetch, as_json=as_json)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with date, open, high, low, close, volume.")],
    symbol: Annotated[str, typer.Option(help="Ticker symbol of the rows.")],
    as_json: AsJson = False,
) -> None:
    """Import prices from a CSV file; a file with a bad row imports nothing and lists every bad row."""
    with _problems(as_json):
        series = steps.read_file(file, symbol=normalise_symbol(symbol))
        with open_system(), steps.as_command():
            _show(steps.record_file(series), output.print_import, as_json=as_json)


@app.command()
def backtest(  # noqa: PLR0917 - typer maps options by name
    symbol: Symbol,
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
    as_json: AsJson = False,
) -> None:
    """Test a strategy on a symbol's newest prices."""
    with _problems(as_json):
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
    with _problems(as_json):
        found = _with_worker(lambda worker: steps.forecast(normalise_symbol(symbol), worker=worker))
        _show(found, output.print_forecast, as_json=as_json)


@app.command()
def report(symbol: Symbol, out: Out = Path("out"), as_json: AsJson = False) -> None:
    """Write the newest report on a symbol as PDF, JSON and PNG."""
    with _problems(as_json):
        found = _with_worker(lambda worker: steps.report(normalise_symbol(symbol), out=out, worker=worker))
        _show(found, output.print_files, as_json=as_json)


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return once it answers.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep the system running on http://127.0.0.1:8000 until Ctrl-C or `down`."""
    with _problems(as_json):
        if detach:
            _show(run_detached(), output.print_started, as_json=as_json)
        else:
            run_system(lambda started: _show(started, output.print_started, as_json=as_json))


@app.command()
def down(as_json: AsJson = False) -> None:
    """Stop what `up` started, and nothing else."""
    with _problems(as_json):
        _show(down_system(), output.print_stopped, as_json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show what runs, what is stored and what waits."""
    with _problems(as_json):
        _show(status_now(), output.print_status, as_json=as_json)


@tokens.command(name="create")
def create_token(
    user: Annotated[str, typer.Argument(help="User name; made if there is none of that name.")],
    as_json: AsJson = False,
) -> None:
    """Create an API token and print it: it is stored hashed and cannot be shown again."""
    with _problems(as_json), open_system():
        from shared.identity.tokens import TOKEN_BYTES, create_token

        text = create_token(username=user, secret=secrets.token_bytes(TOKEN_BYTES))
        if as_json:
            output.print_json({"user": user, "token": text})
        else:
            sys.stdout.write(text + "\n")


def main() -> None:
    """Run the command line."""
    app()


def _with_worker(step: Callable[[Worker], dict[str, Any]]) -> dict[str, Any]:
    with open_system() as system, working(system) as worker, steps.as_command():
        return step(worker)


def _show(value: dict[str, Any], for_people: Callable[[dict[str, Any]], None], *, as_json: bool) -> None:
    (output.print_json if as_json else for_people)(value)


@contextmanager
def _problems(as_json: bool) -> Iterator[None]:
    """Turn an expected failure into a problem on stderr and exit code 1, an interrupt into 130."""
    try:
        with stop_signals_interrupt():
            read(os.environ)
            yield
    except BellwetherError as error:
        output.print_problem(error, as_json=as_json)
        raise typer.Exit(1) from None
    except (psycopg.Error, django.db.Error) as error:
        # The first line says what is wrong; it never holds the password.
        unusable = DatabaseUnusable(f"The database cannot be used: {str(error).strip().splitlines()[0]}.")
        output.print_problem(unusable, as_json=as_json)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
