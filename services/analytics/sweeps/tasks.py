"""The jobs of a sweep: one for each chunk, and one that judges them together."""

from typing import Any

from django.utils import timezone

from services.analytics.sweeps.services import WORK, complete_sweep, run_sweep_chunk
from shared.eventstore.jobs import JobKind, LeasedJob, register_jobs


def run_chunk(job: LeasedJob) -> None:
    """Run the cells of one chunk and store their figures."""
    run_sweep_chunk(job=job, now=timezone.now())


def complete(job: LeasedJob) -> None:
    """Judge the whole surface."""
    complete_sweep(job=job, now=timezone.now())


def fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
    """Record why the sweep will not be completed."""
    WORK.fail(job, state, problem, now=timezone.now())


register_jobs(
    "analytics",
    {WORK.chunk_kind: JobKind(run=run_chunk, fail=fail), WORK.end_kind: JobKind(run=complete, fail=fail)},
)
