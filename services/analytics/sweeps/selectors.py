"""Reads of sweeps."""

from uuid import UUID

import numpy as np
from django.db.models import F, QuerySet

from services.analytics.kernel.arrays import FloatArray, IndexArray
from services.analytics.kernel.engine import SWEEP_METRICS
from services.analytics.kernel.sweep import Grid, unpacked
from services.analytics.sweeps.models import Sweep, SweepChunk
from services.analytics.sweeps.services import inputs_of
from services.analytics.work.cells import cells_of
from shared.errors import BellwetherError, NotFound

__all__ = [
    "Sweep",
    "SweepNotFinished",
    "finished_sweep",
    "grid_of_sweep",
    "surface_of",
    "sweep_by_id",
    "sweeps",
]


class SweepNotFinished(BellwetherError):
    """Raised when the surface of a sweep is asked for that is not complete."""

    status, slug, title = 409, "sweep-not-finished", "The sweep has no surface"


def sweep_by_id(sweep_id: UUID) -> Sweep:
    """Return one sweep. Raises NotFound."""
    sweep = sweeps().filter(id=sweep_id).first()
    if sweep is None:
        raise NotFound(f"There is no sweep {sweep_id}.")
    return sweep


def finished_sweep(sweep_id: UUID) -> Sweep:
    """Return one sweep that succeeded. Raises NotFound and SweepNotFinished."""
    sweep = sweep_by_id(sweep_id)
    if sweep.state != "succeeded":
        raise SweepNotFinished(f"Sweep {sweep_id} is {sweep.state}.", state=sweep.state)
    return sweep


def sweeps() -> QuerySet[Sweep]:
    """Return sweeps, newest first; `live_state` is that of the row, which progress keeps up to date."""
    newest = Sweep.objects.using("analytics").order_by("-created_at", "-id")
    return newest.annotate(live_state=F("state"))


def grid_of_sweep(sweep: Sweep) -> Grid:
    """Return the grid that tells what a cell's number stands for."""
    return inputs_of(sweep).kernel_grid


def surface_of(sweep: Sweep, grid: Grid, *, first: int, behind: int) -> tuple[IndexArray, FloatArray]:
    """Return the numbers of a range of a sweep's cells, in the order in which they were tried, and their figures.

    `grid` is that of the sweep.
    """
    size = sweep.chunk_cells
    behind = min(behind, sweep.cell_count)
    if first >= behind:
        return np.empty(0, dtype=np.int64), np.empty((0, len(SWEEP_METRICS)))
    chunks = SweepChunk.objects.using("analytics").filter(
        sweep_id=sweep.id, number__gte=first // size, number__lt=-(-behind // size)
    )
    parts = [unpacked(bytes(chunk.surface)) for chunk in chunks.order_by("number")]
    found = np.concatenate(parts)[first % size :][: behind - first]
    return cells_of(inputs_of(sweep), grid)[first:behind], found
