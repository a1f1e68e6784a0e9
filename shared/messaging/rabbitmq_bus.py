"""The bus on RabbitMQ: confirmed publishes to a topic exchange, one quorum queue for each service."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from shared.messaging.bus import BusUnavailable, Message
from shared.messaging.confirms import ConfirmingChannel
from shared.messaging.topology import DELIVERY_LIMIT, MAX_QUEUE_LENGTH, SUBSCRIPTIONS, Names
from shared.observability.kill_points import reached

PREFETCH = 100


class RabbitBus:
    """One connection, opened when first needed; every error closes it, and the next call opens a new one."""

    def __init__(self, url: str, names: Names) -> None:
        self._names = names
        self._parameters = connection_parameters(url)
        self._connection: BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._publisher: ConfirmingChannel | None = None

    def publish(self, source: str, messages: Sequence[Message]) -> None:
        """Publish persistent, mandatory messages and wait until all are confirmed."""
        with self._guard():
            channel = self._confirming()
            channel.publish(
                self._names.exchange,
                ((message.routing_key, message.body, _properties(source, message)) for message in messages),
            )
            reached("relay.published")
            channel.wait_for_confirms()

    @contextmanager
    def batch(self, service: str, *, limit: int, wait_seconds: float) -> Iterator[Sequence[bytes]]:
        """Take what the broker delivered; acknowledge it after the block, up to the last message at once."""
        with self._guard():
            channel = self._open()
            deliveries = list(self._take(channel, self._names.queue(service), limit, wait_seconds))
        try:
            yield [body for _, body in deliveries]
        except BaseException:
            # Closing hands the batch back at once; a kept connection would hold it until heartbeats run out.
            self.close()
            raise
        if deliveries:
            with self._guard():
                channel.basic_ack(deliveries[-1][0], multiple=True)

    def close(self) -> None:
        """Close the connection; the broker re-queues what was not acknowledged."""
        connection, self._connection, self._channel = self._connection, None, None
        self._publisher = None
        if connection is not None and connection.is_open:
            with suppress(AMQPError, OSError):
                connection.close()

    def _take(
        self, channel: BlockingChannel, queue: str, limit: int, wait_seconds: float
    ) -> Iterator[tuple[int, bytes]]:
        stream: Any = channel.consume(queue, auto_ack=False, inactivity_timeout=wait_seconds)
        for taken, (method, _, body) in enumerate(stream, start=1):
            if method is None:
                return
            yield method.delivery_tag, body
            if taken >= limit or not channel.get_waiting_message_count():
                return

    def _open(self) -> BlockingChannel:
        if self._channel is None or not self._is_alive():
            self.close()
            self._connection = BlockingConnection(self._parameters)
            channel = self._connection.channel()
            declare(channel, self._names)
            channel.basic_qos(prefetch_count=PREFETCH)
            self._channel = channel
        return self._channel

    def _confirming(self) -> ConfirmingChannel:
        channel = self._open()
        if self._publisher is None:
            self._publisher = ConfirmingChannel(channel)
        return self._publisher

    def _is_alive(self) -> bool:
        """Answer the broker's heartbeats, and see whether it hung up while there was nothing to send."""
        with suppress(AMQPError, OSError):
            if self._connection is not None and self._channel is not None:
                self._connection.process_data_events(time_limit=0)
                return bool(self._channel.is_open)
        return False

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (AMQPError, AMQPConnectorException, OSError) as error:
            self.close()
            raise BusUnavailable(f"RabbitMQ: {type(error).__name__}.") from error


def _properties(source: str, message: Message) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type="application/json",
        delivery_mode=2,
        message_id=str(message.event_id),
        app_id=source,
    )


def connection_parameters(url: str) -> pika.URLParameters:
    """Return the parameters of a URL with the time limits without which pika waits for ever."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 10  # a silent peer is given up on after two to three of them
    parameters.blocked_connection_timeout = 10
    parameters.socket_timeout = 5
    parameters.stack_timeout = 10
    parameters.connection_attempts = 1
    return parameters


def declare(channel: BlockingChannel, names: Names) -> None:
    """Declare everything explicitly: brokers differ in their defaults for type, limit and overflow."""
    channel.exchange_declare(names.exchange, exchange_type="topic", durable=True)
    channel.exchange_declare(names.dead_letters, exchange_type="fanout", durable=True)
    channel.queue_declare(names.dead_letters, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(names.dead_letters, names.dead_letters)
    for service, sources in SUBSCRIPTIONS.items():
        channel.queue_declare(names.queue(service), durable=True, arguments=_queue_arguments(names))
        for source in sources:
            channel.queue_bind(names.queue(service), names.exchange, f"{source}.#")


def _queue_arguments(names: Names) -> dict[str, Any]:
    """Return the arguments of a service's queue. The dead-letter target is the last net behind parking."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": names.dead_letters,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": MAX_QUEUE_LENGTH,
    }
