"""Asks for walks forward, has their windows searched in chunks, and trades what those chose."""

import sys
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np

from services.analytics.backtests.domain import metric_rows
from services.analytics.kernel.arrays import IndexArray
from services.analytics.kernel.engine import ENGINE_VERSION
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.metrics import METRICS_VERSION, measure
from services.analytics.kernel.strategies.base import Strategy
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import Grid, parameter_sets, run_windows
from services.analytics.kernel.walk_forward import WalkForward as WalkedForward
from services.analytics.kernel.walk_forward import walked
from services.analytics.sweeps.services import asked_values, market_for
from services.analytics.sweeps.services import inputs_of as search_of
from services.analytics.walk_forwards.domain import (
    WalkForwardInputs,
    best_cells,
    chosen_folds,
    result_hash,
    window_rows,
)
from services.analytics.walk_forwards.models import WalkForward, WalkForwardEquity
from services.analytics.work.cells import cells_of
from services.analytics.work.chunks import ChunkedWork
from services.analytics.work.trials import Search
from shared.contracts.sweeps import (
    WalkForwardCompleted,
    WalkForwardOutdated,
    WalkForwardProgressed,
    WalkForwardRefused,
    WalkForwardRequested,
)
from shared.eventstore.jobs import LeasedJob
from shared.pricing.calendar import calendar_version


def _tried(walk_forward_id: UUID) -> set[int]:
    walks = WalkForward.objects.using("analytics").filter(id=walk_forward_id)
    return {number for numbers in walks.values_list("tried_chunks", flat=True) for number in numbers}


WORK = ChunkedWork(
    name="walk_forward",
    title="walk forward",
    model=WalkForward,
    refused=WalkForwardRefused,
    outdated=WalkForwardOutdated,
    done=_tried,
)


def start_walk_forward(*, inputs: WalkForwardInputs, now: datetime) -> UUID:
    """Queue a walk that a user asked for and return its id; inputs that have a walk return that one.

    One that failed or was cancelled goes on where it stopped. Raises NoPrices, ValidationFailed for too few or too
    many windows, and InsufficientHistory where they are too short. Of more cells than fit in a chunk only some are
    looked at for that; the jobs look at all.
    """
    grid = inputs.search.kernel_grid
    cells = cells_of(inputs.search, grid)
    some = np.unique(np.linspace(0, len(cells) - 1, inputs.chunk_cells).astype(np.int64))
    strategy = strategy_named(inputs.search.base.strategy)
    sets = [found for _, found in _permitted(strategy, grid, cells[some])]
    inputs.folds_on(market_for(inputs.search.base), sets, strategy)
    requested = WalkForwardRequested(
        walk_forward_id=inputs.walk_forward_id,
        inputs_hash=inputs.hash,
        folds=inputs.folds,
        anchoring=inputs.anchoring,
        in_sample_ratio=inputs.in_sample_ratio,
        cell_count=inputs.search.cell_count,
        chunk_cells=inputs.chunk_cells,
        chunk_count=inputs.chunk_count,
        **asked_values(inputs.search),
    )
    WORK.start(requested, now=now)
    return inputs.walk_forward_id


def run_walk_forward_chunk(*, job: LeasedJob, now: datetime) -> None:
    """Try the cells of a job's chunk in all windows; whoever brings the last has the whole traded.

    Raises InsufficientHistory where one of them needs longer windows.
    """
    walk = WORK.begun_by(job)
    if walk is None:
        return
    inputs, number = inputs_of(walk), int(job.payload["chunk"])
    search, size, grid = inputs.search, walk.chunk_cells, inputs.search.kernel_grid
    market, strategy = market_for(search.base), strategy_named(search.base.strategy)
    cells = cells_of(search, grid)[number * size : (number + 1) * size]
    permitted = _permitted(strategy, grid, cells)
    sets = [found for _, found in permitted]
    windows = [fold.in_sample for fold in inputs.folds_on(market, sets, strategy)]
    best: list[dict[str, Any]] = []
    if permitted:
        measured = run_windows(market, strategy, sets, search.conditions, windows)
        tried = np.array([cell for cell, _ in permitted])
        best = best_cells(tried, measured, objective=search.objective)
    progressed = WalkForwardProgressed(
        walk_forward_id=walk.id,
        chunk=number,
        cell_count=len(cells),
        run_count=len(permitted),
        best=tuple(best),
    )
    WORK.record_chunk(progressed, job=job, now=now)


def complete_walk_forward(*, job: LeasedJob, now: datetime) -> None:
    """Trade what the windows chose. Raises InvalidParameter where no cell is permitted."""
    walk = WORK.begun_by(job)
    if walk is None:
        return
    if not walk.best:
        raise InvalidParameter("The strategy permits none of the grid's cells.", field="grid")
    inputs = inputs_of(walk)
    base, conditions = inputs.search.base, inputs.search.conditions
    market, strategy = market_for(base), strategy_named(base.strategy)
    chosen = chosen_folds(inputs, inputs.folds_on(market, [], strategy), walk.best, strategy)
    found = walked(market, strategy, chosen, conditions)
    windows = window_rows(inputs, market, found, year=conditions.year)
    completed = WalkForwardCompleted(
        walk_forward_id=walk.id,
        result_hash=result_hash(found, windows),
        engine_version=ENGINE_VERSION,
        metrics_version=METRICS_VERSION,
        calendar_version=calendar_version("analytics"),
        first_session=market.sessions[0].item(),
        last_session=market.sessions[-1].item(),
        session_count=len(market),
        windows=windows,
        metrics=metric_rows(measure(found.out_of_sample, benchmark=found.benchmark, year=conditions.year)),
        benchmark_metrics=metric_rows(measure(found.benchmark, benchmark=None, year=conditions.year)),
        in_sample_return=found.in_sample_return,
        out_of_sample_return=found.out_of_sample_return,
        efficiency=found.efficiency,
        no_efficiency_reason=found.no_efficiency_reason,
    )
    WORK.record_end(completed, job=job, now=now, store=lambda: _store(walk.id, found))


def inputs_of(walk: WalkForward) -> WalkForwardInputs:
    """Return what a walk was asked for with."""
    return WalkForwardInputs(
        search=search_of(walk),
        folds=walk.folds,
        anchoring=walk.anchoring,
        in_sample_ratio=walk.in_sample_ratio,
    )


def searches(symbol: str, first: date, last: date) -> list[Search]:
    """Return the finished walks over a symbol's sessions, as trials."""
    found = WalkForward.objects.using("analytics").filter(
        symbol=symbol, state="succeeded", first_session__lte=last, last_session__gte=first
    )
    return [Search(inputs=search_of(walk), cells_run=walk.cells_run) for walk in found]


def _permitted(strategy: Strategy[Any], grid: Grid, cells: IndexArray) -> list[tuple[int, Any]]:
    """Return those cells that the strategy permits with their parameters, however long their warm-up is."""
    sets = parameter_sets(strategy, grid, cells, sessions=sys.maxsize)
    return [(cell, found) for cell, found in zip(cells.tolist(), sets, strict=True) if found is not None]


def _store(walk_forward_id: UUID, found: WalkedForward[Any]) -> None:
    WalkForwardEquity.objects.using("analytics").create(
        walk_forward_id=walk_forward_id,
        dates=found.out_of_sample.dates.astype("datetime64[D]").tolist(),
        equity=found.out_of_sample.equity.tolist(),
        benchmark_equity=found.benchmark.equity.tolist(),
    )
