"""What both buses promise, told once: every test here runs on PostgreSQL and on RabbitMQ."""

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from threading import Barrier
from typing import Any

import psycopg
import pytest

from shared.contracts.envelope import Envelope
from shared.eventstore.models import Outbox
from shared.eventstore.reconcile import reconcile
from shared.eventstore.tests.tally import body_of, hear, heard, parked_slugs, tell, together, wait_until
from shared.messaging import relay
from shared.messaging.bus import Bus, Message
from shared.messaging.rabbitmq_bus import RabbitBus
from shared.messaging.relay import relay_once

type OpenBus = Callable[[], Bus]


def _messages(*bodies: bytes, source: str = "ingest") -> list[Message]:
    return [
        Message(event_id=Envelope.from_bytes(body).event_id, routing_key=f"{source}.Counted", body=body)
        for body in bodies
    ]


def _take(bus: Bus, count: int, *, service: str = "analytics", limit: int = 50) -> list[bytes]:
    """Settle batches until `count` bodies came, and fail when they do not come."""
    taken: list[bytes] = []

    def enough() -> bool:
        with bus.batch(service, limit=limit, wait_seconds=0.05) as bodies:
            taken.extend(bodies)
        return len(taken) >= count

    wait_until(enough, f"{count} bodies came")
    return taken


def _is_empty(bus: Bus, service: str = "analytics") -> bool:
    with bus.batch(service, limit=50, wait_seconds=0.2) as bodies:
        return not bodies


def _places(bodies: Sequence[bytes]) -> list[tuple[str, int]]:
    return [(envelope.stream, envelope.version) for envelope in map(Envelope.from_bytes, bodies)]


BODIES = [body_of(f"tally-{name}", version) for version in (1, 2, 3) for name in "ab"]


def test_bodies_come_as_they_were_published_and_once(tally: psycopg.Connection, open_bus: OpenBus) -> None:
    open_bus().publish("ingest", _messages(*BODIES))
    bus = open_bus()
    assert _take(bus, 6) == BODIES
    assert _is_empty(bus)
    assert _is_empty(open_bus())


def test_a_batch_holds_no_more_than_its_limit(tally: psycopg.Connection, open_bus: OpenBus) -> None:
    bus = open_bus()
    bus.publish("ingest", _messages(*BODIES))
    wait_until(lambda: not _is_limited(bus), "all came")


def _is_limited(bus: Bus) -> bool:
    with bus.batch("analytics", limit=2, wait_seconds=0.2) as bodies:
        assert len(bodies) <= 2
        return bool(bodies)


def test_only_those_who_subscribe_to_the_source_receive(tally: psycopg.Connection, open_bus: OpenBus) -> None:
    sender, reports, analytics = open_bus(), open_bus(), open_bus()
    sender.publish("ingest", _messages(BODIES[0]))
    assert _is_empty(reports, "reports")
    sender.publish("analytics", _messages(BODIES[1], source="analytics"))
    assert _take(reports, 1, service="reports") == [BODIES[1]]
    assert _take(analytics, 1) == [BODIES[0]]
    assert _is_empty(analytics)


def test_an_exception_in_the_block_gives_the_batch_back(tally: psycopg.Connection, open_bus: OpenBus) -> None:
    bus = open_bus()
    bus.publish("ingest", _messages(*BODIES))
    given: list[bytes] = []

    def fail() -> bool:
        with pytest.raises(ZeroDivisionError), bus.batch("analytics", limit=50, wait_seconds=0.05) as bodies:
            given.extend(bodies)
            raise ZeroDivisionError
        return bool(given)

    wait_until(fail, "a first batch came")
    assert sorted(_take(bus, 6)) == sorted(BODIES)
    assert _is_empty(bus)


def test_what_a_dead_consumer_held_comes_to_another_one(tally: psycopg.Connection, open_bus: OpenBus) -> None:
    dying = open_bus()
    dying.publish("ingest", _messages(*BODIES))
    held: list[bytes] = []
    batches = []

    def hold_some() -> bool:
        batches.append(dying.batch("analytics", limit=50, wait_seconds=0.05))
        held.extend(batches[-1].__enter__())
        return bool(held)

    wait_until(hold_some, "a batch came")
    _cut(dying)
    assert sorted(_take(open_bus(), 6)) == sorted(BODIES)


