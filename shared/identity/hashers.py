"""How passwords are hashed: argon2id, one at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from django.contrib.auth.hashers import Argon2PasswordHasher

from shared.errors import BellwetherError
from shared.http.waiting import THREADS, WAITERS

PASSES, MEMORY_KIB = 3, 65_536
# One of a web process's threads is always left for those who neither wait nor log in.
_ROOM = BoundedSemaphore(THREADS - WAITERS - 1)
_TURN = Lock()


class HasherBusy(BellwetherError):
    """Raised when as many log-ins as a process takes at a time are at work; one of them ends within a second."""

    status, slug, title = 429, "too-many-log-ins", "Too many log-ins at once"
    retry_after_seconds = 1


class Argon2id(Argon2PasswordHasher):
    """Argon2id with the memory and passes of RFC 9106's second choice, in one lane: about 0.15 s of one core."""

    time_cost = PASSES
    memory_cost = MEMORY_KIB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Return the hash. Raises HasherBusy."""
        with _one_at_a_time():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password is the one that was hashed. Raises HasherBusy."""
        with _one_at_a_time():
            return super().verify(password, encoded)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    if not _ROOM.acquire(blocking=False):
        raise HasherBusy("Other log-ins are being checked. Try again in a second.")
    try:
        with _TURN:
            yield
    finally:
        _ROOM.release()
