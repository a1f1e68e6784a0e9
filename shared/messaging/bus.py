"""What both buses promise; one contract suite holds them to it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.errors import BellwetherError


class BusUnavailable(BellwetherError):
    """Raised when the bus cannot be reached or did not confirm; nothing is lost, try again later."""

    status, slug, title = 503, "bus-unavailable", "The message bus does not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event on its way out."""

    event_id: UUID
    routing_key: str
    body: bytes


class Bus(Protocol):
    """Carries message bodies from one service's outbox to the consumers that subscribe to it."""

    def publish(self, source: str, messages: Sequence[Message]) -> None:
        """Return once every message is safe with the bus. Raises BusUnavailable; some may then be safe."""

    def batch(
        self, service: str, *, limit: int, wait_seconds: float
    ) -> AbstractContextManager[Sequence[bytes]]:
        """Give up to `limit` bodies in order, none when nothing came within `wait_seconds`.

        Leaving the block settles them; leaving it by an exception gives them back.
        """

    def close(self) -> None:
        """Drop the connection; unsettled messages go back to the bus."""
