"""The broker fails under load: matrix rows 14 to 20."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pika
import pytest

from deploy.local.readiness import free_ports
from services.tests.chaos.disorder import clients
from services.tests.chaos.servers import RabbitServer
from services.tests.chaos.stage import Stage, depth, queues_of
from services.tests.processes import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.chaos]
RECOVERY_SECONDS = 30.0  # promise P5, from when the broker answers

type Note = Callable[[str, object], None]


def test_a_broker_killed_three_times_under_load_loses_nothing(
    broker_stage: Stage, private_broker: RabbitServer, record_property: Note
) -> None:
    stage = broker_stage
    stage.start()
    silences = []
    with stage.writing():
        seconds_until_more(stage, 50)
        private_broker.wait_until_it_keeps(queues_of(stage.names))
        for _ in range(3):
            private_broker.kill9()
            private_broker.start()
            silences.append(seconds_until_more(stage, 50))
    stage.settle(seconds=90)

    assert stage.check().ok == len(stage.truth.acknowledged)
    record_property("chaos", f"3 kills; events flow again after {[round(each, 1) for each in silences]} s")
    assert max(silences) < RECOVERY_SECONDS


def seconds_until_more(stage: Stage, count: int) -> float:
    """Return after how many seconds that many more events have been received."""
    began, target = time.monotonic(), received(stage) + count
    while received(stage) < target:
        assert time.monotonic() < began + 120, f"{received(stage)} of {target} events"
        threading.Event().wait(0.05)
    return time.monotonic() - began


def received(stage: Stage) -> int:
    row = stage.owner.execute("SELECT count(*) FROM reports.inbox").fetchone()
    assert row is not None
    return int(row[0])


def test_without_a_broker_the_api_takes_every_write_and_the_backlog_drains_afterwards(
    broker_stage: Stage, private_broker: RabbitServer
) -> None:
    stage = broker_stage
    (port,) = free_ports(1)
    stage.start_web(port)
    stage.start()
    wait_until(lambda: answers(port), saying="a web server")
    private_broker.wait_until_it_keeps(queues_of(stage.names))
    private_broker.kill9()

    with clients(stage, port=port, number_of=2) as told:
        wait_until(lambda: told["201"] >= 300, saying="300 writes")
    waiting = unsent(stage)
    private_broker.start()
    seconds = stage.settle(seconds=60)

    assert set(told) == {"201"}
    assert waiting >= 300
    assert stage.check().ok == len(stage.truth.acknowledged)
    assert seconds < 60


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def unsent(stage: Stage) -> int:
    row = stage.owner.execute("SELECT count(*) FROM ingest.outbox WHERE sent_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


def test_a_broker_that_lost_all_its_data_is_declared_anew_and_what_it_held_is_found(
    broker_stage: Stage, private_broker: RabbitServer
) -> None:
    stage = broker_stage
    relay = stage.start("relay", service="ingest")
    stage.write_many(200)
    wait_until(lambda: depth(stage.broker_url, stage.names.queue("analytics")) == 200, saying="200 waiting")

    private_broker.kill9()
    private_broker.wipe()
    private_broker.start()
    stage.start(CHAOS_RECONCILE_SECONDS="1")
    stage.settle()

    assert stage.check().ok == 200
    assert relay.is_alive()


def test_a_purged_queue_is_filled_again_by_the_reconcile(broker_stage: Stage) -> None:
    stage = broker_stage
    stage.start("relay", service="ingest")
    stage.write_many(500)
    queue = stage.names.queue("analytics")
    wait_until(lambda: depth(stage.broker_url, queue) == 500, saying="500 waiting")

    with pika.BlockingConnection(pika.URLParameters(stage.broker_url)) as connection:
        connection.channel().queue_purge(queue)
    stage.start(CHAOS_RECONCILE_SECONDS="1")
    stage.settle()

    assert stage.check().ok == 500


@pytest.mark.parametrize("missing", ["queue", "binding"])
def test_without_a_queue_or_its_binding_nothing_counts_as_sent(broker_stage: Stage, missing: str) -> None:
    stage = broker_stage
    relay = stage.start("relay", service="ingest")
    stage.write_many(10)
    queue = stage.names.queue("analytics")
    wait_until(lambda: depth(stage.broker_url, queue) == 10, saying="10 waiting")

    with pika.BlockingConnection(pika.URLParameters(stage.broker_url)) as connection:
        if missing == "queue":
            connection.channel().queue_delete(queue)
        else:
            connection.channel().queue_unbind(queue, stage.names.exchange, "ingest.#")
    stage.write_many(10)
    wait_until(lambda: depth(stage.broker_url, queue) >= 10, saying="the new ones")
    stage.start(CHAOS_RECONCILE_SECONDS="1")
    stage.settle()

    assert relay.is_alive()
    assert stage.check().ok == 20


def test_a_disk_alarm_holds_events_back_and_costs_none(
    broker_stage: Stage, private_broker: RabbitServer
) -> None:
    stage = broker_stage
    stage.start()
    stage.write_many(20)
    stage.settle()

    private_broker.ctl("set_disk_free_limit", "900GB")
    stage.write_many(20)
    stage.children[0].wait_until_it_says("ConnectionBlockedTimeout")
    unsent = stage.owner.execute("SELECT count(*) FROM ingest.outbox WHERE sent_at IS NULL").fetchone()
    private_broker.ctl("set_disk_free_limit", "256MiB")
    stage.settle()

    assert unsent == (20,)
    assert stage.check().ok == 40


def test_a_full_queue_refuses_and_the_rows_stay_unsent(broker_stage: Stage) -> None:
    stage = broker_stage
    relay = stage.start("relay", service="ingest", CHAOS_QUEUE_LENGTH="100")
    stage.write_many(150)  # which may still all pass: a full queue tells its publishers a moment later
    wait_until(lambda: depth(stage.broker_url, stage.names.queue("analytics")) >= 100, saying="a full queue")
    stage.write_many(150)
    relay.wait_until_it_says("NackError")

    held_back = unsent(stage)
    stage.start(CHAOS_QUEUE_LENGTH="100")
    stage.settle(seconds=60)

    assert held_back >= 100
    assert stage.check().ok == 300
