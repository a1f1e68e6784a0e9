"""Runs the work of `backtest_rivals.py` by vectorbt and backtesting.py, in their own interpreter.

Reads one JSON object a line, `{"work": ..., "count": ...}`, and answers with the processor seconds of that work and
what came of it. Whatever is prepared once, like the bars as pandas objects, is not timed.
"""

import itertools
import json
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
warnings.simplefilter("ignore")

import backtest_series as given  # noqa: E402
import numpy as np  # noqa: E402

CHUNK = 250  # pairs that vectorbt holds at once: the fastest of 25, 50, 100, 250, 1,000 and all


@cache
def vectorbt() -> Any:
    """Return the library, set to 252 sessions a year."""
    import vectorbt as library

    library.settings.array_wrapper["freq"] = "1D"
    library.settings.returns["year_freq"] = "252 days"
    return library


@cache
def frame(count: int) -> Any:
    """Return bars as both libraries take them."""
    import pandas as pd

    found = pd.DataFrame(given.bars(count)).rename(columns=str.capitalize)
    # Seconds reach further than the nanoseconds of the default.
    found.index = pd.date_range("1700-01-01", periods=count, freq="D", unit="s")
    return found


def run_by_vectorbt(count: int) -> dict[str, Any]:
    """Cross two averages, simulate, and take all statistics, the trades and the equity."""
    vbt, table = vectorbt(), frame(count)
    fast, slow = (vbt.MA.run(table["Close"], window) for window in (given.FAST, given.SLOW))
    portfolio = vbt.Portfolio.from_signals(
        table["Close"],
        fast.ma_crossed_above(slow).vbt.signals.fshift(1),
        fast.ma_crossed_below(slow).vbt.signals.fshift(1),
        price=table["Open"],
        fees=given.FEE,
        init_cash=given.CAPITAL,
        size_granularity=1.0,
        size=np.inf if count <= given.STORED_BARS else given.SHARES,
    )
    statistics, trades = portfolio.stats(), portfolio.trades.closed.records
    assert statistics["End Value"] > 0
    return {"equity": float(portfolio.value().iloc[-1]), "trades": len(trades)}


def run_by_backtesting(count: int) -> dict[str, Any]:
    """Do the same bar by bar, as its own example does."""
    import backtesting
    import pandas as pd
    from backtesting.lib import crossover

    backtesting.backtesting._tqdm = lambda sequence, **_: sequence  # noqa: SLF001 - no bar of progress

    size = 1 - 1e-12 if count <= given.STORED_BARS else given.SHARES  # of all cash, for 1 would be one share

    def mean(values: Any, window: int) -> Any:
        return pd.Series(values).rolling(window).mean()

    class Cross(backtesting.Strategy):  # type: ignore[misc]
        def init(self) -> None:
            self.fast = self.I(mean, self.data.Close, given.FAST)
            self.slow = self.I(mean, self.data.Close, given.SLOW)

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                self.buy(size=size)
            elif crossover(self.slow, self.fast):
                self.position.close()

    found = backtesting.Backtest(frame(count), Cross, cash=given.CAPITAL, commission=given.FEE).run()
    return {"equity": float(found["Equity Final [$]"]), "trades": int(found["# Trades"])}


