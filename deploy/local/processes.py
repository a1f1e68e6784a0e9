"""The processes behind `up`: start them, watch them, stop all of them and nothing else."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from deploy.local.errors import AlreadyRunning, ProcessFailed
from deploy.local.locks import FileLock, opened
from deploy.local.process_record import Identity, Record, read_record, remove_record, write_record
from deploy.local.readiness import answers_ready, require_free_port
from deploy.local.signals import stop_signals_ignored
from deploy.local.state import StateFolder

GRACE_SECONDS = 10.0
POLL_SECONDS = 0.05
RESTARTS_PERMITTED = 3
RESTART_WINDOW_SECONDS = 60.0

# A Popen that is forgotten while its process lives warns; those meant to outlive us are kept here.
_kept: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """A process to run: its output goes to `<name>.log` in the state folder."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class _Child:
    spec: ProcessSpec
    log: Path
    process: subprocess.Popen[bytes]
    restarted_at: list[float] = field(default_factory=list)


class Supervisor:
    """Runs processes on one state folder until it is interrupted; one supervisor at a time.

    Entering raises `AlreadyRunning` when another lives, stops what a killed one left behind, and raises
    `PortTaken` when another program listens on the URL's port.
    Leaving stops every process: SIGTERM, ten seconds of grace, then SIGKILL.
    """

    def __init__(self, *, state: StateFolder, url: str) -> None:
        self._state = state
        self._url = url
        self._children: list[_Child] = []
        self._lock = FileLock(state.run / "up.lock")

    def __enter__(self) -> Self:
        try:
            _clear_the_way(self._state, self._lock, self._url)
        except BaseException:
            self._lock.close()
            raise
        self._write_record()
        return self

    def __exit__(self, *_: object) -> None:
        with stop_signals_ignored():
            for child in self._children:
                _signal(child.process.pid, signal.SIGTERM)
            deadline = time.monotonic() + GRACE_SECONDS
            for child in self._children:
                _finish(child.process, deadline)
            remove_record(self._state)
            self._lock.close()

    def spawn(self, spec: ProcessSpec) -> None:
        """Start a process in a group of its own, so that Ctrl-C reaches only the supervisor."""
        log = self._state.logs / f"{spec.name}.log"
        self._children.append(_Child(spec=spec, log=log, process=_launch(spec, log)))
        self._write_record()

    def wait_until_ready(self, *, timeout_seconds: float = 60.0) -> None:
        """Return once `/readyz` answers 200; raises `ProcessFailed` when a process ends or time runs out."""
        deadline = time.monotonic() + timeout_seconds
        while not answers_ready(self._url):
            for child in self._children:
                if (code := child.process.poll()) is not None:
                    raise _failure(child.spec.name, f"ended with code {code} while starting", child.log)
            if time.monotonic() > deadline:
                logs = ", ".join(str(child.log) for child in self._children)
                raise ProcessFailed(
                    f"{self._url}/readyz did not answer 200 in {timeout_seconds:.0f} s: see {logs}."
                )
            time.sleep(POLL_SECONDS)

    def run_until_stopped(self, *, report: Callable[[str], None]) -> None:
        """Watch the processes until KeyboardInterrupt; start one again that ends, but not over and over."""
        try:
            while True:
                for child in self._children:
                    if (code := child.process.poll()) is not None:
                        self._restart(child, code, report)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            return

    def _restart(self, child: _Child, code: int, report: Callable[[str], None]) -> None:
        now = time.monotonic()
        child.restarted_at = [at for at in child.restarted_at if now - at < RESTART_WINDOW_SECONDS] + [now]
        if len(child.restarted_at) > RESTARTS_PERMITTED:
            raise _failure(child.spec.name, f"keeps ending (last with code {code})", child.log)
        child.process = _launch(child.spec, child.log)
        self._write_record()
        report(f"{child.spec.name} ended with code {code} and was started again; see {child.log}.")

    def _write_record(self) -> None:
        running = {child.spec.name: child.process.pid for child in self._children}
        write_record(self._state, url=self._url, supervisor=os.getpid(), children=running)


