"""Waiting for work inside a request, within bounds: waiters must never take a web process's last thread."""

import re
import threading
import time
from collections.abc import Callable

WAITERS = 4  # of the requests a process answers at a time; see THREADS
THREADS = 2 * WAITERS
DEFAULT_SECONDS, LONGEST_SECONDS = 2.0, 25.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, _GROWTH = 0.01, 0.2, 1.5
_SLOTS = threading.BoundedSemaphore(WAITERS)
_WAIT = re.compile(r'wait\s*=\s*"?([0-9]{1,9})"?', re.IGNORECASE)


def wait_until[S](look: Callable[[], S], is_over: Callable[[S], bool], *, seconds: float) -> S:
    """Return what `look` gives once `is_over` holds of it, or as it is when the time is over.

    When as many requests wait already as may, that is at once.
    """
    found = look()
    if is_over(found) or seconds <= 0 or not _SLOTS.acquire(blocking=False):
        return found
    try:
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
        while not is_over(found) and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * _GROWTH, _LONGEST_PAUSE_SECONDS)
            found = look()
        return found
    finally:
        _SLOTS.release()


def preferred_wait(header: str) -> int | None:
    """Return the seconds that a `Prefer` header (RFC 7240) asks to wait, at most 25; None when it asks nothing.

    Other preferences and malformed ones are ignored, as the RFC has it; of several the first counts.
    """
    for preference in header.split(","):
        if found := _WAIT.fullmatch(preference.partition(";")[0].strip()):
            return min(int(found[1]), int(LONGEST_SECONDS))
    return None
