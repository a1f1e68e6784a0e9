"""Asks for sweeps, runs their chunks, and judges them together."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np

from services.analytics.backtests.domain import Inputs, Options, market_of
from services.analytics.backtests.prices import prices_of
from services.analytics.kernel.arrays import FloatArray, IndexArray
from services.analytics.kernel.engine import ENGINE_VERSION
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import METRICS_VERSION
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import (
    Grid,
    Summary,
    packed,
    parameter_sets,
    run_chunk,
    summarise,
    surface_hash,
    unpacked,
)
from services.analytics.kernel.sweep.verdict import spread_sample, verdict
from services.analytics.sweeps.domain import SweepInputs, summary_row
from services.analytics.sweeps.models import Sweep, SweepChunk
from services.analytics.work.cells import cells_of
from services.analytics.work.chunks import ChunkedWork
from services.analytics.work.trials import Search
from shared.contracts.codec import body_hash, from_json, to_json
from shared.contracts.sweeps import (
    SweepCompleted,
    SweepOutdated,
    SweepProgressed,
    SweepRefused,
    SweepRequested,
)
from shared.errors import InsufficientHistory
from shared.eventstore.jobs import LeasedJob
from shared.pricing.calendar import calendar_version, session_before


def _stored(sweep_id: UUID) -> set[int]:
    chunks = SweepChunk.objects.using("analytics").filter(sweep_id=sweep_id)
    return set(chunks.values_list("number", flat=True))


WORK = ChunkedWork(
    name="sweep", title="sweep", model=Sweep, refused=SweepRefused, outdated=SweepOutdated, done=_stored
)


def start_sweep(*, inputs: SweepInputs, now: datetime) -> UUID:
    """Queue a sweep that a user asked for and return its id; inputs that have a sweep return that one.

    One that failed or was cancelled goes on where it stopped. Raises NoPrices, and InsufficientHistory for fewer
    than two bars.
    """
    present = len(market_for(inputs.base))
    if present < 2:
        raise InsufficientHistory(symbol=inputs.base.symbol, needed_sessions=2, present_sessions=present)
    requested = SweepRequested(
        sweep_id=inputs.sweep_id,
        inputs_hash=inputs.hash,
        cell_count=inputs.cell_count,
        chunk_cells=inputs.chunk_cells,
        chunk_count=inputs.chunk_count,
        **asked_values(inputs),
    )
    WORK.start(requested, now=now)
    return inputs.sweep_id


def run_sweep_chunk(*, job: LeasedJob, now: datetime) -> None:
    """Run the cells of a job's chunk and store their figures; whoever brings the last has the whole judged."""
    sweep = WORK.begun_by(job)
    if sweep is None:
        return
    inputs, number = inputs_of(sweep), int(job.payload["chunk"])
    market, strategy = market_for(inputs.base), strategy_named(inputs.base.strategy)
    grid, size = inputs.kernel_grid, sweep.chunk_cells
    cells = cells_of(inputs, grid)[number * size : (number + 1) * size]
    sets = parameter_sets(strategy, grid, cells, sessions=len(market))
    measured = run_chunk(market, strategy, sets, inputs.conditions)
    progressed = SweepProgressed(
        sweep_id=sweep.id,
        chunk=number,
        cell_count=len(cells),
        run_count=sum(found is not None for found in sets),
        surface_hash=surface_hash(measured),
    )
    WORK.record_chunk(progressed, job=job, now=now, store=lambda: _store(progressed, measured))


