"""Who listens to whom, and what exchanges and queues are called.

Names carry a version, because a queue's type can never change under one name, and begin with a namespace, so
that several installations (or test runs) can share a broker.
"""

from dataclasses import dataclass

SUBSCRIPTIONS: dict[str, tuple[str, ...]] = {"analytics": ("ingest",), "reports": ("analytics",)}

DELIVERY_LIMIT = 20
MAX_QUEUE_LENGTH = 1_000_000


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one installation."""

    namespace: str = "bellwether"

    @property
    def exchange(self) -> str:
        """Return the topic exchange that all events are published to."""
        return f"{self.namespace}.events.v1"

    @property
    def dead_letters(self) -> str:
        """Return the exchange and queue of messages that the broker gave up on."""
        return f"{self.namespace}.dead.v1"

    def queue(self, service: str) -> str:
        """Return the queue that one service's consumers share."""
        return f"{self.namespace}.{service}.v1"

    def jobs(self, service: str) -> str:
        """Return the queue on which a service's doorbell rings."""
        return f"{self.namespace}.jobs.{service}.v1"


def subscribers_of(source: str) -> tuple[str, ...]:
    """Return the services that receive the events of `source`."""
    return tuple(service for service, sources in SUBSCRIPTIONS.items() if source in sources)
