"""Moves everything that is pending, in this process: what workers, relays and consumers do in theirs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from django.db import connections

from shared.eventstore.inbox import receive
from shared.eventstore.jobs import due_jobs
from shared.eventstore.worker import run_job
from shared.messaging.postgres_bus import PostgresBus
from shared.messaging.relay import relay_once
from shared.messaging.topology import SUBSCRIPTIONS
from shared.settings.databases import SERVICES

LEASE_SECONDS = 60


def drain_everything(services: tuple[str, ...] = SERVICES) -> None:
    """Run all due jobs, send all events and receive them, until nothing of `services` moves any more."""
    bus = PostgresBus()
    try:
        while sum(_moved(service, bus) for service in services):
            pass
    finally:
        bus.close()


def _moved(service: str, bus: PostgresBus) -> int:
    jobs = due_jobs(service, limit=100)
    for job_id in jobs:
        run_job(service, job_id, lease_seconds=LEASE_SECONDS)
    sent = relay_once(service, bus)
    if service not in SUBSCRIPTIONS:
        return len(jobs) + sent
    with bus.batch(service, limit=100, wait_seconds=0) as bodies:
        receive(service, bodies, pause=Event().wait)
    return len(jobs) + sent + len(bodies)


@contextmanager
def draining(services: tuple[str, ...] = SERVICES) -> Iterator[None]:
    """Move what becomes pending meanwhile, from a thread of its own, as while a request waits for its work."""
    over = Event()

    def drain() -> None:
        while not over.wait(0.02):
            drain_everything(services)
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(drain)
        try:
            yield
        finally:
            over.set()
            moving.result()
