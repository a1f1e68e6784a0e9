"""What a whole surface says: its best cell, whether the cells around it are as good, and how many earn money."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray, IndexArray
from services.analytics.kernel.engine import SWEEP_METRICS
from services.analytics.kernel.sweep.grid import Grid

# What a best cell can be the best by; of all of them more is better, for a drawdown is below zero.
OBJECTIVES: Final = ("sharpe", "cagr", "total_return", "max_drawdown")
_TOTAL_RETURN: Final = SWEEP_METRICS.index("total_return")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A surface in a few figures.

    cells              how many were asked for
    run                how many of them the strategy permits; the others were dropped
    profitable_ratio   the share of those run that ended above their capital, None where none was run
    best               number of the cell whose objective is highest, the first of those that tie; None where it
                       is undefined in all
    best_value         the objective of the best cell
    neighbours         how many cells beside the best have a defined objective
    neighbour_mean     mean of their objective, None without any; so is the smallest, neighbour_min
    """

    cells: int
    run: int
    profitable_ratio: float | None
    best: int | None
    best_value: float | None
    neighbours: int
    neighbour_mean: float | None
    neighbour_min: float | None

    @property
    def dropped(self) -> int:
        """Return how many cells the strategy does not permit."""
        return self.cells - self.run


def summarise(
    grid: Grid, cells: IndexArray, chunks: Iterable[FloatArray], *, objective: str = "sharpe"
) -> Summary:
    """Return what a surface says: `cells` (k,) ascending numbers, `chunks` their figures (., 6) in that order.

    Holds two columns of the surface and one chunk at a time. A total return is defined in every cell that was
    run.
    """
    column = SWEEP_METRICS.index(objective)
    parts = [(chunk[:, column].copy(), chunk[:, _TOTAL_RETURN].copy()) for chunk in chunks]
    values = np.concatenate([part[0] for part in parts])
    returns = np.concatenate([part[1] for part in parts])
    run = int(np.count_nonzero(~np.isnan(returns)))
    best = None if np.isnan(values).all() else int(np.nanargmax(values))
    around = np.empty(0) if best is None else _around(grid, cells, values, int(cells[best]))
    return Summary(
        cells=len(values),
        run=run,
        profitable_ratio=int(np.count_nonzero(returns > 0.0)) / run if run else None,
        best=None if best is None else int(cells[best]),
        best_value=None if best is None else float(values[best]),
        neighbours=len(around),
        neighbour_mean=float(around.mean()) if len(around) else None,
        neighbour_min=float(around.min()) if len(around) else None,
    )


def _around(grid: Grid, cells: IndexArray, values: FloatArray, best: int) -> FloatArray:
    """Return the defined values of the cells around the best; of a sample, of those that were drawn."""
    wanted = grid.neighbours_of(best)
    rows = np.searchsorted(cells, wanted)
    rows = rows[(rows < len(cells)) & (cells[np.minimum(rows, len(cells) - 1)] == wanted)]
    found = values[rows]
    return np.asarray(found[~np.isnan(found)])