def _cut(bus: Any) -> None:
    """Take the connection away as the death of its process does: no goodbye, no settling."""
    if isinstance(bus, RabbitBus):
        connection: Any = bus._connection
        connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)
    else:
        for holder in bus._holders.values():
            with socket.socket(fileno=os.dup(holder.connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)


def test_a_bus_that_was_cut_off_works_again_with_the_next_call(
    tally: psycopg.Connection, open_bus: OpenBus
) -> None:
    bus = open_bus()
    bus.publish("ingest", _messages(BODIES[0]))
    assert _take(bus, 1) == [BODIES[0]]
    _cut(bus)
    bus.close()
    bus.publish("ingest", _messages(BODIES[1]))
    assert _take(bus, 1) == [BODIES[1]]


def test_what_is_published_twice_has_one_effect(tally: psycopg.Connection, open_bus: OpenBus) -> None:
    tell("tally-a", 1, 2)
    bus = open_bus()
    assert relay_once("ingest", bus) == 2
    Outbox.objects.using("ingest").update(sent_at=None)  # as if the relay had died before its commit
    assert relay_once("ingest", bus) == 2
    _hear_until(bus, lambda: heard(tally) == {"tally-a": [1, 2]})
    while not _is_empty(bus):
        pass
    assert heard(tally) == {"tally-a": [1, 2]}
    assert parked_slugs() == []


def _hear_until(bus: Bus, condition: Callable[[], bool], *, limit: int = 50) -> None:
    def step() -> bool:
        with bus.batch("analytics", limit=limit, wait_seconds=0.05) as bodies:
            hear(*bodies)
        return condition()

    wait_until(step, "everything was heard")


STREAMS = {f"tally-{number}": list(range(1, 11)) for number in range(20)}


def _tell_all() -> None:
    for part in (range(5), range(5, 8), range(8, 10)):
        for stream in STREAMS:
            tell(stream, *part)


def test_two_relays_at_once_send_everything_once_and_each_stream_in_order(
    tally: psycopg.Connection, open_bus: OpenBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "BATCH_EVENTS", 7)
    _tell_all()
    start = Barrier(2)

    sent: list[int] = []

    def send() -> None:
        bus = open_bus()

        def step() -> bool:
            sent.append(relay_once("ingest", bus))
            return not Outbox.objects.using("ingest").filter(sent_at=None).exists()

        start.wait(timeout=10)
        wait_until(step, "everything was sent")

    together(send, send)
    assert sum(sent) == 200
    bodies = _take(open_bus(), 200)
    assert len(bodies) == 200
    came: dict[str, list[int]] = {}
    for stream, version in _places(bodies):
        came.setdefault(stream, []).append(version)
    assert came == STREAMS


def test_two_consumers_at_once_apply_everything_once_and_each_stream_in_order(
    tally: psycopg.Connection, open_bus: OpenBus
) -> None:
    _tell_all()
    bus = open_bus()
    while relay_once("ingest", bus):
        pass
    start = Barrier(2)

    def consume() -> None:
        with closing(open_bus()) as own:
            start.wait(timeout=10)
            _hear_until(own, lambda: sum(map(len, heard(tally).values())) >= 200, limit=3)

    together(consume, consume)
    assert heard(tally) == STREAMS
    assert parked_slugs() == []


def test_what_was_lost_behind_the_bus_is_found_by_a_reconcile(
    tally: psycopg.Connection, open_bus: OpenBus
) -> None:
    tell("tally-a", 1, 2)
    bus = open_bus()
    assert relay_once("ingest", bus) == 2
    assert len(_take(bus, 2)) == 2  # taken, settled and forgotten
    assert heard(tally) == {}
    assert reconcile("analytics", sources=["ingest"], older_than_seconds=0, pause=lambda _: None) == 2
    assert heard(tally) == {"tally-a": [1, 2]}


def test_the_largest_event_passes_unchanged(tally: psycopg.Connection, open_bus: OpenBus) -> None:
    whole = body_of("tally-a", 1, data={"number": 1, "text": "ü" * 130_000})
    bus = open_bus()
    bus.publish("ingest", _messages(whole))
    assert _take(bus, 1) == [whole]
    assert len(whole) > 260_000
