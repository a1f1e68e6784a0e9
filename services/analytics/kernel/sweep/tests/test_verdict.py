import numpy as np
import pytest

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import SHORT, Decisions
from services.analytics.kernel.metrics import Year
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters, Strategy
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import Conditions, grid_of, parameter_sets, run_chunk
from services.analytics.kernel.sweep.verdict import (
    SAMPLED_CELLS,
    estimated_trials,
    returns_of,
    spread_sample,
    verdict,
)
from services.analytics.kernel.tests.synthetic import market_of, random_walk
from services.analytics.kernel.truth.deflated_sharpe import independent_trials

CROSS = strategy_named("sma_cross")
TERMS = Conditions(
    initial_capital=10_000,
    costs=Costs(commission_bps=0, slippage_bps=0),
    execution=Execution(allow_short=True),
    year=Year(),
)


class NoParameters(Parameters):
    """Nothing to choose."""


class ShortAtOnce(Strategy[NoParameters]):
    """Sells short at the first close."""

    name, version, summary = "short_at_once", 1, "Sells short."
    parameters_type = NoParameters

    def warm_up_sessions(self, parameters: NoParameters) -> int:
        """Return one."""
        return 1

    def decide(self, series: Series, parameters: NoParameters) -> Decisions:
        """Return the one signal."""
        return Decisions(signal=np.array([SHORT, *[0] * (len(series) - 1)], dtype=np.int8))


def test_trials_that_are_all_different_grow_with_their_number_and_copies_do_not() -> None:
    noise = np.random.default_rng(1).normal(0, 0.01, (40, 500))
    copies = np.repeat(noise[:2], 20, axis=0)

    assert estimated_trials(noise, count=4000).effective == 4000
    assert estimated_trials(copies, count=4000).effective == 2


def test_all_trials_at_hand_are_counted_and_not_estimated() -> None:
    noise = np.random.default_rng(1).normal(0, 0.01, (40, 500))

    assert estimated_trials(noise, count=40) == independent_trials(noise)


def test_a_sample_of_a_grid_tells_about_as_many_clusters_as_the_grid_has() -> None:
    market = random_walk(4, 400)
    grid = grid_of(CROSS, {"fast_window": range(2, 32), "slow_window": range(32, 92, 2)})
    cells = [cell for cell in parameter_sets(CROSS, grid, np.arange(grid.size), sessions=400) if cell]
    streams = np.vstack([returns_of(market, CROSS, cell, TERMS) for cell in cells])
    exact = independent_trials(streams).effective
    guessed = estimated_trials(streams[::6], count=len(streams)).effective

    assert exact / 2 <= guessed <= exact * 2


def test_the_best_of_many_cells_over_noise_is_no_skill() -> None:
    market = random_walk(8, 500)
    grid = grid_of(CROSS, {"fast_window": range(2, 12), "slow_window": range(12, 52, 4)})
    cells = [cell for cell in parameter_sets(CROSS, grid, np.arange(grid.size), sessions=500) if cell]
    best = int(np.nanargmax(run_chunk(market, CROSS, cells, TERMS)[:, 2]))

    judged = verdict(
        market, CROSS, cells[best], [c for i, c in enumerate(cells) if i != best], TERMS, count=len(cells)
    )

    assert judged.trials.count == 100
    assert 1 < judged.trials.effective <= 100
    assert judged.deflated_sharpe is not None
    assert judged.deflated_sharpe < 0.9
    assert judged.overfitting is not None


def test_ruin_is_a_loss_of_all_and_nothing_after_it() -> None:
    closes = [10.0, 10.0, 30.0, 31.0, 5.0]
    market = market_of(closes, closes)

    returns = returns_of(market, ShortAtOnce(), NoParameters(), TERMS)

    assert returns.tolist() == [0.0, 0.0, -1.0, 0.0, 0.0]


def test_a_best_cell_that_never_trades_and_a_short_history_have_no_verdict() -> None:
    market = market_of([10.0] * 20, [10.0] * 20)
    (cell,) = parameter_sets(
        CROSS, grid_of(CROSS, {"fast_window": [2]}, {"slow_window": 5}), np.array([0]), sessions=20
    )

    judged = verdict(market, CROSS, cell, [], TERMS, count=1)

    assert (judged.deflated_sharpe, judged.overfitting, judged.trials.effective) == (None, None, 1)
    assert pytest.approx(1) == judged.trials.count


def test_a_sample_is_spread_over_all_permitted_cells_and_leaves_the_best_out() -> None:
    grid = grid_of(CROSS, {"fast_window": range(2, 42), "slow_window": range(2, 42)})
    cells = np.arange(grid.size)

    sample = spread_sample(CROSS, grid, cells, without=1, sessions=500)

    assert len(sample) == len(set(sample)) == SAMPLED_CELLS
    assert CROSS.parse({"fast_window": 2, "slow_window": 3}) not in sample
    assert {p.fast_window // 10 for p in sample} == {0, 1, 2, 3}
    few = spread_sample(CROSS, grid, cells[:4], without=1, sessions=500)
    assert [(p.fast_window, p.slow_window) for p in few] == [(2, 4), (2, 5)]
    assert spread_sample(CROSS, grid, cells[:1], without=1, sessions=500) == []
