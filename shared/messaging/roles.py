"""Starts the roles of a process: relay, consume, work and tick, for one service or for all of them."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

import dramatiq
import structlog

from shared.eventstore.jobs import on_enqueue, prepare_to_work
from shared.messaging.doorbell import Doorbells
from shared.messaging.loops import make_bus, run_consumer, run_job_finder, run_relay, run_tick
from shared.messaging.topology import SUBSCRIPTIONS, Names

STOP_SECONDS = 4.5  # for the jobs in hand, and once more for the loops
ROLES = ("relay", "consume", "work", "tick")
log = structlog.get_logger(__name__)


def run_roles(
    roles: Sequence[str],
    *,
    services: Sequence[str],
    broker_url: str | None,
    names: Names,
    lease_seconds: float,
    job_threads: int,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Run until SIGTERM or SIGINT, then end everything that was begun within ten seconds."""
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    worker = None
    threads = [
        thread
        for service in services
        for thread in _loops(service, roles, broker_url=broker_url, names=names, stop=stop)
    ]
    if "work" in roles:
        doorbells = Doorbells(broker_url, names=names, services=services, lease_seconds=lease_seconds)
        on_enqueue(doorbells.ring)
        worker = dramatiq.Worker(doorbells.broker, worker_threads=job_threads, worker_timeout=100)
        worker.start()
        threads += [_thread("jobs", run_job_finder, service, doorbells, stop) for service in services]
        threads += [_thread("prepare", prepare_to_work, service) for service in services]
    for thread in threads:
        thread.start()
    log.info("roles_started", roles=list(roles), services=list(services))
    ready()
    while not stop.wait(1.0):
        pass
    if worker is not None:
        worker.stop(timeout=int(1000 * STOP_SECONDS))
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(timeout=max(0.0, deadline - time.monotonic()))
    log.info("roles_stopped")


def _loops(
    service: str, roles: Sequence[str], *, broker_url: str | None, names: Names, stop: threading.Event
) -> list[threading.Thread]:
    loops = []
    if "relay" in roles:
        loops.append(_thread("relay", run_relay, service, make_bus(broker_url, names), stop))
    if "consume" in roles and service in SUBSCRIPTIONS:
        loops.append(_thread("consume", run_consumer, service, make_bus(broker_url, names), stop))
    if "tick" in roles:
        loops.append(_thread("tick", run_tick, service, stop))
    return loops


def _thread(role: str, target: Callable[..., None], service: str, *rest: object) -> threading.Thread:
    return threading.Thread(target=target, args=(service, *rest), name=f"{role}-{service}", daemon=True)
