"""File locks of the kernel: they vanish with the process that holds them, however it ends.

Note [Locks instead of pid files]
A pid file outlives a crash and its number may belong to another program by then. A lock cannot lie, so who
runs is asked of locks, and pids are only used to send a signal to a process that a lock has shown to live.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FileLock:
    """A lock on one file, held through one open file description."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def fileno(self) -> int:
        """Return the descriptor; a child process that inherits it holds the lock too."""
        return self._descriptor

    def share(self) -> None:
        """Hold the lock together with other sharers, after waiting for an exclusive holder."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Return True when the lock is now held by this object alone; a share held before is given up."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go; the lock stays held while a child process still has the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextmanager
def opened(path: Path) -> Iterator[FileLock]:
    """Open the lock file without taking the lock, and close it at the end."""
    lock = FileLock(path)
    try:
        yield lock
    finally:
        lock.close()
