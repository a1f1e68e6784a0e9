"""The report job."""

from typing import Any

from django.utils import timezone

from services.reports.documents.services import JOB_KIND, fail_report, run_report
from shared.eventstore.jobs import JobKind, LeasedJob, register_jobs


def run(job: LeasedJob) -> None:
    """Render the report and store its files."""
    run_report(job=job, now=timezone.now())


def fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
    """Record why there is no report."""
    fail_report(job=job, state=state, problem=problem, now=timezone.now())


register_jobs("reports", {JOB_KIND: JobKind(run=run, fail=fail)})
