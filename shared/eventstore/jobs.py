"""Work with leases: the row is the truth, whoever rings and however often."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connections, transaction
from django.db.models import Q
from django.db.models.functions import Now

from shared.errors import BellwetherError
from shared.eventstore.models import Job
from shared.observability import metrics
from shared.observability.correlation import current_cause
from shared.observability.kill_points import reached

OPEN_STATES = ("queued", "running", "waiting_quota")
DUE_STATES = ("queued", "waiting_quota")  # in which a job starts once `run_after` has come
AGAIN_STATES = ("failed", "cancelled")  # in which asking for the same again queues it again
MAX_ATTEMPTS = 3
MAX_LOST = 6  # lost leases: deploys and outages cost some, and say nothing about the job

type Doorbell = Callable[[str, UUID], object]
_DOORBELLS: list[Doorbell] = []


class JobAlreadyOpen(BellwetherError):
    """Raised when the same work is queued or running; `job_id` names it."""

    status, slug, title = 409, "job-already-open", "The same work is under way"
    retry_after_seconds = 1


class LeaseLost(BellwetherError):
    """Raised when a worker finishes a job that was given to another one meanwhile; its result is dropped."""

    status, slug, title = 409, "lease-lost", "The job was given to another worker"


class WaitingForQuota(BellwetherError):
    """Raised by a job that may go on at `until`, when a provider takes calls again; it waits as a row till then."""

    status, slug, title = 503, "waiting-for-quota", "The provider's quota is used up for now"

    def __init__(self, detail: str, *, until: datetime, **extra: Any) -> None:
        super().__init__(detail, resumes_at=until.isoformat(), **extra)
        self.until = until


class JobAbandoned(BellwetherError):
    """Raised for a job whose workers died again and again."""

    status, slug, title = 500, "job-abandoned", "The job's worker died repeatedly"


@dataclass(slots=True, kw_only=True)
class LeasedJob:
    """A job in this worker's hands, with the fencing token of its lease; `outcome` is what became of it here."""

    service: str
    id: UUID
    kind: str
    payload: dict[str, Any]
    fence: int
    attempts: int
    correlation_id: UUID
    causation_id: UUID | None
    outcome: str = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """What a service does for one kind of job.

    `run` does the work and calls `finish` in the transaction of its result. `fail(job, state, problem)`
    records that it will not succeed, in the same way.
    """

    run: Callable[[LeasedJob], None]
    fail: Callable[[LeasedJob, str, dict[str, Any]], None]


_KINDS: dict[tuple[str, str], JobKind] = {}
_PREPARATIONS: dict[str, Callable[[], None]] = {}


def register_jobs(
    service: str, kinds: dict[str, JobKind], *, prepare: Callable[[], None] | None = None
) -> None:
    """Add an app's kinds of job; called at the foot of each `tasks.py`.

    A worker that starts calls the service's `prepare` once, beside its first jobs.
    """
    _KINDS.update({(service, kind): found for kind, found in kinds.items()})
    if prepare is not None:
        _PREPARATIONS[service] = prepare


def prepare_to_work(service: str) -> None:
    """Do what a service wants to have done in each worker that starts."""
    _PREPARATIONS.get(service, lambda: None)()


def job_kind(service: str, kind: str) -> JobKind:
    """Return how a kind of job is done. Raises KeyError for one this release does not know."""
    return _KINDS[service, kind]


def on_enqueue(doorbell: Doorbell) -> None:
    """Have `doorbell(service, job_id)` called after the commit of every new job."""
    _DOORBELLS[:] = [doorbell]


def enqueue(
    service: str, *, job_id: UUID, kind: str, key: str, payload: dict[str, Any], causation_id: UUID | None
) -> None:
    """Queue a job in the caller's transaction; workers see it after the commit.

    At most one job of a `kind` and `key` is open. Raises JobAlreadyOpen.
    """
    job = Job(
        id=job_id,
        kind=kind,
        key=key,
        payload=payload,
        correlation_id=current_cause().correlation_id,
        causation_id=causation_id,
    )
    try:
        with transaction.atomic(using=service):
            job.save(using=service, force_insert=True)
    except IntegrityError as error:
        if "job_open_once" not in str(error):
            raise
        known = Job.objects.using(service).filter(kind=kind, key=key, state__in=OPEN_STATES).first()
        raise JobAlreadyOpen(
            f"{kind} {key} is under way already.", job_id=str(known.id) if known else None
        ) from None
    for doorbell in _DOORBELLS:
        transaction.on_commit(lambda ring=doorbell: ring(service, job_id), using=service, robust=True)  # type: ignore[misc]


def due_jobs(service: str, *, limit: int) -> list[UUID]:
    """Return ids of jobs that may start now, oldest first."""
    due = (
        Job.objects.using(service)
        .filter(state__in=DUE_STATES, run_after__lte=Now())
        .order_by("run_after", "created_at")
    )
    return list(due.values_list("id", flat=True)[:limit])