def complete_sweep(*, job: LeasedJob, now: datetime) -> None:
    """Judge all chunks of a job's sweep together. Raises InvalidParameter where no cell is permitted."""
    sweep = WORK.begun_by(job)
    if sweep is None:
        return
    inputs = inputs_of(sweep)
    chunks = SweepChunk.objects.using("analytics").filter(sweep_id=sweep.id).order_by("number")
    grid = inputs.kernel_grid
    cells = cells_of(inputs, grid)
    surfaces = (unpacked(bytes(chunk.surface)) for chunk in chunks.iterator(chunk_size=1))
    summary = summarise(grid, cells, surfaces, objective=inputs.objective)
    if not summary.run:
        raise InvalidParameter("The strategy permits none of the grid's cells on so few bars.", field="grid")
    market = market_for(inputs.base)
    completed = SweepCompleted(
        sweep_id=sweep.id,
        surface_hash=body_hash("".join(chunks.values_list("surface_hash", flat=True)).encode()),
        engine_version=ENGINE_VERSION,
        metrics_version=METRICS_VERSION,
        calendar_version=calendar_version("analytics"),
        first_session=market.sessions[0].item(),
        last_session=market.sessions[-1].item(),
        session_count=len(market),
        summary=summary_row(grid, summary, _best_figures(sweep, cells, summary), inputs.objective),
        truth=_truth(inputs, market, grid, cells, summary),
    )
    WORK.record_end(completed, job=job, now=now)


def inputs_of(row: Any) -> SweepInputs:
    """Return what a row of a search was asked for with."""
    values = {name: getattr(row, name) for name in Inputs.__dataclass_fields__}
    return SweepInputs(
        base=Inputs(**{**values, "options": from_json(Options, row.options)}),
        grid=row.grid,
        sample=row.sample,
        objective=row.objective,
    )


def asked_values(inputs: SweepInputs) -> dict[str, Any]:
    """Return the inputs by the names that they have in events and rows."""
    values = {name: getattr(inputs.base, name) for name in Inputs.__dataclass_fields__}
    return {
        **values,
        "parameters": dict(inputs.base.parameters),
        "options": to_json(inputs.base.options),
        "grid": dict(inputs.grid),
        "sample": inputs.sample,
        "objective": inputs.objective,
    }


def market_for(base: Inputs) -> MarketData:
    """Return the bars that all cells run on. Raises NoPrices."""
    bars = prices_of(base)
    first = bars.sessions[0].item() if len(bars.sessions) else None
    return market_of(base, bars, opening_date=session_before("analytics", first) if first else None)


def searches(symbol: str, first: date, last: date) -> list[Search]:
    """Return the finished sweeps over a symbol's sessions, as trials."""
    found = Sweep.objects.using("analytics").filter(
        symbol=symbol, state="succeeded", first_session__lte=last, last_session__gte=first
    )
    return [Search(inputs=inputs_of(sweep), cells_run=sweep.cells_run) for sweep in found]


def _store(progressed: SweepProgressed, measured: FloatArray) -> None:
    SweepChunk.objects.using("analytics").create(
        sweep_id=progressed.sweep_id,
        number=progressed.chunk,
        cell_count=progressed.cell_count,
        surface_hash=progressed.surface_hash,
        surface=packed(measured),
    )


def _best_figures(sweep: Sweep, cells: IndexArray, summary: Summary) -> list[float] | None:
    if summary.best is None:
        return None
    chunk, row = divmod(int(np.searchsorted(cells, summary.best)), sweep.chunk_cells)
    found = SweepChunk.objects.using("analytics").get(sweep_id=sweep.id, number=chunk)
    best: list[float] = unpacked(bytes(found.surface))[row].tolist()
    return best


def _truth(
    inputs: SweepInputs, market: MarketData, grid: Grid, cells: IndexArray, summary: Summary
) -> dict[str, Any] | None:
    """Return what the best cell is worth after all the others."""
    if summary.best is None:
        return None
    strategy = strategy_named(inputs.base.strategy)
    found = verdict(
        market,
        strategy,
        strategy.parse(grid.values_of_cell(summary.best)),
        spread_sample(strategy, grid, cells, without=summary.best, sessions=len(market)),
        inputs.conditions,
        count=summary.run,
    )
    return {
        "trials": found.trials.count,
        "effective_trials": found.trials.effective,
        "deflated_sharpe": found.deflated_sharpe,
        "overfitting": None if found.overfitting is None else asdict(found.overfitting),
    }
