"""Relay, inbox and handlers against a bus that drops, doubles, delays and reorders, and crashes at any point.

Everything runs in one thread on one seed and a real database, so a run can be repeated step by step; the trace
of a seed is the same each time. A crash unwinds as an exception that nothing catches: what was not committed is
rolled back, and what was not settled goes back to the bus.
"""

import hashlib
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

import pytest
from django.db import connections

from services.tests.chaos.domain import mark
from services.tests.chaos.truth import Truth
from shared.eventstore.inbox import receive
from shared.eventstore.reconcile import reconcile
from shared.messaging.bus import BusUnavailable, Message
from shared.messaging.relay import relay_once
from shared.messaging.topology import SUBSCRIPTIONS, subscribers_of
from shared.observability import kill_points

POINTS = [point for point in kill_points.POINTS if point != "relay.published"]  # a bus's own
SENDERS = ("ingest", "analytics")
STREAMS = 4


class PowerCut(BaseException):
    """The process dies here."""


class UnreliableBus:
    """A bus in memory that does to messages whatever a broker and a network may do."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._queues: dict[str, list[bytes]] = {service: [] for service in SUBSCRIPTIONS}
        self.is_reliable = False

    def publish(self, source: str, messages: Sequence[Message]) -> None:
        """Take messages, or some of them and then fail."""
        for message in messages:
            if not self.is_reliable and self._random.random() < 0.02:
                raise BusUnavailable("cut off in mid-batch")
            for service in subscribers_of(source):
                self._put(self._queues[service], message.body)

    @contextmanager
    def batch(self, service: str, *, limit: int, wait_seconds: float) -> Iterator[Sequence[bytes]]:
        """Give some of what waits; whatever ends the block by an exception gives it back."""
        queue = self._queues[service]
        some = limit if self.is_reliable else self._random.randint(1, limit)
        taken, queue[:] = queue[:some], queue[some:]
        try:
            yield taken
        except BaseException:
            queue[:0] = taken
            raise

    def close(self) -> None:
        """Have nothing to close."""

    def _put(self, queue: list[bytes], body: bytes) -> None:
        chance = 1.0 if self.is_reliable else self._random.random()
        if chance < 0.10:
            return  # confirmed and lost
        copies = 2 if chance < 0.20 else 1
        for _ in range(copies):
            place = self._random.randint(0, len(queue)) if chance < 0.45 else len(queue)
            queue.insert(place, body)


class Simulation:
    """One run; `prefix` keeps its streams and numbers apart from those of other runs."""

    def __init__(self, *, seed: int, prefix: str, first_number: int) -> None:
        self.truth = Truth()
        self.crashes = 0
        self._random = Random(seed)
        self._bus = UnreliableBus(self._random)
        self._prefix, self._next, self._first = prefix, first_number, first_number
        self._trace = hashlib.sha256()

    def run(self, *, steps: int) -> str:
        """Make that many steps with faults, and as many without as are needed; return the trace's hash."""
        for _ in range(steps):
            self._step(self._random.choices(("write", "relay", "consume", "reconcile"), (4, 4, 6, 1))[0])
        self._bus.is_reliable = True
        kill_points.arm(None)
        while any([relay_once(service, self._bus) for service in SENDERS] + self._heal()):
            pass
        return self._trace.hexdigest()

    def _heal(self) -> list[int]:
        return [self._consume(service) + self._reconcile(service) for service in SUBSCRIPTIONS]

    def _step(self, kind: str) -> None:
        points = [point for point in POINTS if point.startswith(kind)]
        crash_at = self._random.choice(points) if points and self._random.random() < 0.25 else None
        nth = self._random.randint(1, 2)
        kill_points.arm(
            kill_points.KillAt(point=crash_at, signal=signal.SIGKILL, nth=nth) if crash_at else None
        )
        service = self._random.choice(list(SUBSCRIPTIONS))
        work: dict[str, Callable[[], object]] = {
            "write": self._write,
            "relay": lambda: relay_once(self._random.choice(SENDERS), self._bus),
            "consume": lambda: self._consume(service),
            "reconcile": lambda: self._reconcile(service),
        }
        try:
            outcome = work[kind]()
        except BusUnavailable:
            outcome = "cut off"
        except PowerCut:
            outcome = f"crashed at {crash_at}"
            self.crashes += 1
            connections.close_all()
        self._trace.update(f"{kind} {service} {outcome}\n".encode())

    def _write(self) -> str:
        stream, count = self._random.randrange(STREAMS), self._random.randint(1, 4)
        numbers = range(self._next, self._next + count)
        self._next += count
        self.truth.attempted.update(numbers)
        mark(f"mark-{self._prefix}{stream}", *numbers)
        self.truth.acknowledged.update(numbers)
        return f"{stream}: {[number - self._first for number in numbers]}"

    def _consume(self, service: str) -> int:
        kill_points.reached("consumer.delivered")
        with self._bus.batch(service, limit=20, wait_seconds=0) as bodies:
            receive(service, bodies, pause=lambda _: None)
            kill_points.reached("consumer.committed")
        kill_points.reached("consumer.settled")
        return len(bodies)

    def _reconcile(self, service: str) -> int:
        return reconcile(service, sources=SUBSCRIPTIONS[service], older_than_seconds=0, pause=lambda _: None)


@contextmanager
def crashes_unwind() -> Iterator[None]:
    """Have a kill point raise PowerCut instead of ending this process."""

    def unwind(_thread: int, _number: int) -> None:
        kill_points.arm(None)
        raise PowerCut

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "pthread_kill", unwind)
        try:
            yield
        finally:
            kill_points.arm(None)
