"""Asks for sweeps, runs their chunks, and judges them together."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from django.db import transaction

from services.analytics.backtests.domain import Inputs, Options, market_of
from services.analytics.backtests.prices import prices_of
from services.analytics.kernel.arrays import FloatArray, IndexArray
from services.analytics.kernel.engine import ENGINE_VERSION
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import METRICS_VERSION
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import (
    Summary,
    packed,
    parameter_sets,
    run_chunk,
    sampled_cells,
    summarise,
    surface_hash,
    unpacked,
)
from services.analytics.kernel.sweep.verdict import spread_sample, verdict
from services.analytics.sweeps.domain import SweepInputs, summary_row
from services.analytics.sweeps.models import Sweep, SweepChunk
from shared.contracts.codec import body_hash, from_json, to_json
from shared.contracts.sweeps import SweepCompleted, SweepProgressed, SweepRefused, SweepRequested
from shared.errors import InsufficientHistory, NotFound
from shared.eventstore.append import append
from shared.eventstore.jobs import AGAIN_STATES, OPEN_STATES, LeasedJob, enqueue, finish
from shared.eventstore.models import Job
from shared.eventstore.worker import JobCancelled, NotCancellable
from shared.pricing.calendar import calendar_version, session_before

CHUNK_KIND, END_KIND = "sweep_chunk", "sweep_end"

# Note [One sweep, many workers]
# Every change of a sweep is decided with its row locked: workers of several chunks then append to its stream one
# after the other, exactly one of them sees that it was the last, and whoever cancels knows that no chunk that is
# still at work will be recorded. A job of a sweep that is over ends itself.


def start_sweep(*, inputs: SweepInputs, now: datetime) -> UUID:
    """Queue a sweep that a user asked for and return its id; inputs that have a sweep return that one.

    One that failed or was cancelled goes on where it stopped. Raises NoPrices, and InsufficientHistory for fewer
    than two bars.
    """
    present = len(_market(inputs.base))
    if present < 2:
        raise InsufficientHistory(symbol=inputs.base.symbol, needed_sessions=2, present_sessions=present)
    with transaction.atomic(using="analytics", durable=True):
        sweep = _locked(inputs.sweep_id)
        if sweep is not None and sweep.state not in AGAIN_STATES:
            return sweep.id
        recorded = append("analytics", _stream(inputs.sweep_id), _requested(inputs), now=now)
        _enqueue_missing(inputs, asked_by=recorded[-1].event_id)
    return inputs.sweep_id


def run_sweep_chunk(*, job: LeasedJob, now: datetime) -> None:
    """Run the cells of a job's chunk and store their figures; whoever brings the last has the whole judged."""
    if not _is_wanted(job):
        return
    sweep_id, number = UUID(job.payload["sweep_id"]), int(job.payload["chunk"])
    sweep = Sweep.objects.using("analytics").get(id=sweep_id)
    inputs, size = inputs_of(sweep), sweep.chunk_cells
    market, strategy = _market(inputs.base), strategy_named(inputs.base.strategy)
    cells = cells_of(inputs)[number * size : (number + 1) * size]
    sets = parameter_sets(strategy, inputs.kernel_grid, cells, sessions=len(market))
    measured = run_chunk(market, strategy, sets, inputs.conditions)
    progressed = SweepProgressed(
        sweep_id=sweep_id,
        chunk=number,
        cell_count=len(cells),
        run_count=sum(found is not None for found in sets),
        surface_hash=surface_hash(measured),
    )
    with transaction.atomic(using="analytics", durable=True):
        if _locked_for(job).state not in OPEN_STATES:
            finish(job, "cancelled")
            return
        _store(progressed, measured)
        append("analytics", _stream(sweep_id), progressed, now=now)
        sweep = _locked_for(job)
        if sweep.chunks_done == sweep.chunk_count:
            _enqueue(sweep_id, END_KIND, "end", asked_by=job.id)
        finish(job, "succeeded")


def complete_sweep(*, job: LeasedJob, now: datetime) -> None:
    """Judge all chunks of a job's sweep together. Raises InvalidParameter where no cell is permitted."""
    if not _is_wanted(job):
        return
    sweep_id = UUID(job.payload["sweep_id"])
    sweep = Sweep.objects.using("analytics").get(id=sweep_id)
    inputs = inputs_of(sweep)
    chunks = SweepChunk.objects.using("analytics").filter(sweep_id=sweep_id).order_by("number")
    grid, cells = inputs.kernel_grid, cells_of(inputs)
    surfaces = (unpacked(bytes(chunk.surface)) for chunk in chunks.iterator(chunk_size=1))
    summary = summarise(grid, cells, surfaces, objective=inputs.objective)
    if not summary.run:
        raise InvalidParameter("The strategy permits none of the grid's cells on so few bars.", field="grid")
    market = _market(inputs.base)
    completed = SweepCompleted(
        sweep_id=sweep_id,
        surface_hash=body_hash("".join(chunks.values_list("surface_hash", flat=True)).encode()),
        engine_version=ENGINE_VERSION,
        metrics_version=METRICS_VERSION,
        calendar_version=calendar_version("analytics"),
        first_session=market.sessions[0].item(),
        last_session=market.sessions[-1].item(),
        session_count=len(market),
        summary=summary_row(grid, summary, _best_figures(sweep, cells, summary), inputs.objective),
        truth=_truth(inputs, market, summary),
    )
    with transaction.atomic(using="analytics", durable=True):
        if _locked_for(job).state not in OPEN_STATES:
            finish(job, "cancelled")
            return
        append("analytics", _stream(sweep_id), completed, now=now)
        finish(job, "succeeded")


