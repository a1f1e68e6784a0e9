from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import dramatiq
import pika
import psycopg
import pytest
from django.db import transaction

from shared.eventstore import jobs
from shared.eventstore.jobs import JobKind, LeasedJob, due_jobs, enqueue, finish, on_enqueue, register_jobs
from shared.eventstore.models import Job
from shared.eventstore.tests.tally import wait_until
from shared.messaging.doorbell import Doorbells
from shared.messaging.topology import Names

pytestmark = pytest.mark.usefixtures("cause")
SERVICE = "ingest"


class Work:
    """Counts the runs of jobs, and tells when one has begun."""

    def __init__(self) -> None:
        self.runs: list[UUID] = []
        self.begun = Event()

    def run(self, job: LeasedJob) -> None:
        self.runs.append(job.id)
        self.begun.set()
        finish(job, "succeeded")


@pytest.fixture
def work(db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setattr(jobs, "_KINDS", {})
    monkeypatch.setattr(jobs, "_DOORBELLS", [])
    work = Work()
    register_jobs(SERVICE, {"count": JobKind(run=work.run, fail=lambda *_: None)})
    return work


@pytest.fixture
def open_doorbells(
    bus_url: str | None, _clean_broker: Callable[[str], None], names: Names
) -> Callable[..., Doorbells]:
    """Give a function that makes doorbells of the kind the test is run for."""
    if bus_url:
        _clean_broker(bus_url)

    def make(**options: Any) -> Doorbells:
        return Doorbells(bus_url, names=names, services=[SERVICE], lease_seconds=60, **options)

    return make


@contextmanager
def _working(doorbells: Doorbells) -> Iterator[None]:
    worker = dramatiq.Worker(doorbells.broker, worker_threads=2, worker_timeout=20)
    worker.start()
    try:
        yield
    finally:
        worker.stop(timeout=10_000)
        doorbells.broker.close()


def _queue(key: str = "a") -> UUID:
    job_id = uuid4()
    with transaction.atomic(using=SERVICE):
        enqueue(SERVICE, job_id=job_id, kind="count", key=key, payload={}, causation_id=None)
    return job_id


def _is_done(job_id: UUID) -> bool:
    return Job.objects.using(SERVICE).get(id=job_id).state == "succeeded"


def test_a_new_job_is_rung_for_and_done(work: Work, open_doorbells: Callable[..., Doorbells]) -> None:
    doorbells = open_doorbells()
    on_enqueue(doorbells.ring)
    with _working(doorbells):
        ids = [_queue(key) for key in "abc"]
        wait_until(lambda: all(map(_is_done, ids)), "the jobs were done")
    assert sorted(work.runs) == sorted(ids)


def test_a_job_that_is_rung_for_twice_is_done_once(
    work: Work, open_doorbells: Callable[..., Doorbells]
) -> None:
    first, second = open_doorbells(), open_doorbells()
    job_id, last = _queue(), _queue("last")
    for doorbells in (first, first, second):
        doorbells.ring(SERVICE, job_id)
    first.ring(SERVICE, last)
    second.ring(SERVICE, last)
    with _working(first), _working(second):
        wait_until(lambda: _is_done(job_id) and _is_done(last), "the jobs were done")
    assert sorted(work.runs) == sorted([job_id, last])


def test_a_ring_that_nobody_heard_is_repeated_after_a_while(
    work: Work, open_doorbells: Callable[..., Doorbells], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    doorbells = open_doorbells(clock=lambda: now[0])
    sent: list[str] = []
    monkeypatch.setattr(doorbells._actors[SERVICE], "send", sent.append)
    job_id = uuid4()
    for at in (1000.0, 1000.0, 1029.9, 1030.0, 1031.0, 1060.0):
        now[0] = at
        doorbells.ring(SERVICE, job_id)
    assert sent == [str(job_id)] * 3
    doorbells.ring(SERVICE, uuid4())
    assert len(sent) == 4
    now[0] = 2000.0
    doorbells.ring(SERVICE, uuid4())
    assert len(doorbells._rung_at) == 1  # what was rung long ago is forgotten
    doorbells.broker.close()


def test_a_job_may_be_rung_for_again_once_it_was_looked_at(
    work: Work, open_doorbells: Callable[..., Doorbells]
) -> None:
    doorbells = open_doorbells()
    job_id = uuid4()  # no such row: the worker looks and finds nothing to do
    with _working(doorbells):
        doorbells.ring(SERVICE, job_id)
        wait_until(lambda: not doorbells._rung_at, "the worker looked")
    assert work.runs == []


def test_a_broken_doorbell_leaves_the_job_to_the_job_loop(
    work: Work, open_doorbells: Callable[..., Doorbells], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise ConnectionError

    doorbells = open_doorbells()
    monkeypatch.setattr(doorbells._actors[SERVICE], "send", fail)
    on_enqueue(doorbells.ring)
    job_id = _queue()
    assert due_jobs(SERVICE, limit=9) == [job_id]
    assert doorbells._rung_at == {}
    doorbells.broker.close()


@pytest.mark.broker
def test_the_ring_that_a_dead_worker_took_comes_back_and_the_job_is_done_once(
    work: Work, clean_url: str, names: Names
) -> None:
    doorbells = Doorbells(clean_url, names=names, services=[SERVICE], lease_seconds=60)
    job_id = _queue()
    doorbells.ring(SERVICE, job_id)
    with closing(pika.BlockingConnection(pika.URLParameters(clean_url))) as dying:
        channel = dying.channel()
        wait_until(lambda: channel.basic_get(names.jobs(SERVICE))[0] is not None, "the ring was taken")
    with _working(doorbells):
        wait_until(lambda: _is_done(job_id), "the job was done")
    assert work.runs == [job_id]


@pytest.mark.broker
def test_the_job_queues_are_quorum_queues_with_a_limit(work: Work, clean_url: str, names: Names) -> None:
    doorbells = Doorbells(clean_url, names=names, services=[SERVICE], lease_seconds=60)
    doorbells.ring(SERVICE, uuid4())
    queue = names.jobs(SERVICE)
    limited = {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": f"{queue}.XQ",
    }
    week = {"x-queue-type": "quorum", "x-message-ttl": 604_800_000}
    with closing(pika.BlockingConnection(pika.URLParameters(clean_url))) as connection:
        channel = connection.channel()  # a declaration with other arguments closes it
        channel.queue_declare(queue, durable=True, arguments=limited)
        channel.queue_declare(f"{queue}.DQ", durable=True, arguments=limited)
        channel.queue_declare(f"{queue}.XQ", durable=True, arguments=week)
    assert doorbells.broker.confirm_delivery  # type: ignore[attr-defined]
    doorbells.broker.close()
