"""Machine code that was made once is found by every later process, also where its folder can only be read."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from numba.core.caching import UserProvidedCacheLocator

CHECKOUT = Path(__file__).resolve().parents[4]

# All kinds of work, on other bars than those of the rehearsal; then whose code was loaded and whose compiled.
WORK = """
import gc, json, numpy as np
from services.analytics.kernel.backtest import run
from services.analytics.kernel.compiled import Compiled, warm_up
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.engine import simulate_portfolio
from services.analytics.kernel.metrics import Year, measure, measure_curve
from services.analytics.kernel.orders import Execution, Sizing, TimeInForce
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.analytics.kernel.sweep import Conditions, run_chunk
from services.analytics.kernel.tests.synthetic import random_walk
from services.analytics.kernel.truth.examination import examine

warm_up()
# before
market, other, year = random_walk(1, 400), random_walk(2, 400), Year(periods=252)
costs, fixed = Costs(commission_bps=3, slippage_bps=1, impact=0.1), dict(initial_capital=1e4)
plain = Execution(sizing=Sizing.FIXED_CASH, size=5e3, time_in_force=TimeInForce.GTC, volume_limit=0.5)
for strategy in STRATEGIES.values():
    parameters = strategy.parse({})
    for execution in (plain, Execution(trailing_ratio=0.05, allow_short=True)):
        result = run(market, strategy, parameters, costs=costs, execution=execution, **fixed)
        assert len(result.benchmark_metrics) == len(result.metrics)
        decisions = [strategy.decide(one.series, parameters) for one in (market, other, market)]
        many = [market, other, market]
        measure(simulate_portfolio(many, decisions, costs=costs, execution=execution, **fixed), benchmark=None, year=year)
    equity = result.simulation.equity
    measure_curve(np.linspace(100.0, 120.0, 50), year=year, trade_pnl=np.ones(3))
    examine(strategy, market.series, parameters, equity, year=year, generator=np.random.default_rng(1))
    conditions = Conditions(initial_capital=1e4, costs=costs, execution=plain, year=year)
    run_chunk(market, strategy, [parameters] * 3, conditions)
made = [one for one in gc.get_objects() if type(one) is Compiled and "machine" in vars(one)]
count = lambda name: {one.__name__: sum(getattr(one.machine.stats, name).values()) for one in made}
print(json.dumps([count("cache_hits"), count("cache_misses")]))
"""

# Where root may write everything, another user may not. What numba imports late must be imported by then.
AS_WHO_MAY_ONLY_READ = """
import os, numba, numba.core.runtime.nrt
numba.njit(lambda x: x + np.ones(3))(np.ones(3))
if os.geteuid() == 0:
    os.seteuid(65534)
"""


@pytest.fixture(scope="module")
def kept() -> Iterator[Path]:
    """Give the folder that an image would be built with; copied from beside the sources, where other tests keep it."""
    run_python("-m", "services.analytics.kernel.rehearsal", folder=None)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "machine code"
        for code in (CHECKOUT / "services/analytics/kernel").rglob("__pycache__/*.nb[ic]"):
            source = str(code.parents[1] / "any.py")
            place = folder / UserProvidedCacheLocator.get_suitable_cache_subpath(source)  # type: ignore[no-untyped-call]
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(code, place)
        yield folder


def run_python(*arguments: str, folder: Path | None) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder or "")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def work(folder: Path, *, before: str = "") -> tuple[dict[str, int], dict[str, int]]:
    """Return how often a fresh process found the code of each function, and how often it compiled it."""
    hits, misses = json.loads(run_python("-c", WORK.replace("# before", before), folder=folder))
    return hits, {name: count for name, count in misses.items() if count}


def may_write(folder: Path, allowed: bool) -> None:
    for path in (folder.parent, folder, *folder.rglob("*")):
        kind: Any = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
        if path.is_dir():
            kind |= stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
        path.chmod(kind | (stat.S_IWUSR if allowed else 0))


def test_a_second_process_compiles_nothing_whatever_it_does(kept: Path) -> None:
    hits, misses = work(kept)

    assert misses == {}
    assert {"run_account", "run_cells", "resample", "window_means", "exposure_sums"} <= hits.keys()
    assert hits["run_account"] == 4  # with and without levels, one instrument and several


def test_code_is_found_in_a_folder_that_can_only_be_read(kept: Path) -> None:
    may_write(kept, False)
    try:
        hits, misses = work(kept, before=AS_WHO_MAY_ONLY_READ)
    finally:
        may_write(kept, True)

    assert misses == {}
    assert hits["run_account"] == 4


def test_what_is_missing_in_a_folder_that_can_only_be_read_is_compiled_all_the_same(kept: Path) -> None:
    lost = {path: path.read_bytes() for path in kept.rglob("*trade_sums*.nbi")}  # of older versions too
    for path in lost:
        path.unlink()
    may_write(kept, False)
    try:
        _, misses = work(kept, before=AS_WHO_MAY_ONLY_READ)
    finally:
        may_write(kept, True)
        for path, held in lost.items():
            path.write_bytes(held)

    assert misses == {"trade_sums": 1}


def test_a_worker_loads_the_code_of_the_folder_it_is_given_and_no_other(tmp_path: Path, kept: Path) -> None:
    program = (
        "from services.analytics.kernel import compiled, rehearsal\n"
        "rehearsal.load_machine_code()\n"
        "print(compiled._warm)\n"
    )

    assert run_python("-c", program, folder=kept).split() == ["True"]
    assert run_python("-c", program, folder=None).split() == ["False"]
