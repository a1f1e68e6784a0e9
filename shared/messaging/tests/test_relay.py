import os
from collections.abc import Sequence
from threading import Event

import psycopg
import pytest
from django.db import connections, transaction

from shared.contracts.envelope import Envelope
from shared.eventstore.append import append
from shared.eventstore.tests.tally import NOW, Concluded, Counted, tell, together
from shared.messaging.bus import BusUnavailable, Message
from shared.messaging.postgres_bus import PostgresBus
from shared.messaging.relay import relay_once


class Wire(PostgresBus):
    """A bus that notes what it was given, and breaks when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, int]] = []
        self.is_broken = False

    def publish(self, source: str, messages: Sequence[Message]) -> None:
        if self.is_broken:
            raise BusUnavailable("cut")
        envelopes = [Envelope.from_bytes(message.body) for message in messages]
        self.sent += [(envelope.stream, envelope.version) for envelope in envelopes]


@pytest.fixture
def wire() -> Wire:
    return Wire()


def _pending(owner: psycopg.Connection, service: str = "ingest") -> int:
    row = owner.execute(f"SELECT count(*) FROM {service}.outbox WHERE sent_at IS NULL").fetchone()
    return int(row[0]) if row else 0


def test_the_event_of_a_slower_writer_is_not_lost(tally: psycopg.Connection, wire: Wire) -> None:
    slow_has_its_position, fast_is_relayed = Event(), Event()

    def slow() -> None:
        with transaction.atomic(using="ingest", durable=True):
            append("ingest", "tally-slow", Counted(number=1), Counted(number=2), now=NOW)
            slow_has_its_position.set()
            assert fast_is_relayed.wait(timeout=10)

    def fast() -> None:
        assert slow_has_its_position.wait(timeout=10)
        tell("tally-fast", 1)
        assert relay_once("ingest", wire) == 1
        fast_is_relayed.set()

    together(slow, fast)
    order = tally.execute("SELECT stream FROM ingest.event ORDER BY position").fetchall()
    assert order == [("tally-slow",), ("tally-slow",), ("tally-fast",)]
    assert relay_once("ingest", wire) == 2
    assert wire.sent == [("tally-fast", 1), ("tally-slow", 1), ("tally-slow", 2)]
    assert relay_once("ingest", wire) == 0


def test_streams_go_oldest_first_and_each_in_order(tally: psycopg.Connection, wire: Wire) -> None:
    tell("tally-a", 1)
    tell("tally-b", 1, 2)
    tell("tally-a", 2)
    assert relay_once("ingest", wire) == 4
    assert wire.sent == [("tally-a", 1), ("tally-b", 1), ("tally-b", 2), ("tally-a", 2)]


def test_nothing_is_marked_before_the_bus_confirmed(tally: psycopg.Connection) -> None:
    pending_during_publish: list[int] = []

    class Slow(Wire):
        def publish(self, source: str, messages: Sequence[Message]) -> None:
            pending_during_publish.append(_pending(tally))

    tell("tally-a", 1, 2)
    relay_once("ingest", Slow())
    assert pending_during_publish == [2]
    assert _pending(tally) == 0


def test_what_the_bus_did_not_take_stays_pending(tally: psycopg.Connection, wire: Wire) -> None:
    tell("tally-a", 1, 2)
    wire.is_broken = True
    with pytest.raises(BusUnavailable):
        relay_once("ingest", wire)
    assert _pending(tally) == 2
    wire.is_broken = False
    assert relay_once("ingest", wire) == 2
    assert wire.sent == [("tally-a", 1), ("tally-a", 2)]


def test_a_stream_in_another_relays_hands_is_left_alone(tally: psycopg.Connection, wire: Wire) -> None:
    other = Wire()

    class InTheMiddle(Wire):
        def publish(self, source: str, messages: Sequence[Message]) -> None:
            super().publish(source, messages)
            together(lambda: tell("tally-a", 3))  # comes while this relay is at the stream
            together(lambda: tell("tally-b", 1))
            together(lambda: relay_once("ingest", other))

    first = InTheMiddle()
    tell("tally-a", 1, 2)
    assert relay_once("ingest", first) == 2
    assert other.sent == [("tally-b", 1)]
    assert relay_once("ingest", wire) == 1
    assert wire.sent == [("tally-a", 3)]


def test_streams_behind_a_whole_batch_in_another_relays_hands_are_sent(
    tally: psycopg.Connection, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.relay.BATCH_EVENTS", 2)
    tell("tally-a", 1, 2, 3)
    tell("tally-b", 1)
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute("SELECT FROM ingest.outbox ORDER BY position LIMIT 1 FOR UPDATE")
        assert relay_once("ingest", wire) == 1
    assert wire.sent == [("tally-b", 1)]


def test_a_batch_that_ends_inside_a_stream_goes_on_there(
    tally: psycopg.Connection, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.relay.BATCH_EVENTS", 2)
    tell("tally-a", 1, 2, 3)
    tell("tally-b", 1)
    assert [relay_once("ingest", wire) for _ in range(3)] == [2, 2, 0]
    assert wire.sent == [("tally-a", 1), ("tally-a", 2), ("tally-a", 3), ("tally-b", 1)]


def test_the_claim_of_a_relay_that_died_is_free_again(tally: psycopg.Connection, wire: Wire) -> None:
    tell("tally-a", 1)
    with psycopg.connect(os.environ["DATABASE_URL"]) as dying:
        dying.execute("SELECT * FROM ingest.outbox FOR UPDATE")
        assert relay_once("ingest", wire) == 0
    assert relay_once("ingest", wire) == 1


def test_events_that_nobody_subscribes_to_are_marked_and_not_sent(
    tally: psycopg.Connection, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.topology.SUBSCRIPTIONS", {"analytics": ("ingest",)})
    with transaction.atomic(using="analytics"):
        append("analytics", "conclusion-a", Concluded(number=1), now=NOW)
    assert relay_once("analytics", wire) == 1
    assert wire.sent == []
    assert _pending(tally, "analytics") == 0


def test_an_outbox_of_ten_thousand_events_of_one_stream_is_claimed_at_once(
    tally: psycopg.Connection, wire: Wire
) -> None:
    tell("tally-a", 1)
    tally.execute(
        "INSERT INTO ingest.outbox (position, event_id, stream, body, routing_key)"
        " SELECT o.position + n, gen_random_uuid(), stream, body, routing_key"
        " FROM ingest.outbox o, generate_series(1, 9999) n"
    )
    with connections["ingest"].cursor() as cursor:
        cursor.execute("SET statement_timeout = '2s'")  # a quadratic claim takes far longer
    assert relay_once("ingest", wire) == 500
