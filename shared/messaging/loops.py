"""The loops that keep a service moving; each runs until `stop` is set and survives every outage."""

import random
import time
from collections.abc import Callable
from threading import Event
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connections
from uuid6 import uuid7

from shared.eventstore.inbox import receive
from shared.eventstore.jobs import due_jobs
from shared.eventstore.reconcile import reconcile
from shared.eventstore.ticks import Tick, ticks_of
from shared.eventstore.worker import release_expired
from shared.http.expiry import BATCH, remove_expired
from shared.messaging.bus import Bus, BusUnavailable
from shared.messaging.doorbell import Doorbells
from shared.messaging.postgres_bus import PostgresBus
from shared.messaging.rabbitmq_bus import RabbitBus
from shared.messaging.relay import relay_once
from shared.messaging.topology import SUBSCRIPTIONS, Names
from shared.observability import metrics
from shared.observability.correlation import Cause, caused_by
from shared.observability.kill_points import reached

BUSY_SECONDS, IDLE_SECONDS, QUIET_AFTER_SECONDS = 0.005, 0.25, 2.0
LONGEST_BACKOFF_SECONDS = 5.0
RECONCILE_SECONDS = 60.0
BATCH_EVENTS = 100
log = structlog.get_logger(__name__)


def make_bus(broker_url: str | None, names: Names) -> Bus:
    """Return a bus for one thread: RabbitMQ when there is a URL, else PostgreSQL."""
    return RabbitBus(broker_url, names) if broker_url else PostgresBus()


def run_relay(service: str, bus: Bus, stop: Event) -> None:
    """Move events from the outbox to the bus."""
    _paced(f"relay-{service}", service, lambda: relay_once(service, bus), stop, on_error=bus.close)


def run_consumer(service: str, bus: Bus, stop: Event) -> None:
    """Receive events from the bus."""
    feeds = SUBSCRIPTIONS.get(service, ())

    def step() -> int:
        # Nothing is taken while the database is away: each return counts towards the broker's delivery limit.
        connections[service].ensure_connection()
        with bus.batch(service, limit=BATCH_EVENTS, wait_seconds=IDLE_SECONDS) as bodies:
            if bodies:
                reached("consumer.delivered")
            receive(service, bodies, pause=stop.wait, feeds=feeds)
            if bodies:
                reached("consumer.committed")
        if bodies:
            reached("consumer.settled")
        return len(bodies)

    _paced(f"consumer-{service}", service, step, stop, on_error=bus.close)


def run_job_finder(service: str, doorbells: Doorbells, stop: Event) -> None:
    """Ring for jobs that are due: the only way without a broker, and the safety net with one."""

    def step() -> int:
        return sum(doorbells.ring(service, job_id) for job_id in due_jobs(service, limit=20))

    _paced(f"jobs-{service}", service, step, stop)


def run_tick(service: str, stop: Event) -> None:
    """Give back jobs of silent workers, take in events that the bus lost, and remove what has expired.

    Then do what the service's apps have registered, each thing at its own pace.
    """
    reconciled_at = time.monotonic()
    due_at = dict.fromkeys(ticks_of(service), reconciled_at)
    while not stop.is_set():
        try:
            release_expired(service)
            if time.monotonic() - reconciled_at >= RECONCILE_SECONDS:
                reconciled_at = time.monotonic()
                sources = SUBSCRIPTIONS.get(service, ())
                reconcile(service, sources=sources, older_than_seconds=RECONCILE_SECONDS, pause=stop.wait)
                while remove_expired(service) >= BATCH and not stop.is_set():
                    pass
        except Exception:  # a loop that ends by an error would stand still unseen
            log.warning("tick_error", service=service, exc_info=True)
            connections[service].close()
        for tick in due_at:
            if due_at[tick] <= time.monotonic() and not stop.is_set():
                _do(service, tick)
                due_at[tick] = time.monotonic() + tick.every_seconds
        stop.wait(1.0)
    connections.close_all()


def _do(service: str, tick: Tick) -> None:
    try:
        with caused_by(Cause(UUID(str(uuid7())))):
            tick.work()
    except Exception:  # the others go on, and this one is tried again in its turn
        log.warning("tick_error", service=service, work=tick.work.__qualname__, exc_info=True)
        connections[service].close()


def _paced(
    name: str,
    service: str,
    step: Callable[[], int],
    stop: Event,
    *,
    on_error: Callable[[], None] = lambda: None,
) -> None:
    """Repeat `step`: often while it moves something, seldom when it has been quiet, backing off on errors."""
    moved_at, failures = time.monotonic(), 0
    while not stop.is_set():
        try:
            moved, failures = step(), 0
        except Exception as error:  # a loop that ends by an error would stand still unseen
            failures += 1
            metrics.LOOP_ERRORS.labels(service, name.removesuffix(f"-{service}")).inc()
            expected = isinstance(error, (BusUnavailable, OperationalError, InterfaceError))
            log.warning("loop_error", loop=name, failures=failures, error=str(error), exc_info=not expected)
            on_error()
            connections[service].close()
            longest = min(LONGEST_BACKOFF_SECONDS, 0.1 * 2 ** min(failures, 10))
            stop.wait(longest * (0.5 + random.random() / 2))  # noqa: S311 spreads retries, hides nothing
            continue
        if moved:
            moved_at = time.monotonic()
        else:
            quiet = time.monotonic() - moved_at > QUIET_AFTER_SECONDS
            stop.wait(IDLE_SECONDS if quiet else BUSY_SECONDS)
    on_error()
    connections.close_all()
