"""Where a fault is made: a database, a bus, and the processes between them."""

import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import pika
import psycopg
from django.db import InterfaceError, OperationalError, connections
from pika.exceptions import AMQPError, ChannelClosedByBroker

from services.tests.chaos import books
from services.tests.chaos.domain import create_tables, drop_tables, mark
from services.tests.chaos.spawn import Child
from services.tests.chaos.truth import Counts, Truth
from shared.messaging.topology import SUBSCRIPTIONS, Names
from shared.observability.correlation import Cause, caused_by
from shared.settings.databases import SERVICES
from shared.settings.table import VARIABLES

LEASE_SECONDS = "1"  # the least that can be set: tests wait for leases to run out


@dataclass(slots=True, kw_only=True)
class Stage:
    """What a test acts on; `truth` is the log of what its clients did and were told."""

    database_url: str
    broker_url: str | None
    folder: Path
    owner: psycopg.Connection[Any]
    names: Names = field(default_factory=lambda: Names(f"chaos-{uuid4().hex[:12]}"))
    truth: Truth = field(default_factory=Truth)
    jobs: Truth = field(default_factory=Truth)
    numbers: Iterator[int] = field(default_factory=count)
    children: list[Child] = field(default_factory=list)

    def start(self, *roles: str, service: str | None = None, **settings: str) -> Child:
        """Start the roles (all of them without any) of one service or of all, with settings of their own."""
        return self._spawn(["django", "run_roles", *roles], service, settings)

    def start_web(self, port: int, *, service: str | None = None, **settings: str) -> Child:
        """Start a web server of one service or of all on a port of loopback."""
        program = [
            "gunicorn",
            "services.tests.chaos.wsgi",
            "--bind",
            f"127.0.0.1:{port}",
            "--no-control-socket",
        ]
        return self._spawn([*program, "--workers", "2", "--threads", "4"], service, settings)

    def write(self, stream: str, number: int, *, mode: str = "") -> None:
        """Mark a number from this process, and log it."""
        self.attempt(number, mode=mode)
        with caused_by(Cause(uuid4())):
            mark(f"mark-{stream}", number, mode=mode)
        self.acknowledge(number, mode=mode)

    def write_many(self, count: int, *, streams: int = 3, job_every: int = 0, mode: str = "") -> None:
        """Mark that many new numbers in turn on some streams; each so-manieth is to be worked on as a job."""
        for number in islice(self.numbers, count):
            is_job = job_every and number % job_every == 0
            self.write(f"s{number % streams}", number, mode="job" if is_job else mode)

    @contextmanager
    def writing(self, *, streams: int = 8, job_every: int = 5, pause: float = 0.01) -> Iterator[None]:
        """Write from a thread of its own inside the block, whatever fails meanwhile."""
        over = threading.Event()

        def keep_writing() -> None:
            for number in self.numbers:
                mode = "job" if number % job_every == 0 else ""
                try:
                    self.write(f"w{number % streams}", number, mode=mode)
                except (OperationalError, InterfaceError):
                    connections.close_all()
                if over.wait(pause):
                    break
            connections.close_all()

        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(keep_writing)
            try:
                yield
            finally:
                over.set()
        written.result()

    def attempt(self, number: int, *, mode: str = "") -> None:
        """Log that a client is about to write a number."""
        self.truth.attempted.add(number)
        if mode in {"job", "slow"}:
            self.jobs.attempted.add(number)

    def acknowledge(self, number: int, *, mode: str = "") -> None:
        """Log that a client was told that its number is written."""
        self.truth.acknowledged.add(number)
        if mode in {"job", "slow"}:
            self.jobs.acknowledged.add(number)

    def settle(self, *, seconds: float = 30.0) -> float:
        """Wait until nothing is under way any more; return how many seconds that took."""
        return books.wait_until_settled(
            self.owner, seconds=seconds, saying=lambda: "\n".join(child.tail() for child in self.children)
        )

    def check(self, *, parked: dict[str, int] | None = None) -> Counts:
        """Assert that the books balance."""
        return books.check(self.owner, self.truth, parked=parked, jobs=self.jobs)

    def reconnect(self) -> None:
        """Connect to the database anew, after it was away; this process's services do so too."""
        self.owner.close()
        connections.close_all()
        self.owner = psycopg.connect(self.database_url, autocommit=True)

    def end(self) -> None:
        """Kill what still runs."""
        for child in self.children:
            child.kill()

    def _spawn(self, program: list[str], service: str | None, settings: Mapping[str, str]) -> Child:
        own = {name for variable in VARIABLES for name in variable.names}
        environment = {name: value for name, value in os.environ.items() if name not in own}
        environment |= {
            "DATABASE_URL": self.database_url,
            "SECRET_KEY": os.environ["SECRET_KEY"],
            "ALLOWED_HOSTS": "127.0.0.1",
            "BELLWETHER_DOTENV": os.devnull,
            "BROKER_NAMESPACE": self.names.namespace,
            "JOB_LEASE_SECONDS": LEASE_SECONDS,
            "LOG_LEVEL": "INFO",
            "DJANGO_SETTINGS_MODULE": "services.tests.chaos.settings",
            "CHAOS_SETTINGS": f"services.{service}.settings" if service else "deploy.local.settings",
            **({"BROKER_URL": self.broker_url} if self.broker_url else {}),
            **settings,
        }
        log = self.folder / f"process-{len(self.children)}.log"
        self.children.append(Child(program, environment=environment, log=log))
        return self.children[-1]


@contextmanager
def open_stage(*, database_url: str, broker_url: str | None, folder: Path) -> Iterator[Stage]:
    """Give a stage with nothing on it; afterwards nothing is left of its processes, tables and queues."""
    owner = psycopg.connect(database_url, autocommit=True)
    create_tables(owner)
    stage = Stage(database_url=database_url, broker_url=broker_url, folder=folder, owner=owner)
    try:
        yield stage
    finally:
        stage.end()
        if stage.broker_url:
            _remove_from(stage.broker_url, stage.names)
        stage.reconnect()
        drop_tables(stage.owner)
        stage.owner.close()


def queues_of(names: Names) -> list[str]:
    """Return the names of all queues that the roles of all services declare."""
    doorbells = [f"{names.jobs(service)}{kind}" for service in SERVICES for kind in ("", ".DQ", ".XQ")]
    return [*(names.queue(service) for service in SUBSCRIPTIONS), names.dead_letters, *doorbells]


def _remove_from(url: str, names: Names) -> None:
    """Remove from the broker all that goes by these names."""
    with suppress(AMQPError, OSError), pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        for queue in queues_of(names):
            channel.queue_delete(queue)
        for exchange in (names.exchange, names.dead_letters):
            channel.exchange_delete(exchange)


def depth(url: str | None, queue: str) -> int:
    """Return how many messages wait in a queue of the broker; a queue that is not there holds none."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        try:
            found = connection.channel().queue_declare(queue, passive=True)
        except ChannelClosedByBroker:
            return 0
        return int(found.method.message_count)
