from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connections, transaction

from shared.errors import BellwetherError, InsufficientHistory
from shared.eventstore import jobs
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import (
    MAX_LOST,
    JobKind,
    LeasedJob,
    due_jobs,
    enqueue,
    finish,
    give_back,
    lease,
    register_jobs,
)
from shared.eventstore.models import Job
from shared.eventstore.tests.tally import wait_until
from shared.eventstore.worker import release_expired, run_job
from shared.observability.correlation import current_cause

pytestmark = pytest.mark.usefixtures("cause")
type Run = Callable[[LeasedJob], None]


class QuotaSpent(BellwetherError):
    """Raised by a job in these tests."""

    status, slug, title = 503, "quota-spent", "Quota spent"


@pytest.fixture
def failures(db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Know no jobs but those of the test; give what their `fail` was told."""
    monkeypatch.setattr(jobs, "_KINDS", {})
    return []


@contextmanager
def _job(run: Run, failures: list[tuple[str, dict[str, Any]]]) -> Iterator[UUID]:
    def fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
        failures.append((state, problem))
        finish(job, state, problem=problem)

    register_jobs("ingest", {"count": JobKind(run=run, fail=fail)})
    job_id = uuid4()
    with transaction.atomic(using="ingest"):
        enqueue("ingest", job_id=job_id, kind="count", key="a", payload={}, causation_id=UUID(int=4))
    yield job_id


def _run(job_id: UUID) -> str:
    run_job("ingest", job_id, lease_seconds=60)
    return _state()


def _state() -> str:
    return Job.objects.using("ingest").get().state


def _make_due(owner: psycopg.Connection) -> None:
    owner.execute("UPDATE ingest.job SET run_after = now()")


def _succeed(job: LeasedJob) -> None:
    finish(job, "succeeded")


def test_a_job_runs_once_however_often_it_is_rung_for(
    db: psycopg.Connection, failures: list[Any], cause: UUID
) -> None:
    causes: list[tuple[UUID, UUID | None]] = []

    def run(job: LeasedJob) -> None:
        causes.append((current_cause().correlation_id, current_cause().causation_id))
        finish(job, "partial")

    with _job(run, failures) as job_id:
        assert _run(job_id) == _run(job_id) == "partial"
    assert causes == [(cause, UUID(int=4))]
    assert failures == []


@pytest.mark.parametrize(
    ("error", "state", "slug"),
    [
        (
            InsufficientHistory(symbol="X", needed_sessions=9, present_sessions=1),
            "refused",
            "insufficient-history",
        ),
        (QuotaSpent("none left"), "failed", "quota-spent"),
    ],
)
def test_an_expected_failure_is_recorded_at_once(
    db: psycopg.Connection, failures: list[Any], error: BellwetherError, state: str, slug: str
) -> None:
    def run(_: LeasedJob) -> None:
        raise error

    with _job(run, failures) as job_id:
        assert _run(job_id) == state
    ((told, problem),) = failures
    assert (told, problem["type"], problem["detail"]) == (state, f"/problems/{slug}", error.detail)
    assert Job.objects.using("ingest").get().problem == problem


@pytest.mark.parametrize("error", [ZeroDivisionError("secret detail"), StreamConflict("tally-a moved on")])
def test_a_crash_is_tried_again_and_in_the_end_failed(
    db: psycopg.Connection, failures: list[Any], error: Exception
) -> None:
    def run(_: LeasedJob) -> None:
        raise error

    with _job(run, failures) as job_id:
        for _ in range(2):
            assert _run(job_id) == "queued"
            assert due_jobs("ingest", limit=9) == []  # it waits a little before the next try
            _make_due(db)
        assert failures == []
        assert _run(job_id) == "failed"
    assert failures[0][1]["detail"] == "The count job broke 3 times; see the log."


def test_a_crash_that_passes_does_no_harm(db: psycopg.Connection, failures: list[Any]) -> None:
    def run(job: LeasedJob) -> None:
        if job.attempts == 1:
            raise ZeroDivisionError
        finish(job, "succeeded")

    with _job(run, failures) as job_id:
        assert _run(job_id) == "queued"
        _make_due(db)
        assert _run(job_id) == "succeeded"


def test_an_outage_of_the_database_gives_the_job_back(db: psycopg.Connection, failures: list[Any]) -> None:
    def run(_: LeasedJob) -> None:
        with connections["ingest"].cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            db.execute("SELECT pg_terminate_backend(%s)", [cursor.fetchone()[0]])
            cursor.execute("SELECT 1")

    with _job(run, failures) as job_id:
        assert _run(job_id) == "queued"
    assert failures == []


def test_the_result_of_a_job_that_was_given_away_is_dropped(
    db: psycopg.Connection, failures: list[Any]
) -> None:
    def run(job: LeasedJob) -> None:
        give_back(job, after_seconds=0)
        assert lease("ingest", job.id, lease_seconds=60) is not None
        with transaction.atomic(using="ingest"):
            enqueue("ingest", job_id=uuid4(), kind="result", key="a", payload={}, causation_id=None)
            finish(job, "succeeded")

    with _job(run, failures) as job_id:
        assert _run(job_id) == "running"
    assert failures == []


def test_a_job_of_an_unknown_kind_waits_for_a_release_that_knows_it(
    db: psycopg.Connection, failures: list[Any]
) -> None:
    with _job(_succeed, failures) as job_id:
        db.execute("UPDATE ingest.job SET kind = 'from-the-future', attempts = 5")
        assert _run(job_id) == "running"
        db.execute("UPDATE ingest.job SET lease_until = now() - interval '1 second'")
        assert release_expired("ingest") == 1
        assert _state() == "running"


def test_the_job_of_a_silent_worker_is_queued_again(db: psycopg.Connection, failures: list[Any]) -> None:
    with _job(_succeed, failures) as job_id:
        assert lease("ingest", job_id, lease_seconds=60) is not None
        assert release_expired("ingest") == 0
        db.execute("UPDATE ingest.job SET lease_until = now() - interval '1 second'")
        assert release_expired("ingest") == 1
        assert due_jobs("ingest", limit=9) == [job_id]
        assert _run(job_id) == "succeeded"


def test_a_job_whose_workers_fall_silent_again_and_again_is_failed(
    db: psycopg.Connection, failures: list[Any]
) -> None:
    with _job(_succeed, failures) as job_id:
        for _ in range(MAX_LOST):
            assert _state() in {"queued", "running"}
            assert lease("ingest", job_id, lease_seconds=60) is not None
            db.execute("UPDATE ingest.job SET lease_until = now() - interval '1 second'")
            release_expired("ingest")
    assert _state() == "failed"
    ((state, problem),) = failures
    assert (state, problem["type"]) == ("failed", "/problems/job-abandoned")


def test_a_long_job_keeps_its_lease(db: psycopg.Connection, failures: list[Any]) -> None:
    def until() -> Any:
        return db.execute("SELECT lease_until FROM ingest.job").fetchone()

    def run(job: LeasedJob) -> None:
        first = until()
        wait_until(lambda: until() != first, "the lease's own thread renewed it")
        finish(job, "succeeded")

    with _job(run, failures) as job_id:
        run_job("ingest", job_id, lease_seconds=0.3)
    assert _state() == "succeeded"
