"""What only RabbitMQ can do wrong: routing, queue arguments, and connections that die unseen."""

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pika
import psycopg
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from shared.eventstore.models import Outbox
from shared.eventstore.tests.tally import hear, heard, outbox_bodies, tell, wait_until
from shared.messaging.bus import BusUnavailable, Message
from shared.messaging.doorbell import QuorumBroker
from shared.messaging.rabbitmq_bus import RabbitBus, connection_parameters, declare
from shared.messaging.relay import relay_once
from shared.messaging.topology import Names

pytestmark = pytest.mark.broker
ARGUMENTS = {
    "x-queue-type": "quorum",
    "x-delivery-limit": 20,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
    "x-max-length": 1_000_000,
}


@pytest.fixture
def bus(clean_url: str, names: Names) -> Iterator[RabbitBus]:
    with closing(RabbitBus(clean_url, names)) as bus:
        yield bus


@pytest.fixture
def admin(clean_url: str, names: Names) -> Iterator[BlockingChannel]:
    """Give a channel of a second connection, with the topology declared."""
    with closing(pika.BlockingConnection(pika.URLParameters(clean_url))) as connection:
        channel = connection.channel()
        declare(channel, names)
        yield channel


def _message(routing_key: str = "ingest.Counted") -> Message:
    return Message(event_id=uuid4(), routing_key=routing_key, body=b"{}")


def _pending() -> int:
    return Outbox.objects.using("ingest").filter(sent_at=None).count()


def test_a_message_without_a_queue_stays_in_the_outbox_and_is_sent_once_the_binding_is_back(
    tally: psycopg.Connection, bus: RabbitBus, admin: BlockingChannel, names: Names
) -> None:
    tell("tally-a", 1)
    assert relay_once("ingest", bus) == 1
    admin.queue_unbind(names.queue("analytics"), names.exchange, "ingest.#")
    tell("tally-a", 2)
    with pytest.raises(BusUnavailable, match="Unroutable"):
        relay_once("ingest", bus)
    assert _pending() == 1
    assert relay_once("ingest", bus) == 1  # it connected anew, and declared what was missing
    assert [body for _, _, body in _get_all(admin, names.queue("analytics"), 2)] == outbox_bodies()


def test_a_deleted_queue_loses_nothing_that_is_not_yet_sent(
    tally: psycopg.Connection, bus: RabbitBus, admin: BlockingChannel, names: Names
) -> None:
    bus.publish("ingest", [_message()])
    admin.queue_delete(names.queue("analytics"))
    tell("tally-a", 1)
    with pytest.raises(BusUnavailable):
        relay_once("ingest", bus)
    assert relay_once("ingest", bus) == 1
    assert [body for _, _, body in _get_all(admin, names.queue("analytics"), 1)] == outbox_bodies()


def test_a_consumer_whose_queue_was_deleted_declares_it_again(
    tally: psycopg.Connection, bus: RabbitBus, admin: BlockingChannel, names: Names, clean_url: str
) -> None:
    with bus.batch("analytics", limit=50, wait_seconds=0.05) as bodies:
        assert bodies == []
    admin.queue_delete(names.queue("analytics"))
    tell("tally-a", 1)

    def step() -> bool:
        try:
            with bus.batch("analytics", limit=50, wait_seconds=0.05) as bodies:
                hear(*bodies)
            if _pending():
                with closing(RabbitBus(clean_url, names)) as sender:
                    relay_once("ingest", sender)
        except BusUnavailable:
            bus.close()
        return heard(tally) == {"tally-a": [1]}

    wait_until(step, "the event was heard")


def test_messages_outlive_the_broker_and_say_what_they_are(
    bus: RabbitBus, admin: BlockingChannel, names: Names
) -> None:
    message = _message()
    bus.publish("ingest", [message])
    ((method, properties, body),) = _get_all(admin, names.queue("analytics"), 1)
    assert method.routing_key == "ingest.Counted"
    assert properties.delivery_mode == 2
    assert properties.message_id == str(message.event_id)
    assert (properties.app_id, properties.content_type) == ("ingest", "application/json")
    assert body == b"{}"


def _get_all(channel: BlockingChannel, queue: str, count: int) -> list[tuple[Any, Any, bytes]]:
    found: list[tuple[Any, Any, bytes]] = []

    def get() -> bool:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is not None:
            found.append((method, properties, body))
        return len(found) == count

    wait_until(get, f"{count} messages came to {queue}")
    return found


@pytest.mark.parametrize("service", ["analytics", "reports"])
def test_a_services_queue_has_exactly_the_arguments_that_keep_messages_safe(
    admin: BlockingChannel, names: Names, service: str
) -> None:
    wanted = {**ARGUMENTS, "x-dead-letter-exchange": names.dead_letters}
    admin.queue_declare(names.queue(service), durable=True, arguments=wanted)
    for name in wanted:
        less = {key: value for key, value in wanted.items() if key != name}
        with pytest.raises(ChannelClosedByBroker, match="PRECONDITION_FAILED"):
            admin.connection.channel().queue_declare(names.queue(service), durable=True, arguments=less)


def test_what_the_broker_gives_up_on_is_kept(bus: RabbitBus, admin: BlockingChannel, names: Names) -> None:
    bus.publish("ingest", [_message()])
    _get_all_and_reject(admin, names.queue("analytics"))
    ((_, properties, body),) = _get_all(admin, names.dead_letters, 1)
    assert body == b"{}"
    assert properties.headers["x-first-death-queue"] == names.queue("analytics")


def _get_all_and_reject(channel: BlockingChannel, queue: str) -> None:
    def reject() -> bool:
        method, _, _ = channel.basic_get(queue)
        if method is not None:
            channel.basic_reject(method.delivery_tag, requeue=False)
        return method is not None

    wait_until(reject, "a message came")


def test_a_connection_that_died_while_nothing_was_sent_is_replaced(bus: RabbitBus, names: Names) -> None:
    bus.publish("ingest", [_message()])
    before: Any = bus._connection
    before._impl._transport._sock.shutdown(socket.SHUT_RDWR)
    bus.publish("ingest", [_message()])
    assert bus._connection is not before


def test_a_broker_that_cannot_be_reached_is_named_without_its_password(names: Names) -> None:
    bus = RabbitBus("amqp://guest:hunter2@127.0.0.1:1", names)
    with pytest.raises(BusUnavailable) as caught:
        bus.publish("ingest", [_message()])
    assert "hunter2" not in str(caught.value)
    with pytest.raises(BusUnavailable), bus.batch("analytics", limit=1, wait_seconds=0):
        pass


def test_every_wait_on_the_broker_has_an_end() -> None:
    doorbell: Any = QuorumBroker(url="amqp://host", middleware=[])
    for parameters in (connection_parameters("amqp://host"), doorbell.parameters):
        assert parameters.heartbeat == 10
        assert parameters.blocked_connection_timeout == 10
        assert parameters.socket_timeout == 5


def test_a_broker_that_accepts_and_stays_silent_is_one_that_does_not_answer(names: Names) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        bus = RabbitBus(f"amqp://127.0.0.1:{silent.getsockname()[1]}/", names)
        bus._parameters.stack_timeout = 0.2
        with pytest.raises(BusUnavailable):
            bus.publish("ingest", [Message(event_id=uuid4(), routing_key="ingest.Counted", body=b"{}")])
    assert connection_parameters("amqp://127.0.0.1/").stack_timeout == 10
