"""A real worker process for tests, and waiting without sleeping blindly."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 40.0


@contextmanager
def worker_process(*, broker_url: str | None, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the embedded worker on the test's database and bus; stop it at the end if it still runs."""
    environment = {**os.environ, "LOG_LEVEL": "WARNING"}
    environment.pop("BROKER_URL", None)
    if broker_url:
        environment["BROKER_URL"] = broker_url
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "run_roles"],
            cwd=CHECKOUT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)


def wait_until(what: Callable[[], bool], *, saying: str) -> None:
    """Return once `what()` is true; fail after the time that nothing healthy needs."""
    pause = threading.Event()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        if time.monotonic() > deadline:
            raise AssertionError(f"{saying} did not come true in {PATIENCE_SECONDS:.0f} s")
        pause.wait(0.02)
