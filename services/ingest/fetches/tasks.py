"""The fetch job."""

from typing import Any

from django.utils import timezone

from services.ingest.fetches.services import JOB_KIND, fail_fetch, run_fetch
from shared.eventstore.jobs import JobKind, LeasedJob, register_jobs


def run(job: LeasedJob) -> None:
    """Ask the provider and record its answer."""
    run_fetch(job=job, now=timezone.now())


def fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
    """Record that nothing came of it."""
    fail_fetch(job=job, state=state, problem=problem, now=timezone.now())


register_jobs("ingest", {JOB_KIND: JobKind(run=run, fail=fail)})
