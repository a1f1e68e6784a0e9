from dataclasses import replace
from threading import Barrier
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import transaction

from shared.eventstore import jobs
from shared.eventstore.jobs import (
    JobAlreadyOpen,
    LeasedJob,
    LeaseLost,
    due_jobs,
    enqueue,
    finish,
    give_back,
    lease,
    on_enqueue,
    renew,
    take_expired,
)
from shared.eventstore.models import Job
from shared.eventstore.tests.tally import together

pytestmark = pytest.mark.usefixtures("cause")


def _queue(*, kind: str = "count", key: str = "a") -> UUID:
    job_id = uuid4()
    with transaction.atomic(using="ingest"):
        enqueue("ingest", job_id=job_id, kind=kind, key=key, payload={"n": 1}, causation_id=None)
    return job_id


def _lease(job_id: UUID) -> LeasedJob:
    job = lease("ingest", job_id, lease_seconds=60)
    assert job is not None
    return job


def _silence(owner: psycopg.Connection) -> None:
    owner.execute("UPDATE ingest.job SET lease_until = now() - interval '1 second' WHERE state = 'running'")


def test_a_job_can_be_taken_after_the_commit_and_not_before(
    db: psycopg.Connection, cause: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[str, UUID]] = []
    monkeypatch.setattr(jobs, "_DOORBELLS", [])
    on_enqueue(lambda service, job_id: rung.append((service, job_id)))
    job_id = uuid4()
    with transaction.atomic(using="ingest"):
        enqueue("ingest", job_id=job_id, kind="count", key="a", payload={"n": 1}, causation_id=UUID(int=3))
        assert together(lambda: due_jobs("ingest", limit=9)) == [[]]
        assert together(lambda: lease("ingest", job_id, lease_seconds=60)) == [None]
        assert rung == []
    assert rung == [("ingest", job_id)]
    assert due_jobs("ingest", limit=9) == [job_id]
    job = _lease(job_id)
    assert (job.kind, job.payload, job.fence, job.attempts) == ("count", {"n": 1}, 1, 1)
    assert (job.correlation_id, job.causation_id) == (cause, UUID(int=3))
    assert due_jobs("ingest", limit=9) == []


