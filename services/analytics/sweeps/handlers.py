"""What the sweeps app does with events."""

from dataclasses import fields
from typing import Any

from django.db.models import F

from services.analytics.sweeps.models import Sweep
from services.analytics.sweeps.services import WORK, searches
from services.analytics.work.trials import count_as_trials
from shared.contracts.prices import PricesUpdated
from shared.contracts.sweeps import (
    SweepCompleted,
    SweepOutdated,
    SweepProgressed,
    SweepRefused,
    SweepRequested,
)
from shared.eventstore.registry import Recorded, register

_ASKED = {field.name for field in fields(SweepRequested)} - {"sweep_id"}
_DONE = {field.name for field in fields(SweepCompleted)} - {"sweep_id"}


def project_requested(recorded: Recorded[SweepRequested]) -> None:
    """Show the sweep as queued; one that was stopped before goes on with the chunks that it has."""
    values = {name: getattr(recorded.event, name) for name in _ASKED}
    Sweep.objects.using("analytics").update_or_create(
        id=recorded.event.sweep_id,
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


def project_progressed(recorded: Recorded[SweepProgressed]) -> None:
    """Show how far the sweep is."""
    event = recorded.event
    Sweep.objects.using("analytics").filter(id=event.sweep_id).update(
        state="running",
        chunks_done=F("chunks_done") + 1,
        cells_done=F("cells_done") + event.cell_count,
        cells_run=F("cells_run") + event.run_count,
    )


def project_completed(recorded: Recorded[SweepCompleted]) -> None:
    """Show what the sweep found."""
    values: dict[str, Any] = {name: getattr(recorded.event, name) for name in _DONE}
    Sweep.objects.using("analytics").filter(id=recorded.event.sweep_id).update(
        **values, state="succeeded", finished_at=recorded.envelope.occurred_at
    )


def project_refused(recorded: Recorded[SweepRefused]) -> None:
    """Show why the sweep was not completed."""
    event = recorded.event
    Sweep.objects.using("analytics").filter(id=event.sweep_id).update(
        state=event.state, problem=event.problem, finished_at=recorded.envelope.occurred_at
    )


def project_outdated(recorded: Recorded[SweepOutdated]) -> None:
    """Show that the sweep's prices were corrected; who corrected them first stays."""
    event = recorded.event
    Sweep.objects.using("analytics").filter(id=event.sweep_id, outdated_by_version=None).update(
        outdated_by_version=event.by_version, changed_count=event.changed_count
    )


def mark_outdated_sweeps(recorded: Recorded[PricesUpdated]) -> None:
    """Tell of the sweeps whose sessions the new version corrected."""
    event = recorded.event
    WORK.outdating.mark(symbol=event.symbol, version=event.version, now=recorded.envelope.occurred_at)


count_as_trials(searches)
register(
    "analytics",
    projectors={
        SweepRequested: (project_requested,),
        SweepProgressed: (project_progressed,),
        SweepCompleted: (project_completed,),
        SweepRefused: (project_refused,),
        SweepOutdated: (project_outdated,),
    },
    reactors={PricesUpdated: (mark_outdated_sweeps,)},
    projections=(Sweep,),
)
