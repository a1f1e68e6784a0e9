"""Runs backtests beside vectorbt and backtesting.py: one run, a sweep, a universe, a cold start, memory (B1 to B5).

Same bars, same fills at the next open, same fees; trades and final equity (of the sweep all six figures of every
pair) must agree before times count. Ours and a rival take turns, and what counts is processor time, which says the
same on a busy machine; only what runs on two threads or in a process of its own is told by the clock too. Medians.
Run as `make bench-backtest`. The rivals live in an environment that uv throws together, or in the interpreter that
BENCH_RIVALS_PYTHON names. On Linux.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import backtest_series as given  # noqa: E402
import numpy as np  # noqa: E402
from backtest_rival_runs import added_mebibytes  # noqa: E402

from services.analytics.kernel.arrays import FloatArray  # noqa: E402
from services.analytics.kernel.backtest import BacktestResult, run  # noqa: E402
from services.analytics.kernel.compiled import warm_up  # noqa: E402
from services.analytics.kernel.costs import Costs  # noqa: E402
from services.analytics.kernel.engine import simulate_portfolio  # noqa: E402
from services.analytics.kernel.indicators import EQUALITY_TOLERANCE_RATIO  # noqa: E402
from services.analytics.kernel.market import MarketData  # noqa: E402
from services.analytics.kernel.metrics import Year, measure  # noqa: E402
from services.analytics.kernel.orders import Execution, Sizing  # noqa: E402
from services.analytics.kernel.strategies.registry import strategy_named  # noqa: E402
from services.analytics.kernel.sweep import Conditions, grid_of, parameter_sets, run_chunk  # noqa: E402

TOLERANCE = 1e-9  # of final equity and of every figure, relative
RIVALS = ("vectorbt==1.2.*", "backtesting==0.6.*")
PYTHON = os.environ.get("BENCH_RIVALS_PYTHON")
COMMAND = (
    [PYTHON]
    if PYTHON
    else ["uv", "run", "--no-project", "--python", "3.12", *(f"--with={one}" for one in RIVALS), "python"]
)
COSTS = Costs(commission_bps=10_000 * given.FEE, slippage_bps=0.0)
FIXED = Execution(sizing=Sizing.FIXED_SHARES, size=given.SHARES)
STRATEGY = strategy_named("sma_cross")
PAIRS = len(given.FASTS) * len(given.SLOWS)
PARAMETERS = STRATEGY.parse({"fast_window": given.FAST, "slow_window": given.SLOW})


class Rivals:
    """The other interpreter, which does one work after the other."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, str(HERE / "backtest_rival_runs.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, work: str, count: int, *, memory: bool = False) -> dict[str, Any]:
        """Return the answer to one request."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"work": work, "count": count, "memory": memory}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        """Let it end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def market_of(bars: given.Bars) -> MarketData:
    """Return bars, checked, as the kernel takes them."""
    count = len(bars["close"])
    return MarketData(
        symbol="AAPL",
        sessions=given.days(count),
        dividend=np.zeros(count),
        split_ratio=np.ones(count),
        signal_close=bars["close"],
        **bars,
    )


@cache
def market(count: int) -> MarketData:
    """Return the bars that a run of this length is made on."""
    return market_of(given.bars(count))


def run_once(market: MarketData, execution: Execution | None = None) -> BacktestResult:
    """Run with all figures, against buy and hold."""
    result = run(
        market, STRATEGY, PARAMETERS, initial_capital=given.CAPITAL, costs=COSTS, execution=execution
    )
    assert len(result.metrics) > 20
    return result


def our_run(count: int) -> dict[str, Any]:
    """Return what one run came to."""
    simulation = run_once(market(count), None if count <= given.STORED_BARS else FIXED).simulation
    return {"equity": simulation.final_equity, "trades": len(simulation.trade_columns)}


def swept(cells: Any) -> FloatArray:
    """Return the six figures of some of the pairs, from the grid on."""
    conditions = Conditions(
        initial_capital=given.CAPITAL, costs=COSTS, execution=Execution(), year=Year(periods=252)
    )
    grid = grid_of(STRATEGY, {"fast_window": list(given.FASTS), "slow_window": list(given.SLOWS)})
    sets = parameter_sets(STRATEGY, grid, cells, sessions=given.SWEPT_BARS)
    return run_chunk(market(given.SWEPT_BARS), STRATEGY, sets, conditions)


def our_sweep(count: int) -> dict[str, Any]:
    """Return the six figures of every pair."""
    return {"surface": swept(np.arange(PAIRS))}


