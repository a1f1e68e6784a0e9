"""Asks for runs and makes them."""

import json
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
    Options,
    inputs_for,
    market_of,
    metric_rows,
    needed_sessions,
    result_hash,
    run_inputs,
)
from services.analytics.backtests.evidence import trials_among, truth_of
from services.analytics.backtests.models import Run, RunEquity, RunTrade
from services.analytics.backtests.prices import index_market_of, prices_of
from services.analytics.backtests.selectors import runs_before
from services.analytics.kernel.backtest import BacktestResult
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.simulation import Trade
from services.analytics.kernel.truth.deflated_sharpe import Trials
from services.analytics.kernel.truth.overfitting import Overfitting
from services.analytics.sweeps.domain import conditions_of
from services.analytics.work.outdating import Outdating
from services.analytics.work.trials import sampled_returns, searches_over
from shared.contracts.codec import from_json, to_json
from shared.contracts.conclusions import (
    BacktestCompleted,
    BacktestOutdated,
    BacktestRefused,
    BacktestRequested,
)
from shared.errors import InsufficientHistory, NotFound
from shared.eventstore.append import append
from shared.eventstore.jobs import AGAIN_STATES, LeasedJob, enqueue, finish
from shared.eventstore.worker import cancel_job
from shared.pricing.adjustment import Basis
from shared.pricing.calendar import calendar_version, session_before, sessions_between
from shared.pricing.reader import first_session

JOB_KIND = "backtest"
SAMPLED_TRIALS = 60
STANDING_STRATEGY = "moving_average_dip"
STANDING_CAPITAL = Decimal("10000.00")
STANDING_COMMISSION_BPS, STANDING_SLIPPAGE_BPS = Decimal("10.00"), Decimal("5.00")
OUTDATING = Outdating(
    name="backtest", field="run_id", model=Run, outdated=BacktestOutdated, earlier=runs_before
)


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
        **{**values, "parameters": dict(inputs.parameters), "options": to_json(inputs.options)},
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
    """Queue a run that a user asked for.

    Before anything is stored it raises NoPrices, InsufficientHistory, and InvalidParameter for an interval that
    the basis has not.
    """
    bars = prices_of(inputs)
    present = len(market_of(inputs, bars, opening_date=None)) if len(bars.sessions) else 0
    if present < needed_sessions(inputs):
        raise InsufficientHistory(
            symbol=inputs.symbol, needed_sessions=needed_sessions(inputs), present_sessions=present
        )
    index_market_of(inputs, bars.sessions)
    with transaction.atomic(using="analytics", durable=True):
        return request_backtest(inputs=inputs, now=now)


def run_backtest(*, job: LeasedJob, now: datetime) -> None:
    """Make the run of a job, test what it is worth, and store its numbers. Raises InsufficientHistory."""
    run = Run.objects.using("analytics").get(id=job.payload["run_id"])
    inputs = inputs_of(run)
    bars = prices_of(inputs)
    first: date = bars.sessions[0].item() if len(bars.sessions) else now.date()
    market = market_of(inputs, bars, opening_date=session_before("analytics", first))
    result = run_inputs(inputs, market, index=index_market_of(inputs, bars.sessions))
    trials, overfitting = _trials(run, result, market, first, bars.sessions[-1].item())
    truth = truth_of(
        inputs,
        result,
        market,
        trials=trials,
        overfitting=overfitting,
        expected_sessions=sessions_between("analytics", first, bars.sessions[-1].item()),
        first_stored_session=first_session("analytics", inputs.symbol),
    )
    completed = _completed(run, bars.sessions, result, truth)
    with transaction.atomic(using="analytics", durable=True):
        _store_rows(run.id, result)
        append("analytics", _stream(run.id), completed, now=now)
        OUTDATING.mark_at_once(run.id, now=now)
        finish(job, "succeeded")


def _trials(
    run: Run, result: BacktestResult, market: MarketData, first: date, last: date
) -> tuple[Trials, Overfitting | None]:
    """Judge what was tried on the symbol's sessions: how much of it was different, and how it was chosen."""
    before = Run.objects.using("analytics").filter(
        symbol=run.symbol, state="succeeded", first_session__lte=last, last_session__gte=first
    )
    searches = searches_over(run.symbol, first=first, last=last)
    tried: dict[str, UUID] = {}
    for run_id, strategy, parameters in before.order_by("-created_at", "id").values_list(
        "id", "strategy", "parameters"
    ):
        if not any(search.has_tried(strategy, parameters) for search in searches):
            tried.setdefault(f"{strategy} {json.dumps(parameters, sort_keys=True)}", run_id)
    tried.pop(f"{run.strategy} {json.dumps(run.parameters, sort_keys=True)}", None)
    sample = list(tried.values())[:SAMPLED_TRIALS]
    # In one order: which of two like streams leads decides what is counted.
    curves = RunEquity.objects.using("analytics").filter(run_id__in=sample).order_by("run_id")
    is_new = not any(search.has_tried(run.strategy, run.parameters) for search in searches)
    return trials_among(
        result.simulation.equity,
        result.simulation.dates,
        [dict(zip(curve.dates, curve.equity, strict=True)) for curve in curves],
        sampled_returns(searches, market, conditions_of(inputs_of(run))),
        count=len(tried) + sum(search.cells_run for search in searches) + is_new,
    )


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


def _completed(run: Run, sessions: Any, result: BacktestResult, truth: dict[str, Any]) -> BacktestCompleted:
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
        session_count=len(simulation.dates) - 1,
        trade_count=len(simulation.trades),
        metrics=metric_rows(result.metrics),
        benchmark_metrics=metric_rows(result.benchmark_metrics),
        index_metrics=None if result.index_metrics is None else metric_rows(result.index_metrics),
        open_position=to_json(simulation.open_trade),
        pending_order=to_json(simulation.pending_order),
        truth=truth,
    )


def _store_rows(run_id: UUID, result: BacktestResult) -> None:
    simulation = result.simulation
    RunTrade.objects.using("analytics").bulk_create(
        RunTrade(run_id=run_id, number=number, **_columns(trade))
        for number, trade in enumerate(simulation.trades, start=1)
    )
    RunEquity.objects.using("analytics").create(
        run_id=run_id,
        dates=simulation.dates.astype("datetime64[D]").tolist(),
        equity=np.asarray(simulation.equity).tolist(),
        benchmark_equity=np.asarray(result.benchmark.equity).tolist(),
        index_equity=None if result.index is None else np.asarray(result.index.equity).tolist(),
    )


def _columns(trade: Trade) -> dict[str, Any]:
    values = asdict(trade)
    del values["symbol"]  # that of the run
    return values


def inputs_of(run: Run) -> Inputs:
    """Return what a run was asked for with."""
    values = {name: getattr(run, name) for name in Inputs.__dataclass_fields__}
    return Inputs(**{**values, "options": from_json(Options, run.options)})


def _stream(run_id: UUID) -> str:
    return f"backtest-{run_id}"
