"""Which request or event the code now running belongs to."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

import structlog


@dataclass(frozen=True, slots=True)
class Cause:
    """What led here: `correlation_id` spans everything one request set off, `causation_id` is the last step."""

    correlation_id: UUID
    causation_id: UUID | None = None


_CURRENT: ContextVar[Cause | None] = ContextVar("bellwether_cause", default=None)


class NoCause(RuntimeError):
    """Raised when an event is appended outside of `caused_by`: enter it at the process boundary."""


@contextmanager
def caused_by(cause: Cause) -> Iterator[Cause]:
    """Set the cause of everything inside, for events, jobs and log lines alike."""
    token = _CURRENT.set(cause)
    with structlog.contextvars.bound_contextvars(
        correlation_id=str(cause.correlation_id),
        causation_id=str(cause.causation_id) if cause.causation_id else None,
    ):
        try:
            yield cause
        finally:
            _CURRENT.reset(token)


def current_cause() -> Cause:
    """Return the cause set by `caused_by`. Raises NoCause outside of it."""
    cause = _CURRENT.get()
    if cause is None:
        raise NoCause("No cause is set: wrap the entry point in `caused_by`.")
    return cause
