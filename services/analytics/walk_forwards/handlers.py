"""What the walk_forwards app does with events."""

from dataclasses import fields
from typing import Any

from services.analytics.walk_forwards.domain import better_cells
from services.analytics.walk_forwards.models import WalkForward
from services.analytics.walk_forwards.services import WORK, searches
from services.analytics.work.trials import count_as_trials
from shared.contracts.prices import PricesUpdated
from shared.contracts.sweeps import (
    WalkForwardCompleted,
    WalkForwardOutdated,
    WalkForwardProgressed,
    WalkForwardRefused,
    WalkForwardRequested,
)
from shared.eventstore.registry import Recorded, register

_ASKED = {field.name for field in fields(WalkForwardRequested)} - {"walk_forward_id"}
_DONE = {field.name for field in fields(WalkForwardCompleted)} - {"walk_forward_id"}


def project_requested(recorded: Recorded[WalkForwardRequested]) -> None:
    """Show the walk as queued; one that was stopped before goes on with the chunks that it has."""
    values = {name: getattr(recorded.event, name) for name in _ASKED}
    WalkForward.objects.using("analytics").update_or_create(
        id=recorded.event.walk_forward_id,
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


def project_progressed(recorded: Recorded[WalkForwardProgressed]) -> None:
    """Show how far the walk is, and the best cells so far."""
    event = recorded.event
    walk = WalkForward.objects.using("analytics").select_for_update().get(id=event.walk_forward_id)
    walk.state = "running"
    walk.chunks_done += 1
    walk.cells_done += event.cell_count
    walk.cells_run += event.run_count
    walk.tried_chunks = sorted([*walk.tried_chunks, event.chunk])
    walk.best = better_cells(walk.best, event.best, objective=walk.objective)
    walk.save(using="analytics")


def project_completed(recorded: Recorded[WalkForwardCompleted]) -> None:
    """Show what the walk came to."""
    values: dict[str, Any] = {name: getattr(recorded.event, name) for name in _DONE}
    WalkForward.objects.using("analytics").filter(id=recorded.event.walk_forward_id).update(
        **values, state="succeeded", finished_at=recorded.envelope.occurred_at
    )


def project_refused(recorded: Recorded[WalkForwardRefused]) -> None:
    """Show why the walk was not completed."""
    event = recorded.event
    WalkForward.objects.using("analytics").filter(id=event.walk_forward_id).update(
        state=event.state, problem=event.problem, finished_at=recorded.envelope.occurred_at
    )


def project_outdated(recorded: Recorded[WalkForwardOutdated]) -> None:
    """Show that the walk's prices were corrected; who corrected them first stays."""
    event = recorded.event
    WalkForward.objects.using("analytics").filter(id=event.walk_forward_id, outdated_by_version=None).update(
        outdated_by_version=event.by_version, changed_count=event.changed_count
    )


def mark_outdated_walk_forwards(recorded: Recorded[PricesUpdated]) -> None:
    """Tell of the walks whose sessions the new version corrected."""
    event = recorded.event
    WORK.outdating.mark(symbol=event.symbol, version=event.version, now=recorded.envelope.occurred_at)


count_as_trials(searches)
register(
    "analytics",
    projectors={
        WalkForwardRequested: (project_requested,),
        WalkForwardProgressed: (project_progressed,),
        WalkForwardCompleted: (project_completed,),
        WalkForwardRefused: (project_refused,),
        WalkForwardOutdated: (project_outdated,),
    },
    reactors={PricesUpdated: (mark_outdated_walk_forwards,)},
    projections=(WalkForward,),
)
