"""Faults drawn by chance from a seed: which, on what and how long; so a run that failed can be made again.

The same seed gives the same faults in the same order. When a process meets them is up to the machine.
"""

import http.client
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random

import pika
import psycopg

from services.tests.chaos.servers import PostgresServer, RabbitServer
from services.tests.chaos.spawn import Child
from services.tests.chaos.stage import Stage, queues_of
from services.tests.processes import wait_until

type Start = Callable[[], Child]

HALT_SECONDS = (0.1, 1.5)
CUT_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'bellwether-%'"
)


class Disorder:
    """Makes one fault after the other; `counts` says how many of each."""

    def __init__(self, stage: Stage, *, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._stage = stage
        self._random = Random(seed)
        self._parts: list[tuple[Start, Child]] = []
        self._faults: dict[str, tuple[int, Callable[[], None]]] = {
            "process killed": (12, self._kill),
            "process halted": (4, self._halt),
            "process asked to stop": (2, self._terminate),
            "database sessions cut": (3, self._cut_sessions),
        }

    def keep(self, start: Start) -> None:
        """Start a process, and start it again whenever a fault ended it."""
        self._parts.append((start, start()))

    def also_of(self, server: PostgresServer) -> None:
        """Have the database killed too."""
        self._faults["database killed"] = (2, lambda: self._restart(server))

    def also_of_broker(self, server: RabbitServer) -> None:
        """Have the broker killed and its queues purged too."""
        self._faults["broker killed"] = (1, lambda: self._restart_broker(server))
        self._faults["queue purged"] = (1, self._purge)

    def rage(self, *, seconds: float, least: int) -> None:
        """Make faults for that long, and at least so many; afterwards every process runs again.

        Between two of them some events must come through: faults without pause would prove nothing but themselves.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline or self.counts.total() < least:
            self._wait_for_progress(events=self._random.randrange(1, 30))
            weights = [weight for weight, _ in self._faults.values()]
            (name,) = self._random.choices(list(self._faults), weights)
            self._faults[name][1]()
            self.counts[name] += 1
            self._parts = [(start, child if child.is_alive() else start()) for start, child in self._parts]

    def _wait_for_progress(self, *, events: int) -> None:
        with psycopg.connect(self._stage.database_url, autocommit=True) as connection:

            def received() -> int:
                row = connection.execute("SELECT count(*) FROM reports.inbox").fetchone()
                assert row is not None
                return int(row[0])

            target = received() + events
            wait_until(lambda: received() >= target, saying=f"{events} more events")

    def _child(self) -> Child:
        return self._random.choice(self._parts)[1]

    def _kill(self) -> None:
        self._child().kill()

    def _terminate(self) -> None:
        child = self._child()
        child.send(signal.SIGTERM)
        child.wait(seconds=30)

    def _halt(self) -> None:
        child, seconds = self._child(), self._random.uniform(*HALT_SECONDS)
        child.send(signal.SIGSTOP)
        threading.Event().wait(seconds)
        child.send(signal.SIGCONT)

    def _cut_sessions(self) -> None:
        with psycopg.connect(self._stage.database_url, autocommit=True) as connection:
            connection.execute(CUT_SESSIONS)

    def _restart_broker(self, server: RabbitServer) -> None:
        server.wait_until_it_keeps(queues_of(self._stage.names))
        self._restart(server)

    def _restart(self, server: PostgresServer | RabbitServer) -> None:
        server.kill9()
        threading.Event().wait(self._random.uniform(0, 1))
        server.start()

    def _purge(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._stage.broker_url)) as connection:
            for service in ("analytics", "reports"):
                connection.channel().queue_purge(self._stage.names.queue(service))


@contextmanager
def clients(stage: Stage, *, port: int, number_of: int, streams: int = 12) -> Iterator[Mapping[str, int]]:
    """Have clients write over HTTP inside the block; what they were told goes into the stage's log.

    Gives how many answers of each kind there were.
    """
    answers: Counter[str] = Counter()
    over = threading.Event()

    def keep_writing() -> None:
        while not over.wait(0.01):
            number = next(stage.numbers)
            mode = "job" if number % 7 == 0 else ""
            stage.attempt(number, mode=mode)
            told = _post(port, f"/marks/c{number % streams}/{number}/?mode={mode}")
            answers[told] += 1
            if told == "201":
                stage.acknowledge(number, mode=mode)

    with ThreadPoolExecutor(number_of) as pool:
        writing = [pool.submit(keep_writing) for _ in range(number_of)]
        try:
            yield answers
        finally:
            over.set()
        for each in writing:
            each.result()


def _post(port: int, path: str) -> str:
    """Return the status of the answer, or what came instead of one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", path)
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
