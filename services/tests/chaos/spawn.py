"""Real processes that start fast: each is forked from a server that has loaded libraries, and nothing of ours.

What runs in it is what `python -m django run_roles ...` runs, from reading the environment on. So a signal
meets a true process, and the tests need not wait for the same imports again and again.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from services.tests.processes import wait_until

# None of these reads Django's settings: each process is to read its own.
LIBRARIES = [
    *("numpy", "psycopg", "pika", "dramatiq.brokers.rabbitmq", "dramatiq.brokers.stub", "structlog", "uuid6"),
    *("django.core.management", "django.contrib.postgres.fields", "django.db.backends.postgresql.base"),
    *("django.contrib.admin", "django.contrib.staticfiles.handlers", "django.test.signals", "environ"),
    *(
        "rest_framework.serializers",
        "corsheaders.middleware",
        "whitenoise.middleware",
        "argon2",
        "jsonschema",
    ),
    *("requests", "gunicorn.app.wsgiapp", "gunicorn.workers.gthread"),
]
KILLED = -signal.SIGKILL
_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(LIBRARIES)


class Child:
    """A process under test."""

    def __init__(self, program: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self.environment = dict(environment)
        self._process: BaseProcess = _server.Process(
            target=_run, args=(list(program), self.environment, str(log)), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Return its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def is_alive(self) -> bool:
        """Return whether it still runs, or is stopped."""
        return self._process.is_alive()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it is gone."""
        if self.is_alive():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self.send(signal.SIGKILL)
        self._process.join()

    def terminate(self) -> None:
        """Ask it to stop, and return once it did; fail when it takes longer than it may."""
        self.send(signal.SIGTERM)
        assert self.wait(seconds=30) == 0, self.tail()

    def wait(self, *, seconds: float = 30.0) -> int:
        """Return its exit code once it ended by itself, negative for a signal; fail when it does not."""
        self._process.join(timeout=seconds)
        code = self._process.exitcode
        assert code is not None, f"process {self.pid} did not end in {seconds} s: {self.tail()}"
        return code

    def wait_until_stopped(self) -> None:
        """Return once a SIGSTOP has halted it."""
        wait_until(lambda: self._state() == "T", saying=f"a halt ({self.tail()})")

    def wait_until_ready(self) -> None:
        """Return once its roles have started."""
        self.wait_until_it_says("roles_started")

    def wait_until_it_says(self, text: str) -> None:
        """Return once a text stands in its log."""
        wait_until(lambda: self.log.exists() and text in self.log.read_text(), saying=f"{text!r} in the log")

    def tail(self) -> str:
        """Return the end of what it wrote."""
        return self.log.read_text()[-2000:] if self.log.exists() else ""

    def _state(self) -> str:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return ""


def _run(program: list[str], environment: dict[str, str], log: str) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = program
    runpy.run_module(program[0], run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    """Go when the tests are gone, however they went."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
