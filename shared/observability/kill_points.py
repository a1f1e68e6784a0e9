"""Named points at which a test may stop the process dead, as a power cut does: nothing is cleaned up.

A point costs one comparison unless the setting KILL_AT names one. Production refuses that setting.
"""

import signal
import threading
from dataclasses import dataclass
from itertools import count

# Each point with what is true when the process dies there.
POINTS: dict[str, str] = {
    "request.answered": "a keyed request's work is committed, its answer neither stored nor sent",
    "request.kept": "the answer of a keyed request is stored, the caller does not have it",
    "fetch.answered": "the provider's answer is read and not yet stored",
    "fetch.written": "bars are written, their event is not, nothing is committed",
    "fetch.recorded": "bars and event are written and not committed",
    "fetch.committed": "bars and event are committed, the caller has no answer",
    "relay.claimed": "the relay holds rows and has sent nothing",
    "relay.published": "messages are sent, the bus has not confirmed them",
    "relay.confirmed": "the bus confirmed, the rows are not marked",
    "relay.marked": "the rows are marked, that is not committed",
    "relay.committed": "the rows are marked for good",
    "consumer.delivered": "messages came and nothing is written",
    "consumer.projected": "effects are written, inbox rows are not, nothing is committed",
    "consumer.recorded": "effects and inbox rows are written and not committed",
    "consumer.committed": "effects are committed, the messages not settled",
    "consumer.settled": "the messages are settled",
    "job.rung": "a worker has the doorbell's message and not the job",
    "job.taken": "the job is leased and not begun",
    "job.done": "the result is written and not committed",
    "job.committed": "the result is committed, the doorbell's message not settled",
    "report.rendered": "the files are made and nothing is written",
}
SIGNALS = {"KILL": signal.SIGKILL, "STOP": signal.SIGSTOP}


@dataclass(frozen=True, slots=True, kw_only=True)
class KillAt:
    """At the `nth` time that `point` is reached the process sends itself `signal`."""

    point: str
    signal: signal.Signals
    nth: int


_armed: KillAt | None = None
_times = count(1)


def parse_kill_at(text: str) -> KillAt:
    """Return what `POINT`, `POINT:SIGNAL` or `POINT:SIGNAL:NTH` asks for. Raises ValueError."""
    point, _, rest = text.partition(":")
    name, _, nth = rest.partition(":")
    known = point in POINTS and (name or "KILL") in SIGNALS
    if not known or int(nth or 1) < 1:
        raise ValueError(f"{text!r} names no kill point or signal")
    return KillAt(point=point, signal=SIGNALS[name or "KILL"], nth=int(nth or 1))


def arm(kill_at: KillAt | None) -> None:
    """Have the process stopped at a point, or at none."""
    global _armed, _times
    _armed, _times = kill_at, count(1)


def reached(point: str) -> None:
    """Say that the process is at `point`; it does not return from the one that is armed."""
    if _armed is not None and _armed.point == point and next(_times) == _armed.nth:
        # To this very thread: else it would go on while another one takes the signal.
        signal.pthread_kill(threading.get_ident(), _armed.signal)