def lease(service: str, job_id: UUID, *, lease_seconds: float, is_due: bool = True) -> LeasedJob | None:
    """Take a job that waits; None when another worker has it or it is done.

    Not `is_due`, also a job that is to be tried again later.
    """
    with connections[service].cursor() as cursor:
        cursor.execute(
            "UPDATE job SET state = 'running', fence = fence + 1, attempts = attempts + 1,"
            " lease_until = now() + make_interval(secs => %s)"
            " WHERE id = %s AND state IN ('queued', 'waiting_quota') AND (run_after <= now() OR NOT %s)"
            " RETURNING kind, fence, attempts, correlation_id, causation_id,"
            " extract(epoch FROM now() - run_after)::float8",
            [lease_seconds, job_id, is_due],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    if is_due:
        metrics.JOB_DELAY.labels(service, row[0]).observe(row[5])
    payload = Job.objects.using(service).values_list("payload", flat=True).get(id=job_id)
    return LeasedJob(
        service=service,
        id=job_id,
        kind=row[0],
        payload=payload,
        fence=row[1],
        attempts=row[2],
        correlation_id=row[3],
        causation_id=row[4],
    )


def renew(job: LeasedJob, *, lease_seconds: float) -> bool:
    """Prolong the lease; False when it was lost."""
    with connections[job.service].cursor() as cursor:
        cursor.execute(
            "UPDATE job SET lease_until = now() + make_interval(secs => %s)"
            " WHERE id = %s AND fence = %s AND state = 'running'",
            [lease_seconds, job.id, job.fence],
        )
        return bool(cursor.rowcount)


def finish(job: LeasedJob, state: str, *, problem: dict[str, Any] | None = None) -> None:
    """End a job in the transaction of its result. Raises LeaseLost, which rolls that result back."""
    changed = _held(job).update(state=state, problem=problem, lease_until=None, finished_at=Now())
    if not changed:
        raise LeaseLost(f"Job {job.id} was given to another worker.")
    job.outcome = state
    reached("job.done")


def give_back(
    job: LeasedJob, *, after_seconds: float, counted: bool = True, problem: dict[str, Any] | None = None
) -> None:
    """Queue a job again, to be tried no sooner than `after_seconds` from now; `problem` says why it did not end.

    Not `counted`, the attempt is taken back: it says nothing about the job.
    """
    with connections[job.service].cursor() as cursor:
        cursor.execute(
            "UPDATE job SET state = 'queued', lease_until = NULL, attempts = attempts - %s,"
            " run_after = now() + make_interval(secs => %s), problem = %s::jsonb"
            " WHERE id = %s AND fence = %s AND state = 'running'",
            [0 if counted else 1, after_seconds, json.dumps(problem) if problem else None, job.id, job.fence],
        )
        job.outcome = "retried" if cursor.rowcount else "lost"


def wait_for_quota(job: LeasedJob, *, until: datetime, problem: dict[str, Any]) -> None:
    """Have a job wait until an instant for a provider's quota; the attempt is not counted."""
    with connections[job.service].cursor() as cursor:
        cursor.execute(
            "UPDATE job SET state = 'waiting_quota', lease_until = NULL, attempts = attempts - 1,"
            " run_after = %s, problem = %s::jsonb WHERE id = %s AND fence = %s AND state = 'running'",
            [until, json.dumps(problem), job.id, job.fence],
        )
        job.outcome = "waiting_quota" if cursor.rowcount else "lost"


def wake_waiting(service: str, which: Q = Q()) -> int:  # noqa: B008 it holds nothing that could change
    """Have jobs that wait for a quota, all or `which`, look again at once whether it is free; return how many."""
    waiting = Job.objects.using(service).filter(which, state="waiting_quota")
    return waiting.update(run_after=Now())


def take_expired(service: str, *, lease_seconds: float) -> list[LeasedJob]:
    """Take the jobs whose workers fell silent into this process's hands, to be given back or failed.

    From here on a late holder can neither renew nor finish them.
    """
    with connections[service].cursor() as cursor:
        cursor.execute(
            "UPDATE job SET fence = fence + 1, lease_until = now() + make_interval(secs => %s)"
            " WHERE state = 'running' AND lease_until < now()"
            " RETURNING id, kind, payload::text, fence, attempts, correlation_id, causation_id",
            [lease_seconds],
        )
        rows = cursor.fetchall()
    return [
        LeasedJob(
            service=service,
            id=row[0],
            kind=row[1],
            payload=json.loads(row[2]),
            fence=row[3],
            attempts=row[4],
            correlation_id=row[5],
            causation_id=row[6],
        )
        for row in rows
    ]


def _held(job: LeasedJob) -> Any:
    return Job.objects.using(job.service).filter(Q(id=job.id, fence=job.fence, state="running"))