def test_a_rollback_takes_the_job_with_it(db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[UUID] = []
    monkeypatch.setattr(jobs, "_DOORBELLS", [lambda _, job_id: rung.append(job_id)])
    with pytest.raises(RuntimeError, match="no"), transaction.atomic(using="ingest"):
        enqueue("ingest", job_id=uuid4(), kind="count", key="a", payload={}, causation_id=None)
        raise RuntimeError("no")
    assert rung == []
    assert not Job.objects.using("ingest").exists()


def test_a_doorbell_that_breaks_does_not_break_the_request(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_service: str, _job_id: UUID) -> None:
        raise ConnectionError

    monkeypatch.setattr(jobs, "_DOORBELLS", [break_down])
    assert _queue() in due_jobs("ingest", limit=9)


@pytest.mark.parametrize("state", ["queued", "running", "waiting_quota"])
def test_the_same_work_is_open_once(db: psycopg.Connection, state: str) -> None:
    first = _queue()
    db.execute("UPDATE ingest.job SET state = %s", [state])
    with transaction.atomic(using="ingest"):
        with pytest.raises(JobAlreadyOpen) as caught:
            enqueue("ingest", job_id=uuid4(), kind="count", key="a", payload={}, causation_id=None)
        # The caller's transaction is still whole: it may go on.
        enqueue("ingest", job_id=uuid4(), kind="count", key="b", payload={}, causation_id=None)
    assert caught.value.extra == {"job_id": str(first)}
    _queue(kind="other")
    assert Job.objects.using("ingest").count() == 3


@pytest.mark.parametrize("state", ["succeeded", "partial", "failed", "cancelled", "refused"])
def test_work_that_is_done_may_be_asked_for_again(db: psycopg.Connection, state: str) -> None:
    finish(_lease(_queue()), state)
    _queue()


def test_of_eight_workers_exactly_one_gets_the_job(db: psycopg.Connection) -> None:
    job_id, start = _queue(), Barrier(8)

    def work() -> LeasedJob | None:
        start.wait(timeout=10)
        return lease("ingest", job_id, lease_seconds=60)

    taken = [job for job in together(*[work] * 8) if job is not None]
    assert len(taken) == 1
    row = Job.objects.using("ingest").get()
    assert (row.state, row.fence, row.attempts) == ("running", 1, 1)


def test_a_worker_that_lost_its_lease_cannot_store_its_result(db: psycopg.Connection) -> None:
    job_id = _queue()
    old = _lease(job_id)
    give_back(old, after_seconds=0)
    new = _lease(job_id)
    assert new.fence == old.fence + 1
    with pytest.raises(LeaseLost, match=str(job_id)), transaction.atomic(using="ingest"):
        _queue_result("of the old one")
        finish(old, "succeeded")
    with transaction.atomic(using="ingest"):
        _queue_result("of the new one")
        finish(new, "succeeded")
    results = Job.objects.using("ingest").filter(kind="result").values_list("key", flat=True)
    assert list(results) == ["of the new one"]
    assert Job.objects.using("ingest").get(id=job_id).state == "succeeded"


def _queue_result(text: str) -> None:
    """Stand for whatever a job stores with `finish`, in the same transaction."""
    enqueue("ingest", job_id=uuid4(), kind="result", key=text, payload={}, causation_id=None)


def test_a_finished_job_is_not_finished_again(db: psycopg.Connection) -> None:
    job = _lease(_queue())
    finish(job, "failed", problem={"title": "broke"})
    with pytest.raises(LeaseLost):
        finish(job, "succeeded")
    row = Job.objects.using("ingest").get()
    assert (row.state, row.problem, row.lease_until) == ("failed", {"title": "broke"}, None)
    assert row.finished_at is not None
    assert lease("ingest", job.id, lease_seconds=60) is None


def test_an_old_holder_cannot_give_the_job_back_or_renew_it(db: psycopg.Connection) -> None:
    job_id = _queue()
    old = _lease(job_id)
    give_back(old, after_seconds=0)
    _lease(job_id)
    give_back(old, after_seconds=0)
    assert not renew(old, lease_seconds=999)
    assert Job.objects.using("ingest").get().state == "running"


def test_a_renewed_lease_does_not_expire(db: psycopg.Connection) -> None:
    job = _lease(_queue())
    assert take_expired("ingest", lease_seconds=60) == []
    _silence(db)
    assert renew(job, lease_seconds=60)
    assert take_expired("ingest", lease_seconds=60) == []


def test_an_expired_job_is_out_of_its_old_holders_hands_once_it_is_taken(db: psycopg.Connection) -> None:
    job = _lease(_queue())
    _silence(db)
    (taken,) = take_expired("ingest", lease_seconds=60)
    assert taken == replace(job, fence=job.fence + 1)
    assert not renew(job, lease_seconds=60)
    with pytest.raises(LeaseLost), transaction.atomic(using="ingest"):
        finish(job, "succeeded")
    assert take_expired("ingest", lease_seconds=60) == []


def test_an_attempt_that_says_nothing_about_the_job_is_not_counted(db: psycopg.Connection) -> None:
    job = _lease(_queue())
    give_back(job, after_seconds=0, counted=False)
    assert _lease(job.id).attempts == 1


def test_a_job_given_back_for_later_is_not_due_yet(db: psycopg.Connection) -> None:
    job = _lease(_queue())
    give_back(job, after_seconds=60)
    assert due_jobs("ingest", limit=9) == []
    assert lease("ingest", job.id, lease_seconds=60) is None
    db.execute("UPDATE ingest.job SET run_after = now()")
    assert _lease(job.id).attempts == 2


def test_due_jobs_come_oldest_first(db: psycopg.Connection) -> None:
    ids = [_queue(key=key) for key in "abc"]
    assert due_jobs("ingest", limit=2) == ids[:2]
