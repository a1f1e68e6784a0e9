"""Rings the doorbell for a web process, which never waits for the broker."""

import threading
from queue import SimpleQueue
from uuid import UUID

from shared.messaging.doorbell import Doorbells

MOST_WAITING = 1_000


class BackgroundRing:
    """Rings from a thread of its own, begun with the first ring: so each process that a server forks has one.

    What cannot be rung for is forgotten, as the job loop of a worker finds the row without it: while the broker is
    away requests take no longer, and at most MOST_WAITING rings are kept.
    """

    def __init__(self, doorbells: Doorbells) -> None:
        self._doorbells = doorbells
        self._waiting: SimpleQueue[tuple[str, UUID]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def ring(self, service: str, job_id: UUID) -> None:
        """Have some worker look at the job soon."""
        if self._waiting.qsize() < MOST_WAITING:
            self._waiting.put((service, job_id))
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._ring_all, name="doorbell", daemon=True)
                self._thread.start()

    def _ring_all(self) -> None:
        while True:
            service, job_id = self._waiting.get()
            self._doorbells.ring(service, job_id)
