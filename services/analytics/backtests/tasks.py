"""The backtest job."""

from typing import Any

from django.utils import timezone

from services.analytics.backtests.services import JOB_KIND, fail_backtest, run_backtest
from services.analytics.kernel.rehearsal import load_machine_code
from shared.eventstore.jobs import JobKind, LeasedJob, register_jobs


def run(job: LeasedJob) -> None:
    """Make the run and store its numbers."""
    run_backtest(job=job, now=timezone.now())


def fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
    """Record why there are no numbers."""
    fail_backtest(job=job, state=state, problem=problem, now=timezone.now())


register_jobs("analytics", {JOB_KIND: JobKind(run=run, fail=fail)}, prepare=load_machine_code)
