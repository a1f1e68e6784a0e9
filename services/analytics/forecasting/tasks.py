"""The forecast job."""

from typing import Any

from django.utils import timezone

from services.analytics.forecasting.services import JOB_KIND, fail_forecasts, run_forecasts
from shared.eventstore.jobs import JobKind, LeasedJob, register_jobs


def run(job: LeasedJob) -> None:
    """Make and score the forecasts."""
    run_forecasts(job=job, now=timezone.now())


def fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
    """Record why there are none."""
    fail_forecasts(job=job, state=state, problem=problem, now=timezone.now())


register_jobs("analytics", {JOB_KIND: JobKind(run=run, fail=fail)})
