"""Runs leased jobs, and takes care of those whose worker is gone."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connections
from django.db.models import Q

from shared.errors import BellwetherError
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import (
    DUE_STATES,
    MAX_ATTEMPTS,
    MAX_LOST,
    JobAbandoned,
    LeasedJob,
    LeaseLost,
    WaitingForQuota,
    give_back,
    job_kind,
    lease,
    renew,
    take_expired,
    wait_for_quota,
)
from shared.eventstore.models import Job
from shared.eventstore.outages import is_outage
from shared.observability import metrics
from shared.observability.correlation import Cause, caused_by
from shared.observability.kill_points import reached

RELEASE_LEASE_SECONDS = 60.0
log = structlog.get_logger(__name__)


class JobCancelled(BellwetherError):
    """Raised when work was taken back before a worker began it; it stands as the work's error."""

    status, slug, title = 409, "cancelled", "The work was cancelled"


class NotCancellable(BellwetherError):
    """Raised when work is to be cancelled that a worker has begun or ended."""

    status, slug, title = 409, "not-cancellable", "The work is under way or done"


def run_job(service: str, job_id: UUID, *, lease_seconds: float) -> None:
    """Do one job if it is still to be had. Never raises for the job's own failures: they are recorded."""
    job = lease(service, job_id, lease_seconds=lease_seconds)
    if job is None:
        return
    reached("job.taken")
    with caused_by(Cause(job.correlation_id, job.causation_id)), _told(job), _renewing(job, lease_seconds):
        try:
            job_kind(service, job.kind).run(job)
            reached("job.committed")
        except LeaseLost:
            log.warning("job_lease_lost", job=str(job.id))
        except StreamConflict:
            log.warning("job_stream_conflict", job=str(job.id), exc_info=True)
            _try_again(job)
        except WaitingForQuota as waiting:
            wait_for_quota(job, until=waiting.until, problem=waiting.as_problem())
        except BellwetherError as error:
            _end_or_try_again(job, error)
        except Exception as error:  # the boundary of every job: recorded, retried, and in the end failed
            log.exception("job_crashed", job=str(job.id), kind=job.kind, attempt=job.attempts)
            if is_outage(service, error):
                connections[service].close()
                give_back(job, after_seconds=1, counted=False)
            else:
                _try_again(job)


def release_expired(service: str) -> int:
    """Queue again the jobs whose worker fell silent, or fail those it happened to too often; return how many."""
    expired = take_expired(service, lease_seconds=RELEASE_LEASE_SECONDS)
    for job in expired:
        with caused_by(Cause(job.correlation_id, job.causation_id)):
            if job.attempts < MAX_LOST:
                give_back(job, after_seconds=0)
            else:
                _fail(
                    job, "failed", JobAbandoned(f"The {job.kind} job lost its worker {job.attempts} times.")
                )
            log.warning("job_lease_expired", **_named(job), outcome=job.outcome)
            _count(job)
    return len(expired)


def cancel_job(service: str, which: Q) -> None:
    """Have the queued job that `which` names fail as `cancelled`. Raises NotCancellable when there is none.

    It is taken like any worker takes it, so either a worker does it or it is cancelled.
    """
    job_id = (
        Job.objects.using(service).filter(which, state__in=DUE_STATES).values_list("id", flat=True).first()
    )
    job = job_id and lease(service, job_id, lease_seconds=RELEASE_LEASE_SECONDS, is_due=False)
    if not job:
        raise NotCancellable("Only work that waits for a worker can be cancelled.")
    try:
        problem = JobCancelled("It was cancelled before a worker began it.").as_problem()
        job_kind(service, job.kind).fail(job, "cancelled", problem)
        _count(job)
    except Exception:
        give_back(job, after_seconds=0, counted=False)
        raise


def _end_or_try_again(job: LeasedJob, error: BellwetherError) -> None:
    """End the job, or have it tried again when the failure is one that passes, later each time."""
    passes = error.status >= 500 and error.retry_after_seconds is not None
    if passes and job.attempts < MAX_ATTEMPTS:
        seconds = float((error.retry_after_seconds or 0) * 2 ** (job.attempts - 1))
        give_back(job, after_seconds=seconds, problem=error.as_problem())
    else:
        _fail(job, "refused" if error.status < 500 else "failed", error)


def _try_again(job: LeasedJob) -> None:
    if job.attempts < MAX_ATTEMPTS:
        give_back(job, after_seconds=float(job.attempts))
    else:
        _fail(job, "failed", BellwetherError(f"The {job.kind} job broke {job.attempts} times; see the log."))


def _fail(job: LeasedJob, state: str, error: BellwetherError) -> None:
    try:
        job_kind(job.service, job.kind).fail(job, state, error.as_problem())
    except LeaseLost:
        log.warning("job_lease_lost", job=str(job.id))
    except Exception:  # the job stays as it is: when its lease has run out, the next tick tries this again
        log.exception("job_failure_not_recorded", job=str(job.id), kind=job.kind)


@contextmanager
def _told(job: LeasedJob) -> Iterator[None]:
    """Log when the job begins and what it comes to, and count it."""
    log.info("job_begun", **_named(job))
    began_at = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - began_at
        metrics.JOB_SECONDS.labels(job.service, job.kind).observe(seconds)
        _count(job)
        log.info("job_ended", **_named(job), outcome=job.outcome, seconds=round(seconds, 3))


def _count(job: LeasedJob) -> None:
    metrics.JOBS.labels(job.service, job.kind, job.outcome).inc()


def _named(job: LeasedJob) -> dict[str, Any]:
    return {"service": job.service, "kind": job.kind, "job": str(job.id), "attempt": job.attempts}


@contextmanager
def _renewing(job: LeasedJob, lease_seconds: float) -> Iterator[None]:
    """Renew the lease from a thread of its own, so that a long computation keeps it."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(lease_seconds / 3):
            try:
                if not renew(job, lease_seconds=lease_seconds):
                    break
            except (OperationalError, InterfaceError):
                log.warning("job_lease_not_renewed", job=str(job.id))
                connections[job.service].close()
        connections.close_all()

    thread = threading.Thread(target=keep, name=f"lease-{job.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
