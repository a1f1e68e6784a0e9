"""Work that a service looks for now and then: each function finds in its rows what is due."""

from collections.abc import Callable
from dataclasses import dataclass

type Work = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What to do about every so many seconds. It may be done twice or late, by any process."""

    work: Work
    every_seconds: float


_TICKS: dict[str, list[Tick]] = {}


def register_tick(service: str, work: Work, *, every_seconds: float = 60.0) -> None:
    """Have the tick of `service` call a function; called at the foot of an app's `tasks.py`."""
    _TICKS.setdefault(service, []).append(Tick(work=work, every_seconds=every_seconds))


def ticks_of(service: str) -> tuple[Tick, ...]:
    """Return what the tick of a service does."""
    return tuple(_TICKS.get(service, ()))
