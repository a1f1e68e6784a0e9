"""dramatiq as a doorbell: a message names a job, the job row says what is to be done.

There are no long delays, no retries and no priorities in the broker: what is due later, or again, is a row
that the job loop finds.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import dramatiq
import structlog
from django.db import close_old_connections, connections
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.common import xq_name
from dramatiq.middleware import Middleware, TimeLimit

from shared.eventstore.worker import run_job
from shared.messaging.rabbitmq_bus import connection_parameters
from shared.messaging.topology import DELIVERY_LIMIT, Names
from shared.observability.kill_points import reached

JOB_LIMIT_MILLISECONDS = 8 * 60 * 1000
RING_AGAIN_SECONDS = 30.0  # another process may have taken the ring, and died with it
DEAD_DOORBELL_MILLISECONDS = 7 * 24 * 3600 * 1000
log = structlog.get_logger(__name__)


class QuorumBroker(RabbitmqBroker):
    """RabbitMQ with queues of an explicit type and limit, which dramatiq itself never names."""

    def __init__(self, *, url: str, middleware: list[Middleware]) -> None:
        super().__init__(url=url, confirm_delivery=True, middleware=middleware)
        self.parameters = connection_parameters(url)  # with limits on every wait

    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
        return {
            **super()._build_queue_arguments(queue_name),  # type: ignore[no-untyped-call]
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
        }

    def _declare_xq_queue(self, queue_name: str) -> Any:
        return self.channel.queue_declare(
            queue=xq_name(queue_name),
            durable=True,
            arguments={"x-queue-type": "quorum", "x-message-ttl": DEAD_DOORBELL_MILLISECONDS},
        )


class FreshConnections(Middleware):
    """Drops a thread's old or broken database connections around every message."""

    def before_process_message(self, broker: Any, message: Any) -> None:
        """Start with connections that work."""
        close_old_connections()

    def before_worker_thread_shutdown(self, broker: Any, thread: Any) -> None:
        """Leave nothing open when the worker ends."""
        connections.close_all()

    def after_process_message(self, broker: Any, message: Any, **outcome: Any) -> None:
        """Leave no broken connection behind."""
        close_old_connections()


class Doorbells:
    """One actor and one queue for each service, on RabbitMQ or, without a URL, inside this process."""

    def __init__(
        self,
        broker_url: str | None,
        *,
        names: Names,
        services: Sequence[str],
        lease_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        middleware: list[Middleware] = [TimeLimit(time_limit=JOB_LIMIT_MILLISECONDS), FreshConnections()]
        self.broker: dramatiq.Broker = (
            QuorumBroker(url=broker_url, middleware=middleware)
            if broker_url
            else StubBroker(middleware=middleware)
        )
        self._clock = clock
        self._rung_at: dict[UUID, float] = {}
        self._lock = threading.Lock()
        self._actors = {
            service: self._actor(service, names.jobs(service), lease_seconds) for service in services
        }

    def ring(self, service: str, job_id: UUID) -> bool:
        """Have some worker look at the job, and return whether it was rung for.

        What was rung a short while ago and not looked at here is not rung again.
        """
        now = self._clock()
        with self._lock:
            if now - self._rung_at.get(job_id, -RING_AGAIN_SECONDS) < RING_AGAIN_SECONDS:
                return False
            self._rung_at = {rung: at for rung, at in self._rung_at.items() if now - at < RING_AGAIN_SECONDS}
            self._rung_at[job_id] = now
        try:
            self._actors[service].send(str(job_id))
        except Exception:  # the doorbell is a courtesy: the job loop finds the row without it
            self._forget(job_id)
            log.warning("doorbell_failed", service=service, exc_info=True)
        return True

    def _forget(self, job_id: UUID) -> None:
        with self._lock:
            self._rung_at.pop(job_id, None)

    def _actor(self, service: str, queue: str, lease_seconds: float) -> Any:
        def look(job_id: str) -> None:
            reached("job.rung")
            try:
                run_job(service, UUID(job_id), lease_seconds=lease_seconds)
            finally:
                self._forget(UUID(job_id))

        declare = dramatiq.actor(actor_name=f"run_{service}_job", queue_name=queue, broker=self.broker)
        return declare(look)
