"""What the backtests app does with events."""

from dataclasses import fields
from typing import Any

from services.analytics.backtests.models import Run
from services.analytics.backtests.services import OUTDATING, request_backtest, standing_inputs
from shared.contracts.conclusions import (
    BacktestCompleted,
    BacktestOutdated,
    BacktestRefused,
    BacktestRequested,
)
from shared.contracts.prices import PricesUpdated
from shared.eventstore.registry import Recorded, register
from shared.pricing.versions import is_followed

_ASKED = {field.name for field in fields(BacktestRequested)} - {"run_id"}
_DONE = {field.name for field in fields(BacktestCompleted)} - {"run_id", "standing", "symbol", "data_version"}


def project_requested(recorded: Recorded[BacktestRequested]) -> None:
    """Show the run as queued; a run that failed before starts afresh."""
    values = {name: getattr(recorded.event, name) for name in _ASKED}
    Run.objects.using("analytics").update_or_create(
        id=recorded.event.run_id,
        defaults={
            **values,
            "state": "queued",
            "problem": None,
            "outdated_by_version": None,
            "changed_count": None,
            "finished_at": None,
            "created_at": recorded.envelope.occurred_at,
        },
    )


def project_completed(recorded: Recorded[BacktestCompleted]) -> None:
    """Show the run's numbers."""
    values: dict[str, Any] = {name: getattr(recorded.event, name) for name in _DONE}
    Run.objects.using("analytics").filter(id=recorded.event.run_id).update(
        **values, state="succeeded", finished_at=recorded.envelope.occurred_at
    )


def project_refused(recorded: Recorded[BacktestRefused]) -> None:
    """Show why the run has no numbers."""
    event = recorded.event
    Run.objects.using("analytics").filter(id=event.run_id).update(
        state=event.state, problem=event.problem, finished_at=recorded.envelope.occurred_at
    )


def project_outdated(recorded: Recorded[BacktestOutdated]) -> None:
    """Show that the run's prices were corrected; who corrected them first stays."""
    event = recorded.event
    Run.objects.using("analytics").filter(id=event.run_id, outdated_by_version=None).update(
        outdated_by_version=event.by_version, changed_count=event.changed_count
    )


def mark_outdated_runs(recorded: Recorded[PricesUpdated]) -> None:
    """Tell of the runs whose sessions the new version corrected."""
    event = recorded.event
    OUTDATING.mark(symbol=event.symbol, version=event.version, now=recorded.envelope.occurred_at)


def start_standing_run(recorded: Recorded[PricesUpdated]) -> None:
    """Test the standing strategy on the new prices, once on all that a fetch brought."""
    event = recorded.event
    if is_followed("analytics", event.symbol, version=event.version, fetch_id=event.fetch_id):
        return
    inputs = standing_inputs(symbol=event.symbol, data_version=event.version)
    request_backtest(inputs=inputs, now=recorded.envelope.occurred_at)


register(
    "analytics",
    projectors={
        BacktestRequested: (project_requested,),
        BacktestCompleted: (project_completed,),
        BacktestRefused: (project_refused,),
        BacktestOutdated: (project_outdated,),
    },
    reactors={PricesUpdated: (mark_outdated_runs, start_standing_run)},
    projections=(Run,),
)