def fail_sweep(*, job: LeasedJob, state: str, problem: dict[str, Any], now: datetime) -> None:
    """Record that a sweep will not be completed, for one of its jobs was not."""
    sweep_id = UUID(job.payload["sweep_id"])
    with transaction.atomic(using="analytics", durable=True):
        if _locked_for(job).state in OPEN_STATES:
            refused = SweepRefused(sweep_id=sweep_id, state=state, problem=problem)
            append("analytics", _stream(sweep_id), refused, now=now)
        finish(job, state, problem=problem)


def cancel_sweep(*, sweep_id: UUID, now: datetime) -> None:
    """Stop a sweep before its next chunks; what is stored stays. One that was cancelled before stays so.

    Raises NotFound, and NotCancellable for one that is over.
    """
    with transaction.atomic(using="analytics", durable=True):
        sweep = _locked(sweep_id)
        if sweep is None:
            raise NotFound(f"There is no sweep {sweep_id}.")
        if sweep.state == "cancelled":
            return
        if sweep.state not in OPEN_STATES:
            raise NotCancellable(f"The sweep is {sweep.state}.")
        problem = JobCancelled(
            f"It was cancelled when {sweep.chunks_done} of {sweep.chunk_count} chunks were done."
        ).as_problem()
        refused = SweepRefused(sweep_id=sweep_id, state="cancelled", problem=problem)
        append("analytics", _stream(sweep_id), refused, now=now)


def inputs_of(sweep: Sweep) -> SweepInputs:
    """Return what a sweep was asked for with."""
    values = {name: getattr(sweep, name) for name in Inputs.__dataclass_fields__}
    return SweepInputs(
        base=Inputs(**{**values, "options": from_json(Options, sweep.options)}),
        grid=sweep.grid,
        sample=sweep.sample,
        objective=sweep.objective,
    )


def cells_of(inputs: SweepInputs) -> IndexArray:
    """Return the numbers of the cells that are tried, ascending."""
    grid = inputs.kernel_grid
    if inputs.sample is None:
        return np.arange(grid.size, dtype=np.int64)
    return sampled_cells(grid, inputs.sample, np.random.default_rng(inputs.base.options.seed))


def _requested(inputs: SweepInputs) -> SweepRequested:
    values = {name: getattr(inputs.base, name) for name in Inputs.__dataclass_fields__}
    return SweepRequested(
        sweep_id=inputs.sweep_id,
        inputs_hash=inputs.hash,
        grid=dict(inputs.grid),
        sample=inputs.sample,
        objective=inputs.objective,
        cell_count=inputs.cell_count,
        chunk_cells=inputs.chunk_cells,
        chunk_count=inputs.chunk_count,
        **{
            **values,
            "parameters": dict(inputs.base.parameters),
            "options": to_json(inputs.base.options),
        },
    )


def _enqueue_missing(inputs: SweepInputs, *, asked_by: UUID) -> None:
    """Queue the chunks that are neither stored nor queued, or the end where all are stored."""
    sweep_id = inputs.sweep_id
    stored = SweepChunk.objects.using("analytics").filter(sweep_id=sweep_id)
    done = set(stored.values_list("number", flat=True))
    jobs = Job.objects.using("analytics").filter(
        kind__in=(CHUNK_KIND, END_KIND), key__startswith=f"{sweep_id}/", state__in=OPEN_STATES
    )
    queued = set(jobs.values_list("key", flat=True))
    for number in range(inputs.chunk_count):
        if number not in done and f"{sweep_id}/{number}" not in queued:
            _enqueue(sweep_id, CHUNK_KIND, str(number), asked_by=asked_by)
    if len(done) == inputs.chunk_count and f"{sweep_id}/end" not in queued:
        _enqueue(sweep_id, END_KIND, "end", asked_by=asked_by)


def _enqueue(sweep_id: UUID, kind: str, part: str, *, asked_by: UUID) -> None:
    enqueue(
        "analytics",
        job_id=uuid5(asked_by, part),
        kind=kind,
        key=f"{sweep_id}/{part}",
        payload={"sweep_id": str(sweep_id), "chunk": part},
        causation_id=asked_by,
    )


def _is_wanted(job: LeasedJob) -> bool:
    """Return whether a job's sweep still goes on; the job ends where it does not."""
    with transaction.atomic(using="analytics", durable=True):
        if _locked_for(job).state in OPEN_STATES:
            return True
        finish(job, "cancelled")
        return False


def _locked(sweep_id: UUID) -> Sweep | None:
    """Return a sweep that nobody else changes until the transaction ends."""
    return Sweep.objects.using("analytics").select_for_update().filter(id=sweep_id).first()


def _locked_for(job: LeasedJob) -> Sweep:
    return Sweep.objects.using("analytics").select_for_update().get(id=job.payload["sweep_id"])


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


def _truth(inputs: SweepInputs, market: MarketData, summary: Summary) -> dict[str, Any] | None:
    """Return what the best cell is worth after all the others."""
    if summary.best is None:
        return None
    strategy, grid = strategy_named(inputs.base.strategy), inputs.kernel_grid
    found = verdict(
        market,
        strategy,
        strategy.parse(grid.values_of_cell(summary.best)),
        spread_sample(strategy, grid, cells_of(inputs), without=summary.best, sessions=len(market)),
        inputs.conditions,
        count=summary.run,
    )
    return {
        "trials": found.trials.count,
        "effective_trials": found.trials.effective,
        "deflated_sharpe": found.deflated_sharpe,
        "overfitting": None if found.overfitting is None else asdict(found.overfitting),
    }


def _market(base: Inputs) -> MarketData:
    bars = prices_of(base)
    first = bars.sessions[0].item() if len(bars.sessions) else None
    return market_of(base, bars, opening_date=session_before("analytics", first) if first else None)


def _stream(sweep_id: UUID) -> str:
    return f"sweep-{sweep_id}"
