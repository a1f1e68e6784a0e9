from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.backtest import run
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.engine import SWEEP_METRICS
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import Year
from services.analytics.kernel.orders import Execution, Sizing
from services.analytics.kernel.strategies.base import Parameters, Strategy
from services.analytics.kernel.strategies.registry import STRATEGIES, strategy_named
from services.analytics.kernel.sweep import Conditions, grid_of, parameter_sets, run_chunk, run_windows
from services.analytics.kernel.sweep import cells as module
from services.analytics.kernel.tests.worlds import costs_of_all_kinds, executions, walk

CROSS = strategy_named("sma_cross")
GRID = grid_of(CROSS, {"fast_window": [2, 3, 5, 9], "slow_window": [3, 5, 8, 13, 400]})
COSTS = Costs(commission_bps=10, slippage_bps=5)


def conditions(execution: Execution | None = None, costs: Costs = COSTS, *, periods: int = 252) -> Conditions:
    return Conditions(
        initial_capital=10_000,
        costs=costs,
        execution=execution or Execution(),
        year=Year(periods=periods, risk_free=0.02),
    )


def single(
    market: MarketData, strategy: Strategy[Any], parameters: Parameters, terms: Conditions
) -> list[float]:
    done = run(
        market,
        strategy,
        parameters,
        initial_capital=terms.initial_capital,
        costs=terms.costs,
        execution=terms.execution,
        risk_free=terms.year.risk_free,
        periods_per_year=terms.year.periods,
    )
    values = [done.metrics[name].value for name in SWEEP_METRICS]
    return [np.nan if value is None else value for value in values]


def assert_same(found: FloatArray, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), execution=executions(), costs=costs_of_all_kinds)
def test_each_cell_is_the_single_run_with_its_parameters(
    seed: int, execution: Execution, costs: Costs
) -> None:
    market, terms = walk(seed, count=60), conditions(execution, costs)
    chosen = [cell for cell in parameter_sets(CROSS, GRID, np.arange(8), sessions=60) if cell]

    swept = run_chunk(market, CROSS, chosen, terms)

    assert_same(swept, [single(market, CROSS, cell, terms) for cell in chosen])


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_strategy_can_be_swept_over_any_parameter(name: str) -> None:
    strategy, market = STRATEGIES[name], walk(7, count=320)
    axes = {
        found["name"]: [found["default"], min(found["default"] + 1, found["maximum"])]
        for found in strategy.described_parameters()[:2]
    }
    if not axes:
        return
    grid = grid_of(strategy, axes)
    cells = parameter_sets(strategy, grid, np.arange(grid.size), sessions=len(market))

    swept = run_chunk(market, strategy, cells, conditions())

    for figures, cell in zip(swept, cells, strict=True):
        if cell is None:
            assert np.isnan(figures).all()
        else:
            assert_same(figures, single(market, strategy, cell, conditions()))


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 20), max_size=4), is_plain=st.booleans(), at_once=st.sampled_from([1, 200])
)
def test_how_cells_are_cut_into_chunks_and_blocks_changes_no_bit(
    cuts: list[int], is_plain: bool, at_once: int
) -> None:
    market, terms = walk(11, count=60), conditions(Execution(stop_loss_ratio=None if is_plain else 0.05))
    cells = parameter_sets(CROSS, GRID, np.arange(GRID.size), sessions=60)
    edges = [0, *sorted(cuts), len(cells)]

    whole = run_chunk(market, CROSS, cells, terms)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SIGNALS_AT_ONCE", at_once)
        parts = [run_chunk(market, CROSS, cells[a:b], terms) for a, b in pairwise(edges)]

    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_a_cell_that_is_not_permitted_has_no_figure_and_shifts_no_other() -> None:
    market = walk(3, count=60)
    cells = parameter_sets(CROSS, GRID, np.arange(GRID.size), sessions=60)

    swept = run_chunk(market, CROSS, cells, conditions())

    assert [bool(np.isnan(row).all()) for row in swept] == [cell is None for cell in cells]
    assert 0 < sum(cell is None for cell in cells) < len(cells)


@pytest.mark.parametrize("ratio", [None, 0.07])
def test_a_window_is_an_account_of_its_own_that_decides_on_all_sessions_before(ratio: float | None) -> None:
    market, terms = walk(5, count=90), conditions(Execution(stop_loss_ratio=ratio))
    cells = [cell for cell in parameter_sets(CROSS, GRID, np.arange(8), sessions=90) if cell]
    window = slice(40, 75)

    (swept,) = run_windows(market, CROSS, cells, terms, [window])

    part = module.part_of(market, window)
    assert part.opening_date == market.sessions[39]
    for figures, cell in zip(swept, cells, strict=True):
        decisions = module.decisions_in(CROSS.decide(market.series, cell), window)
        assert_same(figures, module._figures(module.simulated(part, decisions, terms), terms.year))
    assert not np.array_equal(swept, run_chunk(part, CROSS, cells, terms), equal_nan=True)


@pytest.mark.parametrize("sizing", [Sizing.ALL_IN, Sizing.VOLATILITY_TARGET])
def test_a_year_of_weeks_is_one_in_sizes_and_in_figures(sizing: Sizing) -> None:
    size = None if sizing == Sizing.ALL_IN else 0.05
    market, terms = walk(2, count=60), conditions(Execution(sizing=sizing, size=size), periods=52)
    chosen = [cell for cell in parameter_sets(CROSS, GRID, np.arange(8), sessions=60) if cell]

    swept = run_chunk(market, CROSS, chosen, terms)

    assert_same(swept, [single(market, CROSS, cell, terms) for cell in chosen])
    assert (swept[:, 4] > 0).any()
