import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel import compiled as compiled_module
from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.compiled import MANY_NUMBERS, Compiled, compiled, inlined
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.engine.account import run_account
from services.analytics.kernel.engine.sweep import run_cells
from services.analytics.kernel.engine.terms import bars_of, levels_of, signals_of, terms_of
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.tests.worlds import (
    costs_of_all_kinds,
    decided,
    executions,
    kinds_of_levels,
    walk,
)

CHECKOUT = Path(__file__).resolve().parents[4]
impacts = st.sampled_from([0.0, 0.1])


@inlined
def doubled(value: float) -> float:
    return 2.0 * value


@compiled
def sum_of_doubles(values: FloatArray) -> float:
    total = 0.0
    for value in values:
        total += doubled(value)
    return total


def is_compiled(function: Compiled[[FloatArray], float]) -> bool:
    return "machine" in vars(function)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kinds=kinds_of_levels,
    execution=executions(),
    costs=costs_of_all_kinds,
    impact=impacts,
    count=st.sampled_from([None, 3]),
)
def test_an_account_has_the_same_bits_interpreted_and_compiled(
    seed: int, kinds: frozenset[str], execution: Execution, costs: Costs, impact: float, count: int | None
) -> None:
    markets = [walk(seed + i, splits=count is None) for i in range(count or 1)]
    decisions = [decided(seed + 7 * i, market, kinds) for i, market in enumerate(markets)]
    terms = terms_of(costs, execution)._replace(impact=impact)
    levels = levels_of(markets, decisions, execution, 252)
    arguments = (bars_of(markets), signals_of(decisions), levels, 0, 10_000.0, terms, count)

    plain, machine = run_account.plain(*arguments), run_account.machine(*arguments)

    assert [column.tobytes() for column in plain] == [column.tobytes() for column in machine]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), execution=executions(plain=True), costs=costs_of_all_kinds)
def test_a_sweep_has_the_same_bits_interpreted_and_compiled(
    seed: int, execution: Execution, costs: Costs
) -> None:
    market = walk(seed)
    signals = np.stack([decided(seed + i, market, frozenset()).signal for i in range(4)])
    signals.setflags(write=False)
    arguments = (bars_of([market]), signals, 10_000.0, terms_of(costs, execution), 252, 0.0001)

    plain, machine = run_cells.plain(*arguments), run_cells.machine(*arguments)

    # The power of the annual growth is libm's in both, but not the same call.
    np.testing.assert_allclose(machine[:, 1], plain[:, 1], rtol=1e-14)
    assert np.delete(plain, 1, axis=1).tobytes() == np.delete(machine, 1, axis=1).tobytes()


def test_a_function_is_compiled_once_the_work_is_worth_it() -> None:
    function = compiled(sum_of_doubles.plain)

    assert function(np.ones(10)) == 20.0
    assert not is_compiled(function)
    assert function(np.ones(MANY_NUMBERS)) == 2.0 * MANY_NUMBERS
    assert is_compiled(function)


def test_a_warm_process_compiles_whatever_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    function = compiled(sum_of_doubles.plain)
    monkeypatch.setattr(compiled_module, "_warm", True)

    assert function(np.ones(10)) == 20.0
    assert is_compiled(function)


def test_without_numba_every_function_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    function = compiled(sum_of_doubles.plain)
    monkeypatch.delitem(sys.modules, "services.analytics.kernel.machine_code", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)

    assert function(np.ones(MANY_NUMBERS)) == 2.0 * MANY_NUMBERS


def test_a_function_whose_code_cannot_be_cached_is_compiled_all_the_same() -> None:
    made: dict[str, Any] = {}
    exec(compile("def added(a, b):\n    return a + b\n", "<made>", "exec"), made)  # in no file

    function = compiled(made["added"])

    assert function.machine(2.0, 3.0) == 5.0


def test_the_name_of_cached_code_changes_with_the_functions_it_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiled(sum_of_doubles.plain).digest

    assert compiled(sum_of_doubles.plain).digest == before
    monkeypatch.setitem(globals(), "doubled", inlined(lambda value: 3.0 * value))
    assert compiled(sum_of_doubles.plain).digest != before


def test_a_small_run_in_a_fresh_process_imports_no_compiler() -> None:
    program = (
        "import sys\n"
        "from services.analytics.kernel.backtest import run\n"
        "from services.analytics.kernel.costs import Costs\n"
        "from services.analytics.kernel.strategies.registry import strategy_named\n"
        "from services.analytics.kernel.tests.synthetic import random_walk\n"
        "strategy = strategy_named('moving_average_dip')\n"
        "result = run(random_walk(1, 504), strategy, strategy.parse({}), initial_capital=1e4,\n"
        "             costs=Costs(commission_bps=10, slippage_bps=5))\n"
        "print(len(result.simulation.fills), 'numba' in sys.modules)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )

    fills, has_numba = done.stdout.split()
    assert int(fills) > 0
    assert has_numba == "False"
