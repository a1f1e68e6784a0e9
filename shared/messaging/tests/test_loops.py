from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import InternalError, OperationalError, connections, transaction

from shared.eventstore import jobs
from shared.eventstore.jobs import JobKind, enqueue, finish, lease, register_jobs
from shared.eventstore.models import Attempt, Job
from shared.eventstore.outages import require_writes
from shared.eventstore.reconcile import MOST_EVENTS
from shared.eventstore.tests.tally import heard, tell, wait_until
from shared.eventstore.ticks import Tick
from shared.http.expiry import BATCH
from shared.messaging import loops
from shared.messaging.bus import Bus, BusUnavailable, Message
from shared.messaging.loops import run_consumer, run_job_finder, run_relay, run_tick
from shared.messaging.postgres_bus import PostgresBus
from shared.observability.correlation import current_cause

type OpenBus = Callable[[], Bus]


@contextmanager
def _running(loop: Callable[..., None], *arguments: Any) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=loop, args=(*arguments, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)
    assert not thread.is_alive()


def test_events_flow_from_one_service_to_the_next(tally: psycopg.Connection, open_bus: OpenBus) -> None:
    with _running(run_relay, "ingest", open_bus()), _running(run_consumer, "analytics", open_bus()):
        tell("tally-a", 1, 2)
        wait_until(lambda: heard(tally) == {"tally-a": [1, 2]}, "two events were heard")
        tell("tally-a", 3)
        wait_until(lambda: heard(tally) == {"tally-a": [1, 2, 3]}, "one more was heard")


def test_nothing_is_heard_while_no_consumer_runs(tally: psycopg.Connection, open_bus: OpenBus) -> None:
    def pending() -> list[Any]:
        return tally.execute("SELECT 1 FROM ingest.outbox WHERE sent_at IS NULL").fetchall()

    tell("tally-a", 1)
    assert len(pending()) == 1
    with _running(run_relay, "ingest", open_bus()):
        wait_until(lambda: not pending(), "the event was sent")
    assert heard(tally) == {}
    with _running(run_consumer, "analytics", open_bus()):
        wait_until(lambda: heard(tally) == {"tally-a": [1]}, "the event was heard")


@pytest.mark.parametrize("error", [BusUnavailable("cut"), OperationalError("cut"), ZeroDivisionError()])
def test_a_loop_outlives_every_error(tally: psycopg.Connection, error: Exception) -> None:
    class Stumbling(PostgresBus):
        failures = 2

        def publish(self, source: str, messages: Sequence[Message]) -> None:
            if self.failures:
                self.failures -= 1
                raise error
            super().publish(source, messages)

    tell("tally-a", 1)
    with _running(run_relay, "ingest", Stumbling()), _running(run_consumer, "analytics", PostgresBus()):
        wait_until(lambda: heard(tally) == {"tally-a": [1]}, "the event was heard")


