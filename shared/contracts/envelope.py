"""What travels with every event, and the bytes that a bus carries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from shared.contracts.codec import MalformedEvent, dumps, from_json, loads, to_json

MAX_VERSION = 2**31 - 1
_NAMESPACE = UUID("6d1f2f0e-3a52-4a0c-9d4b-1c1f4f3f6b57")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One event with its place and its origin.

    `version` counts from 1 within `stream` of `source`, without gaps. `correlation_id` is shared by all that
    follows from one request; `causation_id` is the event or job that led to this one.
    """

    event_id: UUID
    source: str
    stream: str
    version: int
    type: str
    schema_version: int
    data: dict[str, Any]
    correlation_id: UUID
    causation_id: UUID | None
    occurred_at: datetime

    def to_bytes(self) -> bytes:
        """Return the body a bus carries: canonical JSON."""
        return dumps(to_json(self))

    @classmethod
    def from_bytes(cls, body: bytes) -> "Envelope":
        """Return the envelope of a body. Raises MalformedEvent or OversizeEvent on anything else."""
        envelope = from_json(cls, loads(body))
        in_range = 1 <= envelope.version <= MAX_VERSION
        if not in_range or envelope.event_id != event_id(envelope.source, envelope.stream, envelope.version):
            raise MalformedEvent("The event's id does not belong to its place in its stream.")
        return envelope


def event_id(source: str, stream: str, version: int) -> UUID:
    """Return the id of the event at one place: the same place always has the same id.

    So an id needs no randomness, and two bodies for one place are seen as a conflict of ids.
    """
    return uuid5(_NAMESPACE, f"{source}/{stream}/{version}")
