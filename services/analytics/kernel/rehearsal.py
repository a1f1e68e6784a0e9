"""A little of everything, compiled: `python -m services.analytics.kernel.rehearsal` makes and keeps all machine code.

An image runs that once when it is built, with NUMBA_CACHE_DIR naming a folder of the image, and with
NUMBA_CPU_NAME=generic, for machine code is kept for one kind of processor. Its processes then, with the same two
variables, load in half a second what takes some ten to compile.
"""

from contextlib import suppress
from typing import Any

import numpy as np

from services.analytics.kernel.backtest import run
from services.analytics.kernel.compiled import warm_up
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.engine import SESSIONS_PER_YEAR, simulate_portfolio
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import Year, measure, measure_curve
from services.analytics.kernel.metrics.curve import period_returns
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.strategies.base import Strategy
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.analytics.kernel.sweep import Conditions, run_chunk
from services.analytics.kernel.truth.bootstrap import resample

_SESSIONS = 300
_CAPITAL, _COSTS = 10_000.0, Costs(commission_bps=10.0, slippage_bps=5.0)
_PLAIN, _PROTECTED = Execution(), Execution(stop_loss_ratio=0.1)


def rehearse() -> None:
    """Compile from now on whatever is called, and call all there is: each function for each kind of arguments."""
    warm_up()
    market = _waves()
    for strategy in STRATEGIES.values():
        _rehearse(strategy, market)


def load_machine_code() -> None:
    """Load all code where NUMBA_CACHE_DIR names the folder of it, so that nobody's work waits for a compiler.

    Elsewhere a function is compiled, and kept, once there is so much work for it that this is worth it.
    """
    with suppress(ImportError):
        from services.analytics.kernel.machine_code import has_own_folder

        if has_own_folder():
            rehearse()


def _rehearse(strategy: Strategy[Any], market: MarketData) -> None:
    parameters, year = strategy.parse({}), Year(periods=SESSIONS_PER_YEAR)
    for execution in (_PLAIN, _PROTECTED):
        result = run(
            market, strategy, parameters, initial_capital=_CAPITAL, costs=_COSTS, execution=execution
        )
        together = simulate_portfolio(
            [market, market],
            [strategy.decide(market.series, parameters)] * 2,
            initial_capital=_CAPITAL,
            costs=_COSTS,
            execution=execution,
        )
        measure(together, benchmark=result.benchmark, year=year)
    equity, dates = result.simulation.equity, market.equity_dates.copy()
    measure_curve(equity, year=year, dates=dates, benchmark=equity, trade_pnl=np.array([1.0, -1.0]))
    measure_curve(equity, year=year)
    resample(period_returns(equity), np.full((2, _SESSIONS), 0.5), 0.1, np.empty((2, 4)))
    conditions = Conditions(initial_capital=_CAPITAL, costs=_COSTS, execution=_PLAIN, year=year)
    run_chunk(market, strategy, [parameters], conditions)


def _waves() -> MarketData:
    """Return prices that rise and fall often enough for every strategy to trade."""
    t = np.arange(_SESSIONS)
    close = 100.0 + 10.0 * np.sin(t / 7.0) + 5.0 * np.sin(t / 31.0)
    none, one = np.zeros(_SESSIONS), np.ones(_SESSIONS)
    return MarketData(
        symbol="WAVES",
        sessions=np.datetime64("2000-01-03") + t,
        open=close,
        high=close + 1.0,
        low=close - 1.0,
        close=close,
        volume=1e6 * one,
        dividend=none,
        split_ratio=one,
        signal_close=close,
    )


if __name__ == "__main__":
    rehearse()