def test_while_the_database_is_away_nothing_is_taken_from_the_bus_and_its_connection_holds_nothing(
    tally: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    class Watched(PostgresBus):
        def batch(self, service: str, *, limit: int, wait_seconds: float) -> Any:
            taken.append(limit)
            return super().batch(service, limit=limit, wait_seconds=wait_seconds)

        def close(self) -> None:
            closed.set()  # or the broker's next messages would sit with one who cannot handle them
            super().close()

    def refuse(*_: Any) -> None:
        raise OperationalError("the database is away")

    closed = Event()
    monkeypatch.setattr("django.db.backends.postgresql.base.DatabaseWrapper.ensure_connection", refuse)
    with _running(run_consumer, "analytics", Watched()):
        assert closed.wait(timeout=10)
    assert taken == []


def test_nothing_is_taken_after_a_failure_while_the_database_takes_no_writes(
    tally: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[bool] = []
    is_read_only, tried = Event(), Event()

    class Watched(PostgresBus):
        def batch(self, service: str, *, limit: int, wait_seconds: float) -> Any:
            taken.append(is_read_only.is_set())
            return super().batch(service, limit=limit, wait_seconds=wait_seconds)

    def require_writes(service: str) -> None:
        if is_read_only.is_set():
            tried.set()
            raise InternalError("cannot execute INSERT in a read-only transaction")

    def fail_once(*_: Any, **__: Any) -> None:
        if not tried.is_set():
            is_read_only.set()
            raise OperationalError("read-only from now on")

    monkeypatch.setattr(loops, "require_writes", require_writes)
    monkeypatch.setattr(loops, "receive", fail_once)
    with _running(run_consumer, "analytics", Watched()):
        assert tried.wait(timeout=10)
        assert not any(taken)
        is_read_only.clear()
        wait_until(lambda: len(taken) > 1, "it takes again")


def test_a_read_only_database_takes_no_writes(tally: psycopg.Connection) -> None:
    require_writes("analytics")
    with connections["analytics"].cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    with pytest.raises(InternalError, match="read-only"):
        require_writes("analytics")
    assert not Attempt.objects.using("analytics").exists()


def test_the_tick_takes_in_all_that_is_missing_at_once(
    tally: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    rounds = iter([MOST_EVENTS, MOST_EVENTS, 3])

    def reconcile(*_: Any, **__: Any) -> int:
        happened.append("reconciled")
        return next(rounds, 0)

    monkeypatch.setattr(loops, "RECONCILE_SECONDS", 0.0)
    monkeypatch.setattr(loops, "release_expired", lambda _: happened.append("tick"))
    monkeypatch.setattr(loops, "reconcile", reconcile)
    with _running(run_tick, "analytics"):
        wait_until(lambda: len(happened) >= 4, "all was taken in")
    assert happened[:4] == ["tick", *["reconciled"] * 3]


@pytest.fixture
def job_id(db: psycopg.Connection, cause: UUID, monkeypatch: pytest.MonkeyPatch) -> UUID:
    monkeypatch.setattr(jobs, "_KINDS", {})
    monkeypatch.setattr(jobs, "_DOORBELLS", [])
    register_jobs("ingest", {"count": JobKind(run=lambda job: finish(job, "succeeded"), fail=_break)})
    job_id = uuid4()
    with transaction.atomic(using="ingest"):
        enqueue("ingest", job_id=job_id, kind="count", key="a", payload={}, causation_id=None)
    return job_id


def _break(*_: Any) -> None:
    raise ZeroDivisionError


def test_a_due_job_is_found_without_any_doorbell(job_id: UUID) -> None:
    found = Event()

    class Bells:
        def ring(self, service: str, rung: UUID) -> None:
            assert (service, rung) == ("ingest", job_id)
            found.set()

    with _running(run_job_finder, "ingest", Bells()):
        assert found.wait(timeout=10)


def test_the_tick_gives_back_the_job_of_a_dead_worker(db: psycopg.Connection, job_id: UUID) -> None:
    lease("ingest", job_id, lease_seconds=0)
    with _running(run_tick, "ingest"):
        wait_until(lambda: Job.objects.using("ingest").get().state == "queued", "the job was queued again")


def test_the_tick_takes_in_what_the_bus_lost_and_outlives_errors(
    tally: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([ZeroDivisionError()])

    def stumble(service: str) -> int:
        for error in failures:
            connections[service].close()
            raise error
        return 0

    monkeypatch.setattr(loops, "RECONCILE_SECONDS", 0.0)
    monkeypatch.setattr(loops, "release_expired", stumble)
    tell("tally-a", 1)
    with _running(run_tick, "analytics"):
        wait_until(lambda: heard(tally) == {"tally-a": [1]}, "the event was taken in")


def test_the_tick_removes_what_is_too_old_batch_by_batch(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    batches = iter([BATCH, BATCH, 3])

    def remove(service: str) -> int:
        happened.append(f"removed from {service}")
        return next(batches, 0)

    def tick(service: str) -> int:
        happened.append("tick")
        return 0

    monkeypatch.setattr(loops, "RECONCILE_SECONDS", 0.0)
    monkeypatch.setattr(loops, "release_expired", tick)
    monkeypatch.setattr(loops, "remove_expired", remove)
    with _running(run_tick, "ingest"):
        wait_until(lambda: len(happened) >= 4, "the batches were removed")
    assert happened[:4] == ["tick", *["removed from ingest"] * 3]


def test_the_tick_does_what_apps_registered_and_one_that_breaks_stops_no_other(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[UUID] = []
    works = (_break, lambda: done.append(current_cause().correlation_id))
    due = tuple(Tick(work=work, every_seconds=0.0) for work in works)
    monkeypatch.setattr(loops, "ticks_of", {"ingest": due}.get)
    with _running(run_tick, "ingest"):
        wait_until(lambda: len(done) >= 2, "it was done twice")
    assert len(set(done)) == len(done)


def test_the_tick_does_each_thing_at_its_own_pace(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    seldom, often = list[int](), list[int]()
    due = (
        Tick(work=lambda: seldom.append(1), every_seconds=3600.0),
        Tick(work=lambda: often.append(1), every_seconds=0.0),
    )
    monkeypatch.setattr(loops, "ticks_of", {"ingest": due}.get)
    with _running(run_tick, "ingest"):
        wait_until(lambda: len(often) >= 3, "it was done three times")
    assert len(seldom) == 1
