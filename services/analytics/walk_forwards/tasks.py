"""The jobs of a walk forward: one for each chunk of its cells, and one that trades what was chosen."""

from typing import Any

from django.utils import timezone

from services.analytics.walk_forwards.services import WORK, complete_walk_forward, run_walk_forward_chunk
from shared.eventstore.jobs import JobKind, LeasedJob, register_jobs


def run_chunk(job: LeasedJob) -> None:
    """Try the cells of one chunk in all windows."""
    run_walk_forward_chunk(job=job, now=timezone.now())


def complete(job: LeasedJob) -> None:
    """Trade the best cell of each window."""
    complete_walk_forward(job=job, now=timezone.now())


def fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
    """Record why the walk will not be completed."""
    WORK.fail(job, state, problem, now=timezone.now())


register_jobs(
    "analytics",
    {WORK.chunk_kind: JobKind(run=run_chunk, fail=fail), WORK.end_kind: JobKind(run=complete, fail=fail)},
)
