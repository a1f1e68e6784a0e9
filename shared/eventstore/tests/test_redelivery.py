from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from shared.contracts.envelope import event_id
from shared.eventstore.models import Outbox
from shared.eventstore.parked import parked_messages
from shared.eventstore.redelivery import Retaken, Which, send_again, take_again
from shared.eventstore.registry import Recorded, register
from shared.eventstore.tests.tally import Counted, hear, heard, outbox_bodies, parked_slugs, tell
from shared.messaging.postgres_bus import PostgresBus
from shared.messaging.relay import relay_once

FIRST = Which(event_id=event_id("ingest", "tally-a", 1))
ALL = Which(since=datetime.fromisoformat("2020-01-01T00:00Z"))


def relayed() -> int:
    """Send what is pending, and have analytics receive all that the bus holds; return how many were sent."""
    bus = PostgresBus()
    try:
        sent = relay_once("ingest", bus)
        with bus.batch("analytics", limit=100, wait_seconds=0) as bodies:
            hear(*bodies)
        return sent
    finally:
        bus.close()


def taken(which: Which = ALL) -> Retaken:
    return take_again("analytics", "ingest", which, pause=lambda _: None)


@pytest.fixture
def sent(tally: psycopg.Connection) -> psycopg.Connection:
    """Have ingest tell of three events, all sent and handled."""
    tell("tally-a", 10, 20)
    tell("tally-b", 30)
    assert relayed() == 3
    return tally


@pytest.mark.parametrize(
    ("which", "count"),
    [
        (FIRST, 1),
        (Which(stream="tally-a"), 2),
        (ALL, 3),
        (Which(since=datetime.fromisoformat("2999-01-01T00:00Z")), 0),
        (Which(stream="tally"), 0),
        (Which(event_id=uuid4()), 0),
    ],
)
def test_what_is_asked_for_is_sent_again_and_changes_nothing(
    sent: psycopg.Connection, which: Which, count: int
) -> None:
    before = heard(sent)
    assert send_again("ingest", which) == count
    assert Outbox.objects.using("ingest").filter(sent_at=None).count() == count
    assert relayed() == count
    assert heard(sent) == before == {"tally-a": [1, 2], "tally-b": [1]}


def test_what_has_not_been_sent_is_not_counted(sent: psycopg.Connection) -> None:
    tell("tally-c", 40)
    assert send_again("ingest", ALL) == 3


def test_events_since_an_instant_are_those_recorded_then_or_later(sent: psycopg.Connection) -> None:
    at = Outbox.objects.using("ingest").get(stream="tally-b").created_at
    assert send_again("ingest", Which(since=at)) == 1
    assert send_again("ingest", Which(since=at + timedelta(microseconds=1))) == 0


def test_a_service_whose_queue_was_lost_takes_all_from_the_feed_once(tally: psycopg.Connection) -> None:
    tell("tally-a", 10, 20)
    tell("tally-b", 30)
    hear(outbox_bodies()[0])

    assert taken() == Retaken(events=3, new=2, parked=0)
    assert taken() == Retaken(events=3, new=0, parked=0)
    assert heard(tally) == {"tally-a": [1, 2], "tally-b": [1]}


def test_more_than_a_page_is_taken(tally: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.eventstore.redelivery.PAGE_EVENTS", 2)
    tell("tally-a", 10, 20, 30)
    tell("tally-b", 30, 40)

    assert taken(Which(stream="tally-a")) == Retaken(events=3, new=3, parked=0)
    assert taken() == Retaken(events=5, new=2, parked=0)
    assert heard(tally) == {"tally-a": [1, 2, 3], "tally-b": [1, 2]}


def test_what_is_parked_waits_for_its_retry(tally: psycopg.Connection) -> None:
    broken = [True]

    def fail(_: Recorded[Any]) -> None:
        if broken:
            raise RuntimeError("a bug")

    register("analytics", projectors={Counted: (fail,)})
    tell("tally-a", 10)
    assert taken() == Retaken(events=1, new=1, parked=1)
    assert parked_slugs() == ["handler-failed"]
    broken.clear()

    assert taken() == Retaken(events=0, new=0, parked=1)
    assert taken(Which(stream="tally-b")) == Retaken(events=0, new=0, parked=0)
    assert len(parked_messages("analytics")) == 1
    assert heard(tally) == {}
