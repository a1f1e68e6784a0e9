"""Publishes many messages at once and waits for all of the broker's confirms together."""

import time
from collections.abc import Iterable
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError, UnroutableError

CONFIRM_SECONDS = 10.0
UNSENT_MESSAGES = 100  # kept in memory before they are written to the socket

# Note [Windows of confirms]
# pika's blocking channel waits for the confirm of each message by itself, at about 1,000 messages a second. The
# channel below it, which is what pika gives to asynchronous callers, reports confirms one by one as they come, so
# a whole window can be under way: about twenty times as many. Only this module reaches for it.


class ConfirmingChannel:
    """A channel of its own mode: nothing else may publish on it."""

    def __init__(self, channel: BlockingChannel) -> None:
        self._channel: Any = channel
        self._below: Any = channel._impl  # noqa: SLF001 see Note [Windows of confirms]
        self._last_tag = 0
        self._unconfirmed: set[int] = set()
        self._refused: Exception | None = None
        selected: list[object] = []
        self._below.add_on_return_callback(self._on_return)
        self._below.confirm_delivery(ack_nack_callback=self._on_confirm, callback=selected.append)
        self._wait(lambda: bool(selected))

    def publish(self, exchange: str, messages: Iterable[tuple[str, bytes, pika.BasicProperties]]) -> None:
        """Send every (routing key, body, properties) as a mandatory message, without waiting for confirms.

        Raises pika's errors of a lost connection.
        """
        for routing_key, body, properties in messages:
            self._last_tag += 1
            self._unconfirmed.add(self._last_tag)
            self._below.basic_publish(exchange, routing_key, body, properties, mandatory=True)
            if self._last_tag % UNSENT_MESSAGES == 0:
                self._channel._flush_output()  # noqa: SLF001
        self._channel._flush_output()  # noqa: SLF001

    def wait_for_confirms(self) -> None:
        """Return once the broker has confirmed everything published.

        Raises NackError, UnroutableError, TimeoutError and pika's errors of a lost connection; some messages may
        be safe with the broker then.
        """
        self._wait(lambda: not self._unconfirmed)
        if self._refused is not None:
            raise self._refused

    def _wait(self, is_over: Any) -> None:
        give_up_at = time.monotonic() + CONFIRM_SECONDS
        # pika looks again at the latest with the next heartbeat.
        self._channel._flush_output(lambda: is_over() or time.monotonic() > give_up_at)  # noqa: SLF001
        if not is_over():
            raise TimeoutError(f"The broker confirmed nothing within {CONFIRM_SECONDS:.0f} s.")

    def _on_confirm(self, frame: Any) -> None:
        confirmed = frame.method
        if confirmed.multiple:
            self._unconfirmed = {tag for tag in self._unconfirmed if tag > confirmed.delivery_tag}
        else:
            self._unconfirmed.discard(confirmed.delivery_tag)
        if isinstance(confirmed, pika.spec.Basic.Nack):
            self._refused = NackError([])

    def _on_return(self, _channel: object, _method: object, _properties: object, _body: object) -> None:
        self._refused = UnroutableError([])
