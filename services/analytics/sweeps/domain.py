"""From a request's plain values to the kernel's grid and conditions, pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from services.analytics.backtests.domain import Inputs, inputs_for
from services.analytics.kernel.engine import ENGINE_VERSION, SWEEP_METRICS
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.metrics import METRICS_VERSION, Year
from services.analytics.kernel.resampling import PERIODS_PER_YEAR
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import OBJECTIVES, Conditions, Grid, Summary, grid_of
from services.analytics.kernel.sweep.grid import MOST_VALUES
from shared.contracts.codec import body_hash, dumps, to_json

MOST_SWEPT_CELLS: Final = 1_000_000
# A chunk takes a worker some tenths of a second, some seconds where its cells have levels.
CHUNK_CELLS: Final = 5_000
_NAMESPACE = UUID("7f0c4a39-6a39-4e51-9d0e-6d3f4c0b8e25")


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepInputs:
    """All that a sweep's numbers depend on; `base` has what its cells have in common.

    grid       the values of each parameter that varies, all others stand in `base.parameters`
    sample     how many cells are drawn by the seed, None for all
    objective  which figure the best cell is best by
    """

    base: Inputs
    grid: Mapping[str, Sequence[int | float]]
    sample: int | None
    objective: str

    @property
    def hash(self) -> str:
        """Return the sha256 that names these inputs together with the engine's and the metrics' version."""
        versions = {"engine": ENGINE_VERSION, "metrics": METRICS_VERSION, "chunk_cells": self.chunk_cells}
        return body_hash(dumps({**to_json(self), **versions}))

    @property
    def sweep_id(self) -> UUID:
        """Return the id of the one sweep that these inputs have."""
        return uuid5(_NAMESPACE, self.hash)

    @property
    def kernel_grid(self) -> Grid:
        """Return the grid as the kernel takes it. Raises InvalidParameter."""
        return grid_of(strategy_named(self.base.strategy), self.grid, self.base.parameters)

    @property
    def cell_count(self) -> int:
        """Return how many cells are tried, permitted or not."""
        size = self.kernel_grid.size
        return size if self.sample is None else min(size, self.sample)

    @property
    def chunk_cells(self) -> int:
        """Return how many cells one job runs."""
        return CHUNK_CELLS

    @property
    def chunk_count(self) -> int:
        """Return how many jobs share the cells."""
        return -(-self.cell_count // self.chunk_cells)

    @property
    def conditions(self) -> Conditions:
        """Return the kernel's conditions of every cell."""
        return conditions_of(self.base)


def sweep_inputs_for(
    *,
    strategy: str,
    grid: Mapping[str, Any],
    parameters: Mapping[str, Any],
    sample: int | None,
    objective: str,
    **asked: Any,
) -> SweepInputs:
    """Return validated inputs with every parameter spelt out, so that equal sweeps have equal hashes.

    `grid` has a list of values or `{from, to, step}` for each parameter that varies; `asked` is what
    `inputs_for` takes. Raises what that raises, and InvalidParameter for a grid above MOST_SWEPT_CELLS.
    """
    rule = strategy_named(strategy)
    if objective not in OBJECTIVES:
        permitted = ", ".join(OBJECTIVES)
        raise InvalidParameter(
            f"objective is {objective!r:.20}; permitted are {permitted}.", field="objective"
        )
    axes = {name: values_of(name, wanted) for name, wanted in grid.items()}
    others = {
        found["name"]: found["default"] for found in rule.described_parameters() if found["name"] not in axes
    }
    made = grid_of(rule, axes, {**others, **parameters})
    if sample is None and made.size > MOST_SWEPT_CELLS:
        raise InvalidParameter(
            f"The grid has {made.size} cells: at most {MOST_SWEPT_CELLS} are swept."
            " Take fewer values, or have `sample` cells drawn.",
            field="grid",
            maximum=MOST_SWEPT_CELLS,
        )
    base = inputs_for(strategy=strategy, parameters={}, **asked)
    return SweepInputs(
        base=replace(base, parameters=dict(made.fixed)),
        grid={name: list(values) for name, values in made.axes},
        sample=None if sample is None or sample >= made.size else sample,
        objective=objective,
    )


def conditions_of(base: Inputs) -> Conditions:
    """Return what all runs on these inputs have in common, as the kernel takes it."""
    options = base.options
    return Conditions(
        initial_capital=float(base.initial_capital),
        costs=options.costs(commission_bps=base.commission_bps, slippage_bps=base.slippage_bps),
        execution=options.execution,
        year=Year(periods=PERIODS_PER_YEAR[options.interval], risk_free=float(options.risk_free)),
    )


def values_of(name: str, wanted: Any) -> list[int | float]:
    """Return the values of a list, or of `{from, to, step}` with both ends. Raises InvalidParameter."""
    if isinstance(wanted, list):
        return wanted
    first, last, step = (Decimal(str(wanted[part])) for part in ("from", "to", "step"))
    if step <= 0 or last < first or (last - first) / step >= MOST_VALUES:
        raise InvalidParameter(
            f"{name} goes from {first} to {last} by {step}: `step` must be above 0, `to` not below `from`,"
            f" and at most {MOST_VALUES} values come of it.",
            field=name,
        )
    count = int((last - first) / step) + 1
    values = (first + number * step for number in range(count))
    return [int(value) if value == value.to_integral_value() else float(value) for value in values]


def summary_row(grid: Grid, summary: Summary, best: Sequence[float] | None, objective: str) -> dict[str, Any]:
    """Return a summary as its event carries it; `best` has the figures of the best cell."""
    return {
        "objective": objective,
        "cells": summary.cells,
        "run": summary.run,
        "dropped": summary.dropped,
        "profitable_ratio": summary.profitable_ratio,
        "best": None
        if summary.best is None or best is None
        else {
            "cell": summary.best,
            "parameters": grid.values_of_cell(summary.best),
            "metrics": figures(best),
        },
        "neighbours": summary.neighbours,
        "neighbour_mean": summary.neighbour_mean,
        "neighbour_min": summary.neighbour_min,
    }


def figures(row: Sequence[float]) -> dict[str, float | None]:
    """Return the figures of a cell by name, null for those that are undefined."""
    return {
        name: None if value != value else value  # noqa: PLR0124 - only NaN differs from itself
        for name, value in zip(SWEEP_METRICS, row, strict=True)
    }
