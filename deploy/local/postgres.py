"""A private PostgreSQL: given by DATABASE_URL, else started from server programs on a Unix socket.

Note [Last one out]
Several commands may use the server at once. Each holds a share of `users.lock` while it does; whoever leaves
tries to hold it alone, which succeeds only for the last user, and that one stops the server. The server
itself (with every backend) inherits `server.lock`: while any of its processes lives nobody can start
another on the same data, and once that lock is free, whatever a crash left behind is known to be stale.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql

from deploy.local.accounts import Account, server_account
from deploy.local.errors import PostgresUnavailable, StateFolderUnusable
from deploy.local.locks import FileLock, opened
from deploy.local.postgres_binaries import Installation, choose_installation
from deploy.local.postgres_socket import socket_folder_for, socket_url
from deploy.local.processes import keep_running, last_lines, reap
from deploy.local.signals import stop_signals_ignored
from deploy.local.state import StateFolder

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.01
# Tests may lose their data at any moment, so they need not wait for the disk.
_UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(slots=True, kw_only=True)
class Server:
    """A reachable server. Close it (or leave its `with` block) when done: the last user stops what was started."""

    url: str
    version: str | None = None
    _cluster: "Cluster | None" = None
    _users: FileLock | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the server, and stop it if nobody else uses it; a server given by DATABASE_URL is not ours to stop."""
        if self._cluster is None or self._users is None:
            return
        with stop_signals_ignored():
            if self._users.try_exclusive():
                self._cluster.stop()
            self._users.close()
        self._cluster = self._users = None


def start(
    *, state: StateFolder, environment: Mapping[str, str], database: str = "bellwether", durable: bool = True
) -> Server:
    """Return a server that accepts connections and has the database; reuse the one that runs on this state folder.

    Raises `PostgresUnavailable` when none can be found or started, `StateFolderUnusable` when its account
    cannot reach the folder.
    """
    if given := environment.get("DATABASE_URL"):
        return Server(url=given)
    cluster = Cluster.found_in(state=state, environment=environment)
    users = FileLock(cluster.folder / "users.lock")
    server = Server(
        url=cluster.url(database), version=cluster.installation.version, _cluster=cluster, _users=users
    )
    try:
        users.share()
        cluster.ensure_running(durable=durable)
        _ensure_database(cluster.url("postgres"), database)
    except BaseException:
        server.close()
        raise
    return server


def stop_unused(*, state: StateFolder) -> bool:
    """Stop a server that a killed command left behind; return whether one was stopped."""
    folder = state.postgres
    data = _newest_data(folder)
    with opened(folder / "users.lock") as users, opened(folder / "server.lock") as server:
        if data is None or not users.try_exclusive() or server.try_exclusive():
            return False
        return _stop(data, server)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One data folder, the programs that run it and the account they run under."""

    folder: Path
    data: Path
    log: Path
    installation: Installation
    account: Account
    socket_folder: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "socket_folder", socket_folder_for(self.folder, self.account))

    @classmethod
    def found_in(cls, *, state: StateFolder, environment: Mapping[str, str]) -> "Cluster":
        """Choose data folder, programs and account."""
        folder = state.postgres
        newest = _newest_data(folder)
        account = server_account(newest)
        if closed := account.closed_folder(folder):
            raise StateFolderUnusable(
                f"PostgreSQL cannot run as root and its account {account.name} may not enter {closed}: "
                "set BELLWETHER_HOME to a folder that others may pass through."
            )
        installation = choose_installation(
            environment=environment,
            data_majors=[int(newest.name)] if newest else [],
            account=account,
            tools=state.tools,
        )
        return cls(
            folder=folder,
            data=folder / str(installation.major),
            log=state.logs / "postgres.log",
            installation=installation,
            account=account,
        )

    def url(self, database: str) -> str:
        """Return the owner's URL of a database of this cluster."""
        return socket_url(folder=self.socket_folder, database=database)

    def ensure_running(self, *, durable: bool) -> None:
        """Return once the server accepts connections, started by us or by another command."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        with opened(self.folder / "server.lock") as lock:
            while not lock.try_exclusive():
                if self._is_ready():
                    return
                if time.monotonic() > deadline:
                    raise self._failure("did not become ready")
                time.sleep(POLL_SECONDS)
            self._launch(lock, durable=durable, deadline=deadline)

    def stop(self) -> None:
        """Stop the server and return once all its processes are gone."""
        with opened(self.folder / "server.lock") as lock:
            if not lock.try_exclusive():
                _stop(self.data, lock)
        reap()

    def _launch(self, lock: FileLock, *, durable: bool, deadline: float) -> None:
        if not self.data.exists():
            self._initialise(durable=durable)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for leftover in self.socket_folder.glob(".s.PGSQL.*"):
            leftover.unlink()
        settings = self._settings() + (() if durable else _UNSAFE_BUT_FAST)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [self._program("postgres"), "-D", self.data, *(f"--{setting}" for setting in settings)],
                **self._process_options(),
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno()],
            )
        keep_running(process)
        while not self._is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise self._failure("did not start")
            time.sleep(POLL_SECONDS)

    def _initialise(self, *, durable: bool) -> None:
        """Create the data folder under a draft name, so that an interrupted attempt leaves nothing half made."""
        draft = self.data.with_name(f"{self.data.name}.partial")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        self.account.own(draft)
        options = ["--username=bellwether", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        options += ["--no-instructions", *([] if durable else ["--no-sync"])]
        command = [str(self._program("initdb")), "-D", str(draft), *options]
        with self.log.open("ab") as log:
            if subprocess.run(
                command, **self._process_options(), stdout=log, stderr=log, check=False
            ).returncode:
                raise self._failure("could not create its data folder")
        draft.rename(self.data)

    def _settings(self) -> tuple[str, ...]:
        socket_folder = str(self.socket_folder).replace('"', '""')
        return (
            "listen_addresses=",
            f'unix_socket_directories="{socket_folder}"',
            "port=5432",
            "timezone=UTC",
            "log_timezone=UTC",
        )

    def _process_options(self) -> dict[str, Any]:
        # Ctrl-C in the terminal must not reach the server before those who use it: hence a session of its own.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return {"cwd": "/", "env": environment, "stdin": subprocess.DEVNULL, "start_new_session": True} | (
            self.account.switch
        )

    def _program(self, name: str) -> Path:
        return self.installation.bin_folder / name

    def _is_ready(self) -> bool:
        if _postmaster_line(self.data, 7) != "ready":
            return False
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _failure(self, what: str) -> PostgresUnavailable:
        return PostgresUnavailable(
            f"PostgreSQL {self.installation.version} {what}; the end of {self.log} says: {last_lines(self.log)}"
        )


def _newest_data(folder: Path) -> Path | None:
    majors = [int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()]
    return folder / str(max(majors)) if majors else None


def _postmaster_line(data: Path, index: int) -> str | None:
    """Return one line of postmaster.pid: 0 is the process id, 7 the status."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()[index].strip()
    except (OSError, IndexError):
        return None


def _stop(data: Path, lock: FileLock) -> bool:
    """Shut down fast, and immediately if that takes too long; the lock is free once every process has ended."""
    for request in (signal.SIGINT, signal.SIGQUIT):
        pid = _postmaster_line(data, 0)
        if pid is not None:
            os.kill(int(pid), request)
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if lock.try_exclusive():
                return True
            time.sleep(POLL_SECONDS)
    return False


def _ensure_database(owner_url: str, database: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        if known is None:
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                pass  # another command created it meanwhile
