"""Sweeps: one strategy with many parameters on one market, in chunks that any worker can take.

Pure functions. A grid names each of its cells by a number, so that a chunk of work is a range of numbers, and
what a chunk found is one immutable block of bytes.
"""

from services.analytics.kernel.sweep.cells import Conditions, run_chunk, run_windows
from services.analytics.kernel.sweep.grid import Grid, grid_of, parameter_sets, sampled_cells
from services.analytics.kernel.sweep.summary import OBJECTIVES, Summary, summarise
from services.analytics.kernel.sweep.surface import packed, surface_hash, unpacked

__all__ = [
    "OBJECTIVES",
    "Conditions",
    "Grid",
    "Summary",
    "grid_of",
    "packed",
    "parameter_sets",
    "run_chunk",
    "run_windows",
    "sampled_cells",
    "summarise",
    "surface_hash",
    "unpacked",
]
