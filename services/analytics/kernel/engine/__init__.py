"""The one engine: decide at the close of t, trade from the open of t + 1; one account, one or many markets."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray, IndexArray, SignalArray
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import BUY, Decisions
from services.analytics.kernel.engine.account import run_account
from services.analytics.kernel.engine.book import (
    DECIDED,
    LEAVING,
    ORDER,
    REFUSED_ORDERS,
    SHARES,
    SPLIT_SINCE,
    UNAFFORDABLE_ORDERS,
)
from services.analytics.kernel.engine.sweep import SWEEP_METRICS, run_cells
from services.analytics.kernel.engine.terms import (
    CLOSE,
    DIVIDEND,
    LIMIT,
    PRICE_RATIO,
    SPLIT_RATIO,
    STOP_ENTRY,
    Terms,
    bars_of,
    levels_of,
    read_only,
    signals_of,
    terms_of,
)
from services.analytics.kernel.errors import InvalidMarketData
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.simulation import PendingOrder, Simulation
from services.analytics.kernel.trades import Credits, FillColumns

__all__ = [
    "ENGINE_VERSION",
    "SESSIONS_PER_YEAR",
    "SWEEP_METRICS",
    "buy_and_hold",
    "simulate",
    "simulate_portfolio",
    "sweep_block",
]

ENGINE_VERSION: Final = "engine/2"

SESSIONS_PER_YEAR: Final = 252


def simulate(
    market: MarketData,
    decisions: Decisions,
    *,
    initial_capital: float,
    costs: Costs,
    execution: Execution | None = None,
    periods_per_year: int = SESSIONS_PER_YEAR,
) -> Simulation:
    """Trade the decisions (n,), n >= 1, each from the open after the close that decided it.

    What the last close decides fills nowhere and is listed as pending. `periods_per_year` scales the
    volatility that `volatility_target` sizes by.
    """
    return simulate_portfolio(
        [market],
        [decisions],
        initial_capital=initial_capital,
        costs=costs,
        execution=execution,
        periods_per_year=periods_per_year,
    )


def buy_and_hold(
    market: MarketData, *, initial_capital: float, costs: Costs, whole_shares: bool = True
) -> Simulation:
    """Buy at the open of the first bar with all cash and hold: the benchmark, with the same costs."""
    nothing = read_only(np.zeros((1, len(market)), dtype=np.int8))
    terms = terms_of(costs, Execution(whole_shares=whole_shares))
    return _run([market], nothing, None, BUY, initial_capital, terms)


def simulate_portfolio(
    markets: Sequence[MarketData],
    decisions: Sequence[Decisions],
    *,
    initial_capital: float,
    costs: Costs,
    execution: Execution | None = None,
    periods_per_year: int = SESSIONS_PER_YEAR,
) -> Simulation:
    """Trade m >= 1 instruments over the same sessions with one cash; entries in their order, while it lasts.

    Raises InvalidMarketData where the sessions differ.
    """
    for market in markets[1:]:
        if not np.array_equal(market.sessions, markets[0].sessions):
            raise InvalidMarketData(f"{market.symbol} and {markets[0].symbol} differ in their sessions.")
    execution = execution or Execution()
    levels = levels_of(markets, decisions, execution, periods_per_year)
    return _run(markets, signals_of(decisions), levels, 0, initial_capital, terms_of(costs, execution))


def sweep_block(
    market: MarketData,
    signals: SignalArray,
    *,
    initial_capital: float,
    costs: Costs,
    execution: Execution | None = None,
    year: Year,
) -> FloatArray:
    """Run k accounts on signals (k, n) int8 at market and return (k, 6) their SWEEP_METRICS.

    NaN where a figure is undefined; the full run tells why. Releases the interpreter's lock once compiled,
    so that threads sweep side by side. Raises ValueError where the execution needs levels.
    """
    execution = execution or Execution()
    if not execution.is_plain:
        raise ValueError("a sweep of signals has no levels: run such cells one by one")
    cells = read_only(np.ascontiguousarray(signals, dtype=np.int8).view())
    return run_cells(
        bars_of([market]),
        cells,
        float(initial_capital),
        terms_of(costs, execution),
        year.periods,
        year.risk_free_per_period,
    )


def _run(  # noqa: PLR0917 - both callers give all
    markets: Sequence[MarketData],
    signals: SignalArray,
    levels: FloatArray | None,
    opening: int,
    initial_capital: float,
    terms: Terms,
) -> Simulation:
    bars = bars_of(markets)
    instruments = None if len(markets) == 1 else len(markets)
    equity, stops, cash, shares, fills, book, account = run_account(
        bars, signals, levels, opening, float(initial_capital), terms, instruments
    )
    return Simulation(
        symbols=tuple(market.symbol for market in markets),
        dates=markets[0].equity_dates,
        equity=equity,
        stops=stops,
        cash_from=cash,
        shares_from=shares,
        credits=_credits(bars, stops[:-1], shares),
        closes=bars[CLOSE],
        fill_columns=FillColumns.of_table(fills),
        pending_orders=tuple(_pending_orders(markets, book, levels)),
        unaffordable_orders=int(account[UNAFFORDABLE_ORDERS]),
        refused_orders=int(account[REFUSED_ORDERS]),
    )


def _credits(bars: FloatArray, stops: IndexArray, shares: FloatArray) -> Credits:
    """Return the dividends on what was held at the close before each ex-date, all of which are stops."""
    before = shares[:, :-1] * bars[SPLIT_RATIO][:, stops[1:]]
    amount = before * bars[DIVIDEND][:, stops[1:]]
    asset, number = np.nonzero(amount)
    return Credits(
        sessions=bars.shape[2], session=stops[number + 1], asset=asset, amount=amount[asset, number]
    )


def _pending_orders(
    markets: Sequence[MarketData], book: FloatArray, levels: FloatArray | None
) -> list[PendingOrder]:
    """Return the orders for the session after the last; one that leaves and enters is one order."""
    pending = []
    for i, market in enumerate(markets):
        side, decided = int(book[ORDER, i]), int(book[DECIDED, i])
        is_leaving = bool(book[LEAVING, i])
        if not side and not is_leaving:
            continue
        is_buy = side > 0 or (is_leaving and book[SHARES, i] < 0)
        limit = stop = None
        if side and levels is not None and decided >= 0:
            ratio = levels[PRICE_RATIO, i, decided] / book[SPLIT_SINCE, i]
            limit, stop = (_price(levels[row, i, decided] * ratio) for row in (LIMIT, STOP_ENTRY))
        pending.append(
            PendingOrder(
                symbol=market.symbol,
                side="buy" if is_buy else "sell",
                decided_session=market.sessions[decided].item(),
                limit=limit,
                stop=stop,
            )
        )
    return pending


def _price(level: float) -> float | None:
    return None if np.isnan(level) else float(level)