@cache
def universe() -> list[MarketData]:
    """Return 500 symbols."""
    return [market_of(bars) for bars in given.universe()]


def our_universe(count: int) -> dict[str, Any]:
    """Return what 500 accounts came to, each with all figures."""
    runs = [run_once(one).simulation for one in universe()]
    return {
        "equity": sum(one.final_equity for one in runs),
        "trades": sum(len(one.trade_columns) for one in runs),
    }


def our_portfolio(count: int) -> dict[str, Any]:
    """Return what 500 symbols on one cash came to, with all figures but those against a benchmark."""
    decisions = [STRATEGY.decide(one.series, PARAMETERS) for one in universe()]
    simulation = simulate_portfolio(
        universe(), decisions, initial_capital=given.PORTFOLIO_CAPITAL, costs=COSTS, execution=FIXED
    )
    measure(simulation, benchmark=None, year=Year(periods=252))
    return {"equity": simulation.final_equity, "trades": len(simulation.trade_columns)}


def processor_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long the processors worked, and what came of it."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def require_agreement(ours: dict[str, Any], theirs: dict[str, Any], work: str) -> None:
    """Fail unless both did the same."""
    if "surface" in ours:
        require_same_surface(ours["surface"], np.array(theirs["surface"]))
        return
    if ours["trades"] != theirs["trades"] or not np.isclose(ours["equity"], theirs["equity"], rtol=TOLERANCE):
        raise SystemExit(f"{work}: {ours} here and {theirs} there. No times are given.")


def require_same_surface(ours: FloatArray, theirs: FloatArray) -> None:
    """Fail unless all pairs have the same figures, but for those whose averages are once equal.

    What becomes of these the rounding of vectorbt's running sums decides; ours takes them as equal.
    """
    same = np.isclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True).all(axis=1)
    close = given.bars(given.SWEPT_BARS)["close"].tolist()
    for row in np.flatnonzero(~same).tolist():
        pair = given.FASTS[row // len(given.SLOWS)], given.SLOWS[row % len(given.SLOWS)]
        fast, slow = (
            np.array([math.fsum(close[t - window : t]) / window for t in range(pair[1], len(close) + 1)])
            for window in pair
        )
        if not np.any(np.abs(fast - slow) <= EQUALITY_TOLERANCE_RATIO * slow):
            raise SystemExit(f"pair {pair}: {ours[row]} here and {theirs[row]} there. No times are given.")
        print(f"Equal averages, so left out: windows {pair}.", file=sys.stderr)


def compare(
    rivals: Rivals,
    rival: str,
    ours: Callable[[int], dict[str, Any]],
    count: int,
    *,
    rounds: int,
    ours_each: int,
) -> tuple[float, float]:
    """Return the median seconds of ours and of a rival's work, taken in turns, after both agreed."""
    require_agreement(ours(count), rivals.ask(rival, count)["result"], f"{rival}, {count:,} bars")
    mine, theirs = [], []
    for _ in range(rounds):
        theirs.append(rivals.ask(rival, count)["seconds"])
        mine += [processor_seconds(lambda: ours(count))[0] for _ in range(ours_each)]
    return statistics.median(mine), statistics.median(theirs)


def show(name: str, ours: float, theirs: float, rival: str, least: float | None = None) -> None:
    """Print one row: both times in milliseconds, their ratio, and whether it is what was aimed at."""
    ratio = theirs / ours
    aim = "" if least is None else f"{least:g} times: {'met' if ratio >= least else 'MISSED'}"
    print(
        f"| {name} | {1e3 * ours:,.3f} | {rival} | {1e3 * theirs:,.1f} | {ratio:,.0f} | {aim} |", flush=True
    )


def compare_runs(rivals: Rivals) -> None:
    """Print B1 and B2, and the universe."""
    print("| work | ours, ms | rival | its ms | times | aim |\n|---|---:|---|---:|---:|---|")
    by = partial(compare, rivals)
    one = by("run by vectorbt", our_run, 504, rounds=15, ours_each=20)
    show("one run, 504 bars", *one, "vectorbt", 200)
    show("", *by("run by backtesting", our_run, 504, rounds=15, ours_each=20), "backtesting.py")
    long = by("run by vectorbt", our_run, 100_000, rounds=9, ours_each=10)
    show("one run, 100,000 bars", *long, "vectorbt", 30)
    long = by("run by backtesting", our_run, 100_000, rounds=9, ours_each=10)
    show("", *long, "backtesting.py", 500)
    pairs = by("sweep by vectorbt", our_sweep, given.SWEPT_BARS, rounds=3, ours_each=7)
    show("10,000 pairs x 2,500 bars, 6 figures", *pairs, "vectorbt", 50)
    many = by("universe by vectorbt", our_universe, given.UNIVERSE_BARS, rounds=5, ours_each=3)
    show("500 symbols, an account each", *many, "vectorbt, 6 figures")
    many = by("portfolio by vectorbt", our_portfolio, given.UNIVERSE_BARS, rounds=5, ours_each=3)
    show("500 symbols on one cash", *many, "vectorbt")


def swept_seconds(cells: Any) -> float:
    """Return the processor time of a worker that sweeps some of the pairs."""
    return processor_seconds(lambda: swept(cells))[0]


def compare_workers() -> None:
    """Print how much sooner two processes are done than one, by the processor time of the slower of the two."""
    ratios = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=warm_up) as pool:
        for number in range(16):
            whole, *halves = (
                max(pool.map(swept_seconds, np.array_split(np.arange(PAIRS), workers))) for workers in (1, 2)
            )
            if number:  # the first finds its code
                ratios.append(whole / max(halves))
    ratio = statistics.median(ratios)
    print(
        f"\nTwo workers sweep {ratio:.2f} times as fast as one (aim 1.8: {'met' if ratio >= 1.8 else 'MISSED'})."
    )


