"""The loops that keep a service moving; each runs until `stop` is set and survives every outage."""

import random
import time
from collections.abc import Callable
from threading import Event
from uuid import UUID

import structlog
from django.db import connections
from uuid6 import uuid7

from shared.eventstore.inbox import receive
from shared.eventstore.jobs import due_jobs
from shared.eventstore.outages import is_unavailable, require_writes
from shared.eventstore.reconcile import MOST_EVENTS, reconcile
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
    feeds, is_sound = SUBSCRIPTIONS.get(service, ()), Event()

    def step() -> int:
        # Nothing is taken while the database takes no writes: each return counts towards the broker's limit.
        if not is_sound.is_set():
            require_writes(service)
            is_sound.set()
        with bus.batch(service, limit=BATCH_EVENTS, wait_seconds=IDLE_SECONDS) as bodies:
            if bodies:
                reached("consumer.delivered")
            receive(service, bodies, pause=stop.wait, feeds=feeds)
            if bodies:
                reached("consumer.committed")
        if bodies:
            reached("consumer.settled")
        return len(bodies)

    def on_error() -> None:
        is_sound.clear()
        bus.close()

    _paced(f"consumer-{service}", service, step, stop, on_error=on_error)


def run_job_finder(service: str, doorbells: Doorbells, stop: Event) -> None:
    """Ring for jobs that are due: the only way without a broker, and the safety net with one."""

    def step() -> int:
        return sum(doorbells.ring(service, job_id) for job_id in due_jobs(service, limit=20))

    _paced(f"jobs-{service}", service, step, stop)


def run_tick(service: str, stop: Event) -> None:
    """Give back jobs of silent workers, take in events that the bus lost, and remove what has expired.

    Then do what the service's apps have registered, each thing at its own pace.
    """

    def release() -> None:
        release_expired(service)

    def take_in_what_the_bus_lost() -> None:
        sources, found = SUBSCRIPTIONS.get(service, ()), MOST_EVENTS
        while found >= MOST_EVENTS and not stop.is_set():
            found = reconcile(service, sources=sources, older_than_seconds=RECONCILE_SECONDS, pause=stop.wait)

    def remove() -> None:
        while remove_expired(service) >= BATCH and not stop.is_set():
            pass

    later = time.monotonic() + RECONCILE_SECONDS
    due_at = {Tick(work=release, every_seconds=0.0): 0.0}
    due_at |= {
        Tick(work=work, every_seconds=RECONCILE_SECONDS): later
        for work in (take_in_what_the_bus_lost, remove)
    }
    due_at |= dict.fromkeys(ticks_of(service), 0.0)
    while not stop.is_set():
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
        metrics.LOOP_ERRORS.labels(service, "tick").inc()
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
            expected = isinstance(error, BusUnavailable) or is_unavailable(error)
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
