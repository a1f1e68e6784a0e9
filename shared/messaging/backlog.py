"""What waits in a service and on the bus, read within seconds or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pika
from django.db import connections
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelClosedByBroker

from shared.messaging.bus import BusUnavailable
from shared.messaging.rabbitmq_bus import connection_parameters
from shared.messaging.topology import SUBSCRIPTIONS, Names

LONGEST_SECONDS = 2
JOB_STATES = ("queued", "running", "waiting_quota")

# Each count has a partial index of just the rows it counts.
_WAITING = """
SELECT (SELECT count(*) FROM outbox WHERE sent_at IS NULL),
    (SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM outbox WHERE sent_at IS NULL
        ORDER BY position LIMIT 1),
    (SELECT count(*) FROM inbox WHERE state = 'waiting'),
    (SELECT count(*) FROM parked WHERE resolution IS NULL),
    (SELECT extract(epoch FROM now() - min(run_after))::float8 FROM job
        WHERE state IN ('queued', 'waiting_quota') AND run_after <= now()),
    (SELECT count(*) FROM job WHERE state = 'queued'),
    (SELECT count(*) FROM job WHERE state = 'running'),
    (SELECT count(*) FROM job WHERE state = 'waiting_quota')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What one service has not done yet, at an instant; ages are in seconds, and 0 where nothing waits.

    `queued` is what the PostgreSQL bus holds for it: None where that is not its bus, or it hears of nobody.
    """

    unsent: int
    unsent_seconds: float
    waiting: int
    parked: int
    due_seconds: float
    jobs: Mapping[str, int]
    queued: int | None


def backlog_of(service: str, *, broker_url: str | None) -> Backlog:
    """Count it. Raises the database's errors, and OperationalError after two seconds without an answer."""
    with _impatient_cursor(service) as cursor:
        cursor.execute(_WAITING)
        unsent, unsent_seconds, waiting, parked, due_seconds, *jobs = cursor.fetchone()
        queued = None
        if broker_url is None and service in SUBSCRIPTIONS:
            cursor.execute("SELECT count(*) FROM bus.delivery WHERE consumer = %s", [service])
            queued = cursor.fetchone()[0]
    return Backlog(
        unsent=unsent,
        unsent_seconds=max(0.0, unsent_seconds or 0.0),
        waiting=waiting,
        parked=parked,
        due_seconds=due_seconds or 0.0,
        jobs=dict(zip(JOB_STATES, jobs, strict=True)),
        queued=queued,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerBacklog:
    """How many messages wait in each service's queue, and how many RabbitMQ gave up on; of queues that exist."""

    queued: Mapping[str, int]
    dead_letters: int


def backlog_of_broker(broker_url: str, names: Names, services: Sequence[str]) -> BrokerBacklog:
    """Count them. Raises BusUnavailable."""
    parameters = connection_parameters(broker_url)
    parameters.socket_timeout = parameters.stack_timeout = LONGEST_SECONDS
    parameters.blocked_connection_timeout = parameters.heartbeat = LONGEST_SECONDS
    queues = {names.queue(service): service for service in SUBSCRIPTIONS.keys() & services}
    found: dict[str, int] = {}
    try:
        with closing(pika.BlockingConnection(parameters)) as connection:
            for queue in (*queues, names.dead_letters):
                with suppress(ChannelClosedByBroker):
                    declared = connection.channel().queue_declare(queue, passive=True)
                    found[queue] = declared.method.message_count
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise BusUnavailable(f"RabbitMQ: {type(error).__name__}.") from error
    return BrokerBacklog(
        queued={service: found[queue] for queue, service in queues.items() if queue in found},
        dead_letters=found.get(names.dead_letters, 0),
    )


@contextmanager
def _impatient_cursor(service: str) -> Iterator[Any]:
    """Give a cursor of a connection of its own, which waits for nothing longer than two seconds."""
    connection = connections[service].copy()
    options = connection.settings_dict["OPTIONS"]
    options["options"] += f" -c statement_timeout={LONGEST_SECONDS}s"
    options |= {"connect_timeout": LONGEST_SECONDS, "tcp_user_timeout": LONGEST_SECONDS * 1000}
    with closing(connection), connection.cursor() as cursor:
        yield cursor
