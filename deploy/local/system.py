"""The embedded system for as long as one command needs it: PostgreSQL, settings, tables and a worker."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import postgres
from deploy.local.addresses import bracketed, host_here, hosts_of
from deploy.local.checkout import CHECKOUT
from deploy.local.errors import ProcessFailed
from deploy.local.processes import ProcessSpec, last_lines, running_record
from deploy.local.signals import stop_signals_ignored
from deploy.local.state import StateFolder, open_state
from shared.http.waiting import THREADS
from shared.settings.env import is_given, read

STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A database that is ready for use, and the environment that child processes need to find it."""

    state: StateFolder
    environment: dict[str, str]


_opened: ContextVar[System | None] = ContextVar("_opened", default=None)


@contextmanager
def open_system(*, quiet: bool = True) -> Iterator[System]:
    """Start or join PostgreSQL, load Django and bring the tables up to date; leave it all as it was found.

    Inside another such block it is that one. What a `quiet` command has to say it says in words; logs are for
    processes that run on, and in this one they are for people. Raises LauncherError when this machine cannot run it, and WrongSetting.
    """
    if (opened := _opened.get()) is not None:
        yield opened
        return
    state = open_state(os.environ)
    _settle(read(os.environ), state)
    with postgres.start(state=state, environment=os.environ) as server:
        os.environ["DATABASE_URL"] = server.url
        environment = {**os.environ, "PYTHONPATH": _python_path()}
        if quiet:
            os.environ.setdefault("LOG_LEVEL", "ERROR")
        os.environ.setdefault("LOG_JSON", "false")
        _load_django()
        system = System(state=state, environment=environment)
        token = _opened.set(system)
        try:
            yield system
        finally:
            _opened.reset(token)


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
        environment=_counting_together(system),
    )


def web_spec(system: System, *, bind: str, port: int, workers: int) -> ProcessSpec:
    """Return how the web process is started: gunicorn on this address."""
    return ProcessSpec(
        name="web",
        command=(
            *(sys.executable, "-m", "gunicorn", "deploy.local.wsgi:application"),
            *("--bind", f"{bracketed(bind)}:{port}", "--workers", str(workers), "--threads", str(THREADS)),
            *("--timeout", "30", "--graceful-timeout", "8", "--max-requests", "10000"),
            *("--max-requests-jitter", "1000", "--no-control-socket"),
            *("--limit-request-line", "8190"),  # so that overlong addresses are answered as any other
            # Else whoever calls from loopback sets the scheme and SCRIPT_NAME; TRUSTED_PROXIES says who is believed.
            *("--forwarded-allow-ips", ""),
        ),
        environment=_counting_together(system),
    )


def forget_counts(state: StateFolder) -> None:
    """Begin anew with what Prometheus is told; none of the processes that count may run."""
    for path in state.counts.iterdir():
        path.unlink()


def _counting_together(system: System) -> dict[str, str]:
    """Return the environment in which the web's /metrics tells of the worker too, and of processes that ended."""
    return {**system.environment, "PROMETHEUS_MULTIPROC_DIR": str(system.state.counts)}


def _settle(values: Mapping[str, Any], state: StateFolder) -> None:
    """Put into the environment what the settings leave open, so that this process and its children agree."""
    if values["DATABASE_URL"] is not None:
        os.environ["DATABASE_URL"] = values["DATABASE_URL"]
    if values["SECRET_KEY"] is None:
        os.environ["SECRET_KEY"] = state.secret("secret_key")
    os.environ.setdefault("CREDENTIALS_FOLDER", str(state.secrets))
    bind = values["BELLWETHER_BIND"]
    others = () if is_given("ALLOWED_HOSTS", os.environ) else hosts_of(bind)
    # Whatever names the owner permits, the check whether the system is ready comes from this machine.
    os.environ["ALLOWED_HOSTS"] = ",".join(
        dict.fromkeys((*values["ALLOWED_HOSTS"], *others, host_here(bind)))
    )
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.local.settings")
    os.environ.setdefault("MPLCONFIGDIR", str(state.cache))


def _python_path() -> str:
    """Return where child processes find our packages, also where they are not installed."""
    return os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))


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
