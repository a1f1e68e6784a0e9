"""Which cells a search tries."""

from functools import lru_cache

import numpy as np

from services.analytics.kernel.arrays import IndexArray
from services.analytics.kernel.sweep import Grid, sampled_cells
from services.analytics.sweeps.domain import SweepInputs


def cells_of(inputs: SweepInputs, grid: Grid) -> IndexArray:
    """Return the numbers of the cells that are tried, ascending; `grid` is that of the inputs."""
    if inputs.sample is None:
        return np.arange(grid.size, dtype=np.int64)
    return _drawn(grid.size, inputs.sample, inputs.base.options.seed)


@lru_cache(maxsize=1)  # all chunks of a search, and all pages of its surface, ask for the same
def _drawn(size: int, count: int, seed: int) -> IndexArray:
    cells = sampled_cells(size, count, np.random.default_rng(seed))
    cells.setflags(write=False)
    return cells