def require_not_running(state: StateFolder) -> None:
    """Raise `AlreadyRunning` when a supervisor lives on this state folder."""
    if running_record(state) is not None:
        raise _already_running(state)


def running_record(state: StateFolder) -> Record | None:
    """Return what runs now, or None; a record left by a crash is not believed."""
    record = read_record(state)
    return record if record is not None and record.supervisor.is_alive() else None


def left_behind(state: StateFolder) -> list[str]:
    """Return the names of processes that still run although their supervisor was killed."""
    record = read_record(state)
    if record is None or record.supervisor.is_alive():
        return []
    return [name for name, identity in record.children.items() if identity.is_alive()]


def take_down(state: StateFolder) -> list[str]:
    """Stop the supervisor and all it started; return the names of what was stopped, empty when nothing ran."""
    record = read_record(state)
    if record is None:
        return []
    stopped = [name for name, identity in record.children.items() if identity.is_alive()]
    if record.supervisor.is_alive():
        _stop_identity(record.supervisor, grace_seconds=4 * GRACE_SECONDS, kill=os.kill)
    with opened(state.run / "up.lock") as lock:
        if lock.try_exclusive():
            _stop_leftovers(state)
    return stopped


def start_detached(
    *, spec: ProcessSpec, state: StateFolder, url: str, timeout_seconds: float = 120.0
) -> Record:
    """Run a command that becomes the supervisor of `url` in the background; return once it is ready.

    Raises what entering `Supervisor` raises, and `ProcessFailed` with the end of its output when the command
    ends first or is not ready in time.
    """
    with opened(state.run / "up.lock") as lock:
        _clear_the_way(state, lock, url)
    log = state.logs / f"{spec.name}.log"
    log.unlink(missing_ok=True)
    process = _launch(spec, log)
    keep_running(process)
    deadline = time.monotonic() + timeout_seconds
    try:
        while process.poll() is None and time.monotonic() < deadline:
            record = read_record(state)
            if record and record.supervisor.pid == process.pid and answers_ready(url):
                return record
            time.sleep(POLL_SECONDS)
        raise _failure(spec.name, "did not become ready", log)
    except BaseException:
        _signal(process.pid, signal.SIGTERM)
        _finish(process, time.monotonic() + 4 * GRACE_SECONDS)
        raise


def keep_running(process: subprocess.Popen[bytes]) -> None:
    """Let the process outlive this one without a warning."""
    _kept.append(process)


def reap() -> None:
    """Forget those kept processes that have ended since."""
    _kept[:] = [process for process in _kept if process.poll() is None]


def last_lines(log: Path, count: int = 3) -> str:
    """Return the end of a log as one line."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return "nothing"
    return " / ".join(line.strip() for line in lines[-count:]) or "nothing"


def _launch(spec: ProcessSpec, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            list(spec.command),
            env=dict(spec.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _finish(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _clear_the_way(state: StateFolder, lock: FileLock, url: str) -> None:
    if not lock.try_exclusive():
        raise _already_running(state)
    _stop_leftovers(state)
    address = urlsplit(url)
    require_free_port(address.hostname or "127.0.0.1", address.port or 80)


def _stop_leftovers(state: StateFolder) -> None:
    record = read_record(state)
    for identity in record.children.values() if record else ():
        _stop_identity(identity, grace_seconds=GRACE_SECONDS, kill=os.killpg)
    remove_record(state)


def _stop_identity(identity: Identity, *, grace_seconds: float, kill: Callable[[int, int], None]) -> None:
    """Stop a process that is not our child, if it is still the one that was recorded.

    Only children lead a process group; the supervisor shares that of the shell or `make` that ran it.
    """
    if identity.is_alive():
        _signal(identity.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while identity.is_alive():
        if time.monotonic() > deadline:
            kill(identity.pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _already_running(state: StateFolder) -> AlreadyRunning:
    record = read_record(state)
    where = f" as process {record.supervisor.pid} at {record.url}" if record else ""
    return AlreadyRunning(f"Bellwether already runs{where}: use it, or stop it with `make down`.")


def _failure(name: str, what: str, log: Path) -> ProcessFailed:
    return ProcessFailed(f"{name} {what}; the end of {log} says: {last_lines(log)}")
