from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import grid_of, parameter_sets, sampled_cells

CROSS, BANDS = strategy_named("sma_cross"), strategy_named("bollinger")


def test_cells_count_the_last_declared_parameter_fastest_however_the_values_are_given() -> None:
    grid = grid_of(CROSS, {"slow_window": [30, 10, 20, 10], "fast_window": [5, 2]})

    assert grid.shape == (2, 3)
    assert grid.values_at(np.arange(6)) == [
        {"fast_window": fast, "slow_window": slow} for fast, slow in product([2, 5], [10, 20, 30])
    ]


def test_what_does_not_vary_stands_in_every_cell() -> None:
    grid = grid_of(CROSS, {"fast_window": [2, 5]}, {"slow_window": 10})

    assert [values["slow_window"] for values in grid.values_at(np.arange(2))] == [10, 10]


def test_cells_that_the_strategy_forbids_or_the_history_cannot_warm_up_are_none() -> None:
    grid = grid_of(CROSS, {"fast_window": [5, 20], "slow_window": [10, 20, 40]})

    made = parameter_sets(CROSS, grid, np.arange(6), sessions=41)

    assert [made is not None for made in made] == [True, True, False, False, False, False]
    assert parameter_sets(CROSS, grid, np.arange(6), sessions=42)[2] is not None


@pytest.mark.parametrize(
    ("axes", "fixed", "field"),
    [
        ({}, {}, "grid"),
        ({"window": [1]}, {}, "window"),
        ({"fast_window": []}, {}, "fast_window"),
        ({"fast_window": [0, 1]}, {}, "fast_window"),
        ({"fast_window": [1.5]}, {}, "fast_window"),
        ({"fast_window": [True]}, {}, "fast_window"),
        ({"fast_window": range(1, 1002)}, {}, "fast_window"),
        ({"fast_window": [2]}, {"fast_window": 2}, "fast_window"),
        ({"fast_window": [2]}, {"slow_window": 2000}, "slow_window"),
    ],
)
def test_a_grid_refuses_what_the_strategy_would_naming_the_parameter(
    axes: dict[str, Any], fixed: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidParameter) as refused:
        grid_of(CROSS, axes, fixed)

    assert refused.value.extra["field"] == field


@given(shape=st.tuples(st.integers(1, 5), st.integers(1, 6)), cell=st.integers(0, 29))
def test_neighbours_are_the_cells_one_step_away_on_any_axis(shape: tuple[int, int], cell: int) -> None:
    grid = grid_of(CROSS, {"fast_window": range(1, 1 + shape[0]), "slow_window": range(10, 10 + shape[1])})
    cell %= grid.size
    at = divmod(cell, shape[1])

    expected = [
        row * shape[1] + column
        for row, column in product(range(shape[0]), range(shape[1]))
        if max(abs(row - at[0]), abs(column - at[1])) == 1
    ]
    assert grid.neighbours_of(cell).tolist() == expected


def test_a_random_search_draws_distinct_cells_by_its_seed_also_from_a_grid_that_no_memory_holds() -> None:
    grid = grid_of(
        strategy_named("macd"),
        {"fast_window": range(2, 902), "slow_window": range(10, 1000), "signal_window": range(2, 202)},
    )

    first, again, other = (sampled_cells(grid.size, 500, np.random.default_rng(seed)) for seed in (3, 3, 4))

    assert grid.size > 10**8
    assert first.tolist() == again.tolist() != other.tolist()
    assert (np.diff(first) > 0).all()
    assert 0 <= first[0] < first[-1] < grid.size


def test_a_random_search_for_more_than_there_is_takes_all() -> None:
    assert sampled_cells(2, 9, np.random.default_rng(0)).tolist() == [0, 1]


@given(size=st.integers(1, 400), count=st.integers(1, 400), seed=st.integers(0, 9))
def test_a_random_search_draws_as_many_distinct_cells_as_were_asked_for(
    size: int, count: int, seed: int
) -> None:
    cells = sampled_cells(size, count, np.random.default_rng(seed))

    assert len(cells) == min(size, count)
    assert (np.diff(cells) > 0).all()
    assert 0 <= cells[0] <= cells[-1] < size


@pytest.mark.parametrize("count", [1, 3, 5, 7, 9])
def test_every_cell_is_drawn_equally_often(count: int) -> None:
    generator = np.random.default_rng(11)

    drawn = np.concatenate([sampled_cells(10, count, generator) for _ in range(4000)])

    share = np.bincount(drawn, minlength=10) / 4000
    np.testing.assert_allclose(share, count / 10, atol=0.035)
