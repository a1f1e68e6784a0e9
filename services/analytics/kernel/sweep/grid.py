"""Which parameters a sweep tries: a grid whose cells have numbers, whole or a sample of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, Final

import numpy as np
from numpy.random import Generator

from services.analytics.kernel.arrays import IndexArray
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.strategies.base import Parameters, Strategy

MOST_VALUES: Final = 1000  # of one parameter
MOST_CELLS: Final = 2**53  # that a JSON number still tells apart

type Value = int | float


@dataclass(frozen=True, kw_only=True)
class Grid:
    """All combinations of the values of some parameters; cell numbers count the last parameter fastest.

    axes   name and ascending values of each parameter that varies, in the order of the strategy's declaration
    fixed  what the other parameters are, where they have not their defaults
    """

    axes: tuple[tuple[str, tuple[Value, ...]], ...]
    fixed: Mapping[str, Value]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Return how many values each axis has."""
        return tuple(len(values) for _, values in self.axes)

    @property
    def size(self) -> int:
        """Return the number of cells, permitted or not."""
        return prod(self.shape)

    def values_at(self, cells: IndexArray) -> list[dict[str, Value]]:
        """Return the parameters of each cell, those that do not vary included."""
        columns = [
            [values[position] for position in positions.tolist()]
            for (_, values), positions in zip(self.axes, np.unravel_index(cells, self.shape), strict=True)
        ]
        names = [name for name, _ in self.axes]
        return [{**self.fixed, **dict(zip(names, row, strict=True))} for row in zip(*columns, strict=True)]

    def values_of_cell(self, cell: int) -> dict[str, Value]:
        """Return the parameters of one cell."""
        return self.values_at(np.array([cell]))[0]

    def neighbours_of(self, cell: int) -> IndexArray:
        """Return the cells at most one step away on every axis, the cell itself excluded, ascending."""
        at = [int(position) for position in np.unravel_index(cell, self.shape)]
        near = [
            range(max(position - 1, 0), min(position + 2, length))
            for position, length in zip(at, self.shape, strict=True)
        ]
        found = np.array(list(product(*near)), dtype=np.int64)
        numbers = np.ravel_multi_index(tuple(found.T), self.shape)
        return np.asarray(numbers[numbers != cell], dtype=np.int64)


def grid_of[P: Parameters](
    strategy: Strategy[P], axes: Mapping[str, Sequence[Value]], fixed: Mapping[str, Value] | None = None
) -> Grid:
    """Return the grid over a strategy's parameters, however its values are ordered; repeated ones count once.

    Raises InvalidParameter naming the parameter: unknown, given twice, without values or with too many of
    them, of another type or out of its range; and for more than MOST_CELLS cells.
    """
    fixed = fixed or {}
    for name in fixed:
        if name in axes:
            raise InvalidParameter(f"{name} has one value and a range of them.", field=name)
    checked = {name: _checked(strategy, name, values) for name, values in axes.items()}
    constant = {name: _checked(strategy, name, [value])[0] for name, value in fixed.items()}
    if not checked:
        raise InvalidParameter("A sweep needs at least one parameter that varies.", field="grid")
    declared = [parameter["name"] for parameter in strategy.described_parameters()]
    grid = Grid(
        axes=tuple((name, checked[name]) for name in declared if name in checked),
        fixed={name: constant[name] for name in declared if name in constant},
    )
    if grid.size > MOST_CELLS:
        raise InvalidParameter(f"The grid has {grid.size} cells; at most {MOST_CELLS} count.", field="grid")
    return grid


def sampled_cells(size: int, count: int, generator: Generator) -> IndexArray:
    """Return (min(count, size),) distinct cells of a grid of `size`, ascending: a random search.

    The same generator state draws the same cells. All cells are equally likely, permitted or not. Takes memory for
    some times the sample, never for numbers of all cells.
    """
    count = min(count, size)
    if size > 20 * count:  # from here on numpy remembers what it drew, and does not shuffle all there is
        return np.sort(generator.choice(size, count, replace=False, shuffle=False)).astype(np.int64)
    is_most = 2 * count > size
    wanted, drawn = size - count if is_most else count, np.zeros(size, dtype=np.bool_)
    while missing := wanted - np.count_nonzero(drawn):
        drawn[generator.integers(size, size=missing)] = True
    return np.flatnonzero(drawn != is_most).astype(np.int64)


def parameter_sets[P: Parameters](
    strategy: Strategy[P], grid: Grid, cells: IndexArray, *, sessions: int
) -> list[P | None]:
    """Return the parameters of each cell, None where the strategy does not permit them together.

    None as well where they leave no session to trade in, as a single run would be refused.
    """
    found: list[P | None] = []
    for values in grid.values_at(cells):
        try:
            parameters = strategy.parameters_type(**values)
        except InvalidParameter:
            found.append(None)
            continue
        found.append(parameters if strategy.warm_up_sessions(parameters) < sessions else None)
    return found


def _checked(strategy: Strategy[Any], name: str, values: Sequence[Value]) -> tuple[Value, ...]:
    if not 1 <= len(values) <= MOST_VALUES:
        raise InvalidParameter(
            f"{name} has {len(values)} values: permitted are 1 to {MOST_VALUES}.", field=name
        )
    checked = {strategy.check_value(name, value) for value in values}
    return tuple(sorted(checked))
