"""`bellwether backtest` and `strategies`."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from deploy.local import output, run_output, steps
from deploy.local.failures import command_edge
from deploy.local.options import decimal_of, parameters_of
from deploy.local.oracle_commands import StdinJson, backtest_from_stdin
from shared.symbols import normalise_symbol

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; progress goes to stderr.")]
NO_INDEX = "none"
LARGEST = 10**12

_TRADING, _COSTS, _STOPS = "How it trades", "Costs", "Stops"
# All that is a decimal number; what it may be beyond that the kernel says.
_DECIMALS = (
    *("commission_per_order", "commission_per_share", "spread_bps", "impact", "risk_free"),
    *("size", "stop_loss_ratio", "take_profit_ratio", "trailing_ratio", "volume_limit"),
)
_WORDS = ("interval", "sizing", "time_in_force", "seed", "whole_shares", "allow_short")


def _cost(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=_COSTS)


def _trade(text: str, *names: str) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=_TRADING)


def _stop(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=_STOPS)


def backtest(  # noqa: PLR0917 - typer maps options by name
    given: typer.Context,
    symbol: Annotated[str, typer.Argument(help="Ticker symbol, such as AAPL; none with --stdin-json.")] = "",
    strategy: Annotated[
        str, typer.Option(help="Name of the strategy; `bellwether strategies` lists them.")
    ] = "moving_average_dip",
    parameter: Annotated[
        list[str] | None, typer.Option(help="A strategy parameter as name=number; may be repeated.")
    ] = None,
    capital: Annotated[str, typer.Option(help="Opening capital.")] = "10000.00",
    basis: Annotated[str, typer.Option(help="raw, split or total_return.")] = "split",
    start: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = None,
    end: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day.")] = None,
    interval: Annotated[str, typer.Option(help="Bars: 1d, 1wk or 1mo.")] = "1d",
    benchmark: Annotated[
        str | None,
        typer.Option(help="Index or fund for alpha and beta, or none; else SPY or the like, where stored."),
    ] = None,
    risk_free: Annotated[str, typer.Option(help="Annual rate without risk, as a fraction.")] = "0",
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    commission_bps: Annotated[str, _cost("Commission in basis points of each fill.")] = "10",
    commission_per_order: Annotated[str, _cost("Money for each fill.")] = "0",
    commission_per_share: Annotated[str, _cost("Money for each share of a fill.")] = "0",
    slippage_bps: Annotated[str, _cost("Slippage in basis points of each fill.")] = "5",
    spread_bps: Annotated[str, _cost("Between bid and ask; a fill pays half.")] = "0",
    impact: Annotated[str, _cost("Of a fill on its price: times (quantity / volume) squared.")] = "0",
    sizing: Annotated[
        str,
        _trade(
            "all_in, fixed_cash, fixed_shares, percent_of_equity, risk_per_stop or volatility_target.",
        ),
    ] = "all_in",
    size: Annotated[
        str | None, _trade("The figure of --sizing: money, shares or a fraction of the equity.")
    ] = None,
    whole_shares: Annotated[
        bool, _trade("Whether shares are bought whole.", "--whole-shares/--fractional-shares")
    ] = True,
    allow_short: Annotated[bool, _trade("Take short positions.", "--allow-short")] = False,
    time_in_force: Annotated[str, _trade("How long an entry waits: day or gtc.")] = "day",
    volume_limit: Annotated[
        str | None, _trade("Largest fraction of a session's volume that an entry takes.")
    ] = None,
    stop_loss_ratio: Annotated[str | None, _stop("Leave this fraction below the fill.")] = None,
    take_profit_ratio: Annotated[str | None, _stop("Leave this fraction above the fill.")] = None,
    trailing_ratio: Annotated[str | None, _stop("Leave this fraction below the best high.")] = None,
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
            "parameters": parameters_of(parameter or []),
            "initial_capital": decimal_of(capital, name="capital", least=1, most=LARGEST),
            "commission_bps": decimal_of(commission_bps, name="commission_bps", least=0, most=1000),
            "slippage_bps": decimal_of(slippage_bps, name="slippage_bps", least=0, most=1000),
            "start": start.date() if start else None,
            "end": end.date() if end else None,
            "options": _options(given.params),
        }
        name = normalise_symbol(symbol)
        with steps.worker_for_command() as worker:
            run = steps.backtest(name, options=chosen, worker=worker)
        (output.print_json if as_json else run_output.print_run)(run)


def strategies(as_json: AsJson = False) -> None:
    """List the strategies with their parameters, the default of each and its range."""
    with command_edge(as_json=as_json):
        from services.analytics.kernel.strategies.registry import STRATEGIES

        found = {"results": [rule.described() for rule in STRATEGIES.values()]}
        (output.print_json if as_json else run_output.print_strategies)(found)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Return what `Options` takes. Raises ValidationFailed, and InvalidSymbol for an index that cannot be one."""
    options = {name: given[name] for name in _WORDS}
    for name in _DECIMALS:
        options[name] = _decimal(given[name], name=name)
    if (index := given["benchmark"]) is not None:
        options["benchmark"] = None if index == NO_INDEX else normalise_symbol(index)
    return options


def _decimal(text: str | None, *, name: str) -> Decimal | None:
    return None if text is None else decimal_of(text, name=name, least=0, most=LARGEST)
