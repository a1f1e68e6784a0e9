"""The embedded system for as long as one command needs it: PostgreSQL, settings, tables and a worker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local import postgres
from deploy.local.errors import ProcessFailed
from deploy.local.processes import ProcessSpec, last_lines, running_record
from deploy.local.signals import stop_signals_ignored
from deploy.local.state import StateFolder, open_state

STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A database that is ready for use, and the environment that child processes need to find it."""

    state: StateFolder
    environment: dict[str, str]


@contextmanager
def open_system() -> Iterator[System]:
    """Start or join PostgreSQL, load Django and bring the tables up to date; leave it all as it was found.

    Raises LauncherError when this machine cannot run it.
    """
    state = open_state(os.environ)
    with postgres.start(state=state, environment=os.environ) as server:
        os.environ["DATABASE_URL"] = server.url
        os.environ.setdefault("SECRET_KEY", state.secret("secret_key"))
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.local.settings")
        os.environ.setdefault("MPLCONFIGDIR", str(state.cache))
        environment = dict(os.environ)
        # What the command itself has to say it says in words; logs are for the long-running processes.
        os.environ.setdefault("LOG_LEVEL", "ERROR")
        os.environ.setdefault("LOG_JSON", "false")
        _load_django()
        yield System(state=state, environment=environment)


@contextmanager
def working(system: System) -> Iterator["Worker"]:
    """Give a worker: the one that `up` keeps, or one that lives as long as this block."""
    if running_record(system.state) is not None:
        yield Worker(process=None, log=system.state.logs / "worker.log")
        return
    log = system.state.logs / "command-worker.log"
    spec = worker_spec(system)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*spec.command, "--while-stdin-is-open"],  # so that it does not outlive a command that is killed
            env=dict(spec.environment),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Worker(process=process, log=log)
    finally:
        with stop_signals_ignored():
            _stop(process)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The worker process a command relies on; `process` is None when it is somebody else's."""

    process: "subprocess.Popen[bytes] | None"
    log: Path

    def check(self) -> None:
        """Raise ProcessFailed when our worker has ended."""
        if self.process is not None and (code := self.process.poll()) is not None:
            raise ProcessFailed(f"The worker ended with code {code}; {self.log} says: {last_lines(self.log)}")


def worker_spec(system: System) -> ProcessSpec:
    """Return how the worker process is started."""
    return ProcessSpec(
        name="worker",
        command=(sys.executable, "-m", "django", "run_roles"),
        environment=system.environment,
    )


def web_spec(system: System, *, port: int, workers: int) -> ProcessSpec:
    """Return how the web process is started: gunicorn on the loopback interface."""
    return ProcessSpec(
        name="web",
        command=(
            *(sys.executable, "-m", "gunicorn", "deploy.local.wsgi:application"),
            *("--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--threads", "4"),
            *("--timeout", "30", "--graceful-timeout", "8", "--max-requests", "10000"),
            *("--max-requests-jitter", "1000", "--no-control-socket"),
        ),
        environment=system.environment,
    )


def _load_django() -> None:
    import django

    django.setup()
    from deploy.postgres.migrate import migrate

    migrate()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