def measured(portfolio: Any, columns: int) -> list[Any]:
    """Return total return, annual growth, Sharpe ratio, drawdown, closed trades and share of winners.

    By numpy, which is faster than the library's own accessors.
    """
    value = portfolio.value().to_numpy()
    growth = value[-1] / given.CAPITAL
    returns = np.vstack((value[:1] / given.CAPITAL - 1, value[1:] / value[:-1] - 1))
    depth = (value / np.maximum.accumulate(value, axis=0) - 1).min(axis=0)
    trades = portfolio.trades.closed.records
    count = np.bincount(trades["col"], minlength=columns)
    won = np.bincount(trades["col"], trades["pnl"] > 0, minlength=columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        sharpe = returns.mean(axis=0) / returns.std(axis=0, ddof=1) * 252**0.5
        return [growth - 1, growth ** (252 / len(value)) - 1, sharpe, depth, count, won / count]


def crossings(fast: Any, slow: Any) -> tuple[Any, Any]:
    """Return entries and exits of the session after each crossing, (n, k)."""
    from vectorbt.generic.nb import crossed_above_nb

    nothing = np.zeros((1, fast.shape[1]), dtype=bool)
    above, below = crossed_above_nb(fast, slow), crossed_above_nb(slow, fast)
    return np.vstack((nothing, above[:-1])), np.vstack((nothing, below[:-1]))


def sweep_by_vectorbt(count: int) -> dict[str, Any]:
    """Run all pairs of windows: each average once, in chunks, with the library's compiled parts."""
    from vectorbt.generic.nb import rolling_mean_1d_nb

    vbt, table = vectorbt(), frame(count)
    close = table["Close"].to_numpy()
    lines = {w: rolling_mean_1d_nb(close, w, w) for w in (*given.FASTS, *given.SLOWS)}
    surface = []
    for chunk in itertools.batched(itertools.product(given.FASTS, given.SLOWS), CHUNK):
        fast, slow = (np.column_stack([lines[pair[i]] for pair in chunk]) for i in (0, 1))
        entries, exits = crossings(fast, slow)
        portfolio = vbt.Portfolio.from_signals(
            table["Close"],
            entries,
            exits,
            price=table["Open"],
            fees=given.FEE,
            init_cash=given.CAPITAL,
            size_granularity=1.0,
        )
        surface.append(np.array(measured(portfolio, len(chunk))))
    return {"surface": np.hstack(surface).T.tolist()}


@cache
def tables() -> tuple[Any, Any]:
    """Return opens and closes of the universe, a column each."""
    import pandas as pd

    found = given.universe()
    index = pd.date_range("2000-01-01", periods=given.UNIVERSE_BARS, freq="D")
    return tuple(  # type: ignore[return-value]
        pd.DataFrame(np.column_stack([one[name] for one in found]), index=index) for name in ("open", "close")
    )


def universe_portfolio(**options: Any) -> Any:
    """Return 500 symbols simulated in one call."""
    from vectorbt.generic.nb import rolling_mean_nb

    opens, closes = tables()
    prices = closes.to_numpy()
    fast, slow = (rolling_mean_nb(prices, window, window) for window in (given.FAST, given.SLOW))
    entries, exits = crossings(fast, slow)
    return vectorbt().Portfolio.from_signals(
        closes,
        entries,
        exits,
        price=opens,
        fees=given.FEE,
        size_granularity=1.0,
        **options,
    )


def universe_by_vectorbt(count: int) -> dict[str, Any]:
    """Run 500 accounts, one column each, with six figures, the trades and the equity."""
    portfolio = universe_portfolio(init_cash=given.CAPITAL)
    figures = measured(portfolio, given.SYMBOLS)
    trades = portfolio.trades.closed.records
    return {"equity": float(((figures[0] + 1) * given.CAPITAL).sum()), "trades": len(trades)}


def portfolio_by_vectorbt(count: int) -> dict[str, Any]:
    """Run 500 symbols on one cash, a fixed number of shares each, with all statistics."""
    portfolio = universe_portfolio(
        init_cash=given.PORTFOLIO_CAPITAL, size=given.SHARES, cash_sharing=True, group_by=True
    )
    statistics, trades = portfolio.stats(), portfolio.trades.closed.records
    assert statistics["End Value"] > 0
    return {"equity": float(portfolio.value().iloc[-1]), "trades": len(trades)}


WORKS: dict[str, Callable[[int], dict[str, Any]]] = {
    "run by vectorbt": run_by_vectorbt,
    "run by backtesting": run_by_backtesting,
    "sweep by vectorbt": sweep_by_vectorbt,
    "universe by vectorbt": universe_by_vectorbt,
    "portfolio by vectorbt": portfolio_by_vectorbt,
}


def resident(name: str) -> int:
    """Return a line of this process's status, in KiB."""
    [found] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return int(found.split()[1])


def added_mebibytes(work: Callable[[], Any]) -> float:
    """Return by how much this process's peak memory rises above what it has while it does some work."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    work()
    return (resident("VmHWM") - before) / 1024


def main() -> None:
    """Do one work in this fresh process, or answer one request a line."""
    if len(sys.argv) > 1:
        print(json.dumps(WORKS[sys.argv[1]](int(sys.argv[2]))))
        return
    for line in sys.stdin:
        asked = json.loads(line)
        work = partial(WORKS[asked["work"]], asked["count"])
        if asked["memory"]:
            answer: dict[str, Any] = {"mebibytes": added_mebibytes(work)}
        else:
            began = time.process_time()
            result = work()
            answer = {"seconds": time.process_time() - began, "result": result}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
