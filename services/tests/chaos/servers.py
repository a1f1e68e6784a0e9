"""Servers of the tests' own that can be killed and started again on the same data and port."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from deploy.local import rabbitmq
from deploy.local.postgres import Cluster
from deploy.local.rabbitmq_packages import programs_for
from deploy.local.state import open_state
from services.tests.processes import wait_until

DATABASE = "chaos"
_TABLESPACE = "elsewhere"


class PostgresServer:
    """A PostgreSQL that keeps what it confirmed, as a crash is only worth something on such a one."""

    def __init__(self, home: Path) -> None:
        self._cluster = Cluster.found_in(
            state=open_state({"BELLWETHER_HOME": str(home)}), environment={"PATH": os.environ["PATH"]}
        )
        self.url = self._cluster.url(DATABASE)

    @property
    def socket(self) -> Path:
        """Return the path of its socket, for a proxy in front of it."""
        return self._cluster.socket_folder / ".s.PGSQL.5432"

    @property
    def data(self) -> Path:
        """Return its data folder."""
        return self._cluster.data

    def start(self) -> None:
        """Start it; what a crash left is recovered first."""
        self._cluster.ensure_running(durable=True)

    def create_database(self) -> None:
        """Make the database of the tests."""
        with psycopg.connect(self._cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")

    def keep_on(self, owner: psycopg.Connection[Any], *, table: str, folder: Path) -> None:
        """Keep a table in another folder from now on."""
        folder.mkdir()
        self._cluster.account.own(folder)
        owner.execute(f"CREATE TABLESPACE {_TABLESPACE} LOCATION '{folder}'")
        owner.execute(f"ALTER TABLE {table} SET TABLESPACE {_TABLESPACE}")

    def keep_as_before(self, owner: psycopg.Connection[Any], *, table: str) -> None:
        """Take the table back from that folder."""
        owner.execute(f"ALTER TABLE {table} SET TABLESPACE pg_default")
        owner.execute(f"DROP TABLESPACE {_TABLESPACE}")

    def stop(self) -> None:
        """Shut it down in order."""
        self._cluster.stop()

    def kill9(self) -> None:
        """Kill the server and every backend in the same moment."""
        postmaster = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGSTOP)  # so that it can neither fork nor tidy up meanwhile
        for pid in (*_children_of(postmaster), postmaster):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not _runs(postmaster), saying="the server's end")


class RabbitServer:
    """A RabbitMQ on a data folder and a port of its own."""

    def __init__(self, folder: Path) -> None:
        self._state = open_state(os.environ)
        environment = {name: value for name, value in os.environ.items() if name != "BROKER_URL"}
        self._broker = rabbitmq.start(state=self._state, environment=environment, folder=folder)
        self.url, self.folder = self._broker.url, folder
        self._environment: dict[str, str] = {}

    def wait_until_ready(self) -> None:
        """Return once it answers."""
        self._broker.wait_until_ready()
        assert self._broker._server is not None
        self._environment = _environment_of(self._broker._server.pid)

    def wait_until_it_keeps(self, queues: Iterable[str]) -> None:
        """Return once these queues would outlive a crash.

        RabbitMQ writes the names of new quorum queues to its disk up to three seconds late. One whose name is lost
        never has a leader again: it takes no message, and only its deletion helps.
        """
        wanted = [queue.encode() for queue in queues]

        def are_kept() -> bool:
            known = b"".join(file.read_bytes() for file in self.folder.glob("mnesia/**/names.dets"))
            return all(queue in known for queue in wanted)

        wait_until(are_kept, saying="names on the broker's disk")

    def kill9(self) -> None:
        """Kill it with all it started."""
        server = self._broker._server
        assert server is not None
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        # Its name is free only when all of it is gone, which for so much memory takes a moment.
        wait_until(lambda: not _runs_in_group(server.pid), saying="the broker's end")

    def start(self) -> None:
        """Start it again on the data it left, and return once it answers."""
        log = self._broker.log
        assert log is not None
        program = programs_for(self._state).server
        self._broker._server = rabbitmq._launch([str(program)], self._environment, log)
        self.wait_until_ready()

    def wipe(self) -> None:
        """Lose all its data; it must not run."""
        mnesia = self.folder / "mnesia"
        mnesia.rename(self.folder / f"lost-{time.monotonic_ns()}")

    def ctl(self, *arguments: str) -> None:
        """Run `rabbitmqctl`."""
        program = programs_for(self._state).server.with_name("rabbitmqctl")
        subprocess.run(
            [str(program), *arguments], env=self._environment, check=True, capture_output=True, timeout=60
        )

    def close(self) -> None:
        """Stop it for good."""
        self._broker.close()


def _environment_of(pid: int) -> dict[str, str]:
    parts = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(part.split("=", 1) for part in parts if part)


def _children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in tasks.read_text().split()]


def _runs(pid: int) -> bool:
    """Return whether a process runs: one that nobody has waited for yet does not."""
    return _state_of(Path(f"/proc/{pid}"))[0] not in {"Z", ""}


def _runs_in_group(group: int) -> bool:
    found = (_state_of(folder) for folder in Path("/proc").glob("[0-9]*"))
    return any(state != "Z" and parts[1:2] == [str(group)] for state, *parts in found)


def _state_of(process: Path) -> list[str]:
    """Return state, parent, group and what else the kernel says of a process; an empty state when it is gone."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return [""]
