"""Asks for runs and makes them."""

from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Q

from services.analytics.backtests.domain import (
    Inputs,
    inputs_for,
    metric_rows,
    needed_sessions,
    result_hash,
    run_inputs,
)
from services.analytics.backtests.models import Run, RunEquity, RunTrade
from services.analytics.kernel.backtest import BacktestResult
from shared.contracts.codec import to_json
from shared.contracts.conclusions import BacktestCompleted, BacktestRefused, BacktestRequested
from shared.errors import InsufficientHistory, NotFound
from shared.eventstore.append import append
from shared.eventstore.jobs import AGAIN_STATES, LeasedJob, enqueue, finish
from shared.eventstore.worker import cancel_job
from shared.pricing.adjustment import Basis, adjust
from shared.pricing.history import PriceHistory, after_last_hole
from shared.pricing.reader import calendar_version, load_history, session_before

JOB_KIND = "backtest"
STANDING_STRATEGY = "moving_average_dip"
STANDING_CAPITAL = Decimal("10000.00")
STANDING_COMMISSION_BPS, STANDING_SLIPPAGE_BPS = Decimal("10.00"), Decimal("5.00")


def standing_inputs(*, symbol: str, data_version: int) -> Inputs:
    """Return the inputs of the run that every price update starts by itself: all stored sessions."""
    return inputs_for(
        symbol=symbol,
        data_version=data_version,
        basis=Basis.SPLIT.value,
        strategy=STANDING_STRATEGY,
        parameters={},
        initial_capital=STANDING_CAPITAL,
        commission_bps=STANDING_COMMISSION_BPS,
        slippage_bps=STANDING_SLIPPAGE_BPS,
    )


def request_backtest(*, inputs: Inputs, now: datetime) -> UUID:
    """Queue a run in the caller's transaction and return its id; inputs that have a run return that one.

    Whoever asks first, a run on the standing inputs is the standing run. A run that failed or was cancelled
    (and was not refused) is queued again.
    """
    run = Run.objects.using("analytics").filter(id=inputs.run_id).first()
    if run is not None and run.state not in AGAIN_STATES:
        return run.id
    values = {name: getattr(inputs, name) for name in Inputs.__dataclass_fields__}
    requested = BacktestRequested(
        run_id=inputs.run_id,
        inputs_hash=inputs.hash,
        standing=inputs == standing_inputs(symbol=inputs.symbol, data_version=inputs.data_version),
        **{**values, "parameters": dict(inputs.parameters)},
    )
    recorded = append("analytics", _stream(inputs.run_id), requested, now=now)
    enqueue(
        "analytics",
        job_id=recorded[-1].event_id,
        kind=JOB_KIND,
        key=str(inputs.run_id),
        payload={"run_id": str(inputs.run_id)},
        causation_id=recorded[-1].event_id,
    )
    return inputs.run_id


def start_backtest(*, inputs: Inputs, now: datetime) -> UUID:
    """Queue a run that a user asked for. Raises NoPrices and InsufficientHistory before anything is stored."""
    bars = _bars(inputs)
    if len(bars.sessions) < needed_sessions(inputs):
        raise InsufficientHistory(
            symbol=inputs.symbol,
            needed_sessions=needed_sessions(inputs),
            present_sessions=len(bars.sessions),
        )
    with transaction.atomic(using="analytics", durable=True):
        return request_backtest(inputs=inputs, now=now)


def run_backtest(*, job: LeasedJob, now: datetime) -> None:
    """Make the run of a job and store its numbers. Raises InsufficientHistory."""
    run = Run.objects.using("analytics").get(id=job.payload["run_id"])
    inputs = _inputs_of(run)
    bars = adjust(_bars(inputs), Basis(inputs.basis))
    first: date = bars.sessions[0].item() if len(bars.sessions) else now.date()
    result = run_inputs(inputs, bars, opening_date=session_before("analytics", first))
    completed = _completed(run, bars.sessions, result)
    with transaction.atomic(using="analytics", durable=True):
        _store_rows(run.id, result)
        append("analytics", _stream(run.id), completed, now=now)
        finish(job, "succeeded")


def fail_backtest(*, job: LeasedJob, state: str, problem: dict[str, Any], now: datetime) -> None:
    """Record why a run has no numbers."""
    run = Run.objects.using("analytics").get(id=job.payload["run_id"])
    refused = BacktestRefused(
        run_id=run.id,
        standing=run.standing,
        symbol=run.symbol,
        data_version=run.data_version,
        state=state,
        problem=problem,
    )
    with transaction.atomic(using="analytics", durable=True):
        append("analytics", _stream(run.id), refused, now=now)
        finish(job, state, problem=problem)


def cancel_backtest(*, run_id: UUID) -> None:
    """Take back a run that no worker has begun; one that was taken back before stays so.

    Raises NotFound, and NotCancellable.
    """
    run = Run.objects.using("analytics").filter(id=run_id).first()
    if run is None:
        raise NotFound(f"There is no backtest {run_id}.")
    if run.state != "cancelled":
        cancel_job("analytics", Q(kind=JOB_KIND, key=str(run_id)))


def _completed(run: Run, sessions: Any, result: BacktestResult) -> BacktestCompleted:
    simulation = result.simulation
    return BacktestCompleted(
        run_id=run.id,
        standing=run.standing,
        symbol=run.symbol,
        data_version=run.data_version,
        result_hash=result_hash(result),
        engine_version=result.engine_version,
        metrics_version=result.metrics_version,
        calendar_version=calendar_version("analytics"),
        first_session=sessions[0].item(),
        last_session=sessions[-1].item(),
        session_count=len(sessions),
        trade_count=len(simulation.trades),
        metrics=metric_rows(result.metrics),
        benchmark_metrics=metric_rows(result.benchmark_metrics),
        open_position=to_json(simulation.open_trade),
        pending_order=to_json(simulation.pending_order),
    )


def _store_rows(run_id: UUID, result: BacktestResult) -> None:
    simulation = result.simulation
    RunTrade.objects.using("analytics").bulk_create(
        RunTrade(run_id=run_id, number=number, **asdict(trade))
        for number, trade in enumerate(simulation.trades, start=1)
    )
    RunEquity.objects.using("analytics").create(
        run_id=run_id,
        dates=simulation.dates.astype("datetime64[D]").tolist(),
        equity=np.asarray(simulation.equity).tolist(),
        benchmark_equity=np.asarray(result.benchmark.equity).tolist(),
    )


def _bars(inputs: Inputs) -> PriceHistory:
    """Return the prices that a run is made on: of its range the part after the last hole."""
    history = load_history(
        "analytics", inputs.symbol, version=inputs.data_version, start=inputs.start, end=inputs.end
    )
    return after_last_hole(history)


def _inputs_of(run: Run) -> Inputs:
    return Inputs(**{name: getattr(run, name) for name in Inputs.__dataclass_fields__})


def _stream(run_id: UUID) -> str:
    return f"backtest-{run_id}"
