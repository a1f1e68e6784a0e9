"""Processes that are stopped, frozen, doubled or poisoned: matrix rows 13, 27, 29, 30, 35, 39 to 41."""

import signal
import time

import pika
import psycopg
import pytest

from services.tests.chaos.stage import Stage, depth
from services.tests.processes import wait_until
from shared.eventstore.models import Outbox
from shared.messaging.bus import Message
from shared.messaging.loops import make_bus

LONGEST_SILENCE_SECONDS = (
    30.0  # three heartbeats: RabbitMQ looks once in each, and gives up after two silent ones
)


@pytest.mark.chaos
def test_two_relays_send_each_event_once_and_each_stream_in_order(stage: Stage) -> None:
    stage.write_many(2000, streams=40)
    relays = [stage.start("relay", service="ingest") for _ in range(2)]
    wait_until(lambda: unsent(stage) == 0, saying="all sent")

    assert sent_count(stage) == 2000
    stage.start()
    stage.settle()
    assert stage.check().ok == 2000
    assert all(relay.is_alive() for relay in relays)


def unsent(stage: Stage) -> int:
    row = stage.owner.execute("SELECT count(*) FROM ingest.outbox WHERE sent_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


def sent_count(stage: Stage) -> int:
    """Return how many messages are on their way to analytics."""
    if stage.broker_url:
        return depth(stage.broker_url, stage.names.queue("analytics"))
    row = stage.owner.execute("SELECT count(*) FROM bus.delivery WHERE consumer = 'analytics'").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.chaos
def test_an_event_that_comes_fifty_times_to_two_consumers_has_one_effect(stage: Stage) -> None:
    stage.write_many(5)
    bus = make_bus(stage.broker_url, stage.names)
    messages = [
        Message(event_id=row.event_id, routing_key=row.routing_key, body=bytes(row.body))
        for row in Outbox.objects.using("ingest").order_by("position")
    ]
    for _ in range(50):
        bus.publish("ingest", messages)
    bus.close()

    for _ in range(2):
        stage.start("consume", service="analytics")
    stage.start("relay")
    stage.start("consume", service="reports")
    stage.settle()
    wait_until(lambda: sent_count(stage) == 0, saying="all taken")

    assert stage.check().ok == 5


@pytest.mark.chaos
@pytest.mark.parametrize(("mode", "slug"), [("bug", "handler-failed"), ("crash", "handler-crashed")])
def test_a_poisonous_event_is_parked_alone_and_its_neighbours_flow(
    stage: Stage, mode: str, slug: str
) -> None:
    stage.write("poison", next(stage.numbers), mode=mode)
    stage.write_many(9)

    consumer = stage.start("consume", service="analytics")
    stage.start("relay")
    stage.start("consume", service="reports")

    def parked() -> list[str]:
        nonlocal consumer
        if not consumer.is_alive():  # what a supervisor does
            consumer = stage.start("consume", service="analytics")
        return [row[0] for row in stage.owner.execute("SELECT slug FROM analytics.parked")]

    wait_until(lambda: parked() == [slug], saying="a parked message")
    stage.settle()
    assert stage.check(parked={"analytics": 1}).ok == 9


@pytest.mark.chaos
def test_a_frozen_consumer_holds_nothing_up_for_long_and_its_thaw_is_harmless(stage: Stage) -> None:
    stage.write_many(60)
    frozen = stage.start("consume", service="analytics", KILL_AT="consumer.projected:STOP")
    stage.start("relay")
    frozen.wait_until_stopped()
    stage.start("consume", service="reports")
    stage.start("consume", "tick", service="analytics")

    # Its locks and its unsettled messages are held until its heartbeats or its session run out.
    end_idle_transactions(stage)
    stage.settle(seconds=LONGEST_SILENCE_SECONDS + 5)
    frozen.send(signal.SIGCONT)
    stage.write_many(10)
    stage.settle()

    assert stage.check().ok == 70


def end_idle_transactions(stage: Stage) -> None:
    """End sessions that idle within a transaction, as the server does after ten seconds."""
    with psycopg.connect(stage.database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state = 'idle in transaction'"
        )


@pytest.mark.chaos
def test_a_worker_asked_to_stop_amid_twenty_jobs_ends_in_time_and_each_is_done_once(stage: Stage) -> None:
    stage.write_many(20, mode="slow")
    worker = stage.start()
    wait_until(lambda: done_jobs(stage) >= 2, saying="jobs under way")

    asked_at = time.monotonic()
    worker.send(signal.SIGTERM)
    assert worker.wait(seconds=15) == 0, worker.tail()
    seconds = time.monotonic() - asked_at
    assert running_jobs(stage) == 0
    stage.start()
    stage.settle()

    stage.check()
    assert seconds < 10
    assert done_jobs(stage) == 20


def done_jobs(stage: Stage) -> int:
    row = stage.owner.execute("SELECT count(*) FROM analytics.job WHERE state = 'succeeded'").fetchone()
    assert row is not None
    return int(row[0])


def running_jobs(stage: Stage) -> int:
    row = stage.owner.execute("SELECT count(*) FROM analytics.job WHERE state = 'running'").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.chaos
@pytest.mark.broker
@pytest.mark.parametrize("bus_url", ["rabbitmq"], indirect=True)
def test_jobs_whose_doorbells_are_purged_are_found_by_their_rows(stage: Stage) -> None:
    assert stage.broker_url is not None
    stage.write_many(12, mode="job")
    stage.start("relay", "consume")
    wait_until(lambda: open_jobs(stage) == 12, saying="twelve jobs")
    with pika.BlockingConnection(pika.URLParameters(stage.broker_url)) as connection:
        if depth(stage.broker_url, stage.names.jobs("analytics")):
            connection.channel().queue_purge(stage.names.jobs("analytics"))
    stage.start("work")
    stage.settle(seconds=60)

    stage.check()
    assert done_jobs(stage) == 12


def open_jobs(stage: Stage) -> int:
    row = stage.owner.execute("SELECT count(*) FROM analytics.job WHERE state = 'queued'").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.chaos
def test_a_halted_worker_that_lost_its_lease_cannot_finish_the_job(stage: Stage) -> None:
    stage.write_many(1, mode="job")
    stage.start("relay", "consume")
    halted = stage.start("work", KILL_AT="job.taken:STOP")
    halted.wait_until_stopped()

    stage.start()
    # The broker may hand the next ring to the one that is halted: it is repeated after half a minute.
    stage.settle(seconds=60)
    halted.send(signal.SIGCONT)
    halted.wait_until_it_says("job_lease_lost")

    stage.check()
    assert done_jobs(stage) == 1
