import numpy as np
import pytest

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import grid_of, summarise

GRID = grid_of(strategy_named("sma_cross"), {"fast_window": [1, 2, 3], "slow_window": [10, 20, 30]})
ALL = np.arange(9)


def surface(sharpe: list[float], total_return: list[float]) -> FloatArray:
    figures = np.zeros((len(sharpe), 6))
    figures[:, 0], figures[:, 2] = total_return, sharpe
    return figures


PEAK = surface(
    [0.1, 0.2, 0.3, 0.4, 2.0, 0.5, 0.6, 0.7, np.nan], [-0.1, 0.0, 0.1, 0.2, 0.3, np.nan, 0.1, -0.2, 0.5]
)


def test_a_surface_is_told_by_its_best_cell_its_neighbours_and_the_share_that_earns() -> None:
    found = summarise(GRID, ALL, [PEAK])

    assert (found.cells, found.run, found.dropped) == (9, 8, 1)
    assert found.profitable_ratio == 5 / 8
    assert (found.best, found.best_value) == (4, 2.0)
    assert (found.neighbours, found.neighbour_min) == (7, 0.1)
    assert found.neighbour_mean == pytest.approx(0.4)


def test_chunks_change_nothing() -> None:
    assert summarise(GRID, ALL, [PEAK[:2], PEAK[2:7], PEAK[7:]]) == summarise(GRID, ALL, [PEAK])


def test_of_a_sample_the_neighbours_are_those_that_were_drawn() -> None:
    cells = np.array([0, 2, 4, 7])

    found = summarise(GRID, cells, [PEAK[cells]])

    assert (found.best, found.neighbours) == (4, 3)
    assert found.neighbour_mean == pytest.approx(1.1 / 3)


def test_the_first_of_best_cells_that_tie_counts_and_another_objective_finds_another() -> None:
    tied = surface([1.0, 3.0, 3.0] * 3, [0.0] * 8 + [0.9])

    assert summarise(GRID, ALL, [tied]).best == 1
    assert summarise(GRID, ALL, [tied], objective="total_return").best == 8


def test_a_surface_without_any_figure_has_no_best_cell() -> None:
    found = summarise(GRID, ALL, [np.full((9, 6), np.nan)])

    assert (found.run, found.best, found.best_value, found.profitable_ratio) == (0, None, None, None)
    assert (found.neighbours, found.neighbour_mean, found.neighbour_min) == (0, None, None)