def compare_memory(rivals: Rivals) -> None:
    """Print how much a sweep adds to the memory of a process that has swept before (B4)."""
    ours = added_mebibytes(lambda: our_sweep(given.SWEPT_BARS))
    theirs = rivals.ask("sweep by vectorbt", given.SWEPT_BARS, memory=True)["mebibytes"]
    verdict = "met" if ours <= 40 else "MISSED"
    print(f"The sweep adds {ours:.0f} MiB at its peak (aim 40: {verdict}), vectorbt's {theirs:.0f} MiB.\n")


def compare_lengths(rivals: Rivals) -> None:
    """Print the cost of one bar of one run, from 500 bars to 1,000,000."""
    print("| bars | ours, ns a bar | vectorbt, ns a bar |\n|---:|---:|---:|")
    for count, rounds, ours_each in ((500, 9, 20), (5_000, 9, 20), (50_000, 7, 10), (1_000_000, 3, 3)):
        mine, theirs = compare(rivals, "run by vectorbt", our_run, count, rounds=rounds, ours_each=ours_each)
        print(f"| {count:,} | {1e9 * mine / count:,.1f} | {1e9 * theirs / count:,.0f} |", flush=True)


def seconds_of(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Return seconds by the clock and of the processors until a fresh process has its result."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return time.perf_counter() - began, used


def compare_first_runs() -> None:
    """Print how long the first run of a fresh process takes (B5)."""
    print("\n| the first run of a fresh process, 504 bars | s by the clock | s of processor | aim |")
    print("|---|---:|---:|---|")
    own, theirs = [sys.executable, __file__], [*COMMAND, str(HERE / "backtest_rival_runs.py")]
    with tempfile.TemporaryDirectory() as kept:
        empty = iter(f"{kept}/{number}" for number in range(100))
        ways: tuple[tuple[str, list[str], Callable[[], dict[str, str]], float | None], ...] = (
            ("as it is, without a compiler", [*own, "first"], dict, 1.0),
            ("compiled, from the cache", [*own, "compiled"], lambda: {"NUMBA_CACHE_DIR": kept}, 1.0),
            ("compiled, nothing cached", [*own, "compiled"], lambda: {"NUMBA_CACHE_DIR": next(empty)}, 5.0),
            ("backtesting.py", [*theirs, "run by backtesting", "504"], dict, None),
            ("vectorbt, from its cache", [*theirs, "run by vectorbt", "504"], dict, None),
        )
        for name, command, environment, most in ways:
            if name != "compiled, nothing cached":
                seconds_of(command, environment())
            taken = [seconds_of(command, environment()) for _ in range(5)]
            clock, used = (statistics.median(column) for column in zip(*taken, strict=True))
            aim = "" if most is None else f"{most:g} s: {'met' if used <= most else 'MISSED'}"
            print(f"| {name} | {clock:.2f} | {used:.2f} | {aim} |", flush=True)


def main() -> None:
    """Compare, or be one of the fresh processes."""
    if len(sys.argv) > 1:
        if sys.argv[1] == "compiled":
            warm_up()
        our_run(504)
        return
    warm_up()
    rivals = Rivals()
    compare_runs(rivals)
    compare_workers()
    compare_memory(rivals)
    compare_lengths(rivals)
    rivals.close()
    compare_first_runs()


if __name__ == "__main__":
    main()
