import os
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from uuid import UUID

import pika
import psycopg
import pytest
from pika.exceptions import ChannelClosedByBroker

from shared.messaging.bus import Bus
from shared.messaging.topology import SUBSCRIPTIONS, Names
from shared.settings.databases import SERVICES

NAMES = Names(os.environ["BROKER_NAMESPACE"])
QUEUES = [*(NAMES.queue(service) for service in SUBSCRIPTIONS), NAMES.dead_letters]
JOB_QUEUES = [f"{NAMES.jobs(service)}{kind}" for service in SERVICES for kind in ("", ".DQ", ".XQ")]


@pytest.fixture
def tally(
    db: psycopg.Connection, cause: UUID, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection]:
    """Set up the event store's test domain, inside a request; give the owner's connection."""
    from shared.eventstore.tests.tally import installed

    with installed(db, monkeypatch):
        yield db


@pytest.fixture
def names() -> Names:
    """Give the names of this test run on the broker."""
    return NAMES


@pytest.fixture(scope="session")
def _namespace() -> Iterator[Callable[[str], None]]:
    """Give a function that notes the broker in use; at the end everything of this test run is deleted there."""
    used: set[str] = set()
    yield used.add
    for url in used:
        with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
            channel = connection.channel()
            for queue in QUEUES + JOB_QUEUES:
                channel.queue_delete(queue)
            for exchange in (NAMES.exchange, NAMES.dead_letters):
                channel.exchange_delete(exchange)


@pytest.fixture
def _clean_broker(
    request: pytest.FixtureRequest, _namespace: Callable[[str], None]
) -> Iterator[Callable[[str], None]]:
    """Give a function that empties a broker's queues now; they are emptied again at the end of the test."""
    used: set[str] = set()

    def clean(url: str) -> None:
        _namespace(url)
        used.add(url)
        _purge(url)

    yield clean
    for url in used:
        _purge(url)


def _purge(url: str) -> None:
    with closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        for queue in QUEUES + JOB_QUEUES:
            with suppress(ChannelClosedByBroker):
                connection.channel().queue_purge(queue)


@pytest.fixture
def clean_url(broker_url: str, _clean_broker: Callable[[str], None]) -> str:
    """Give the URL of a RabbitMQ whose queues are empty."""
    _clean_broker(broker_url)
    return broker_url


@pytest.fixture
def open_bus(bus_url: str | None, _clean_broker: Callable[[str], None]) -> Iterator[Callable[[], Bus]]:
    """Give a function that opens one more bus, of the kind the test is run for; all are closed at its end."""
    from shared.messaging.loops import make_bus

    if bus_url:
        _clean_broker(bus_url)
    opened: list[Bus] = []

    def open_one() -> Bus:
        opened.append(make_bus(bus_url, NAMES))
        return opened[-1]

    yield open_one
    for bus in opened:
        bus.close()
