"""Messages that no feed has on record, and parked ones that come again by the bus."""

import psycopg
import pytest

from shared.contracts.envelope import event_id
from shared.eventstore.inbox import receive
from shared.eventstore.models import Parked
from shared.eventstore.parked import UnrecordedEvent, drop_parked, retry_parked
from shared.eventstore.reconcile import reconcile
from shared.eventstore.registry import Recorded, register
from shared.eventstore.tests.tally import Counted, body_of, hear, heard, outbox_bodies, parked_slugs, tell

ONE = body_of("tally-a", 1)


def test_what_no_feed_has_on_record_is_parked_and_what_it_has_is_applied(tally: psycopg.Connection) -> None:
    tell("tally-a", 7)
    (genuine,) = outbox_bodies()
    forged = body_of("tally-a", 1, data={"number": 100})
    unknown = body_of("tally-b", 1)
    elsewhere = body_of("tally-a", 1, source="reports", event_id=str(event_id("reports", "tally-a", 1)))
    receive("analytics", [forged, unknown, elsewhere, genuine], pause=lambda _: None, feeds=("ingest",))
    assert parked_slugs() == ["unrecorded-event"] * 3
    assert tally.execute("SELECT total FROM analytics.tally").fetchall() == [(7,)]


def test_what_is_not_on_record_can_only_be_dropped_and_its_place_stays_free(
    tally: psycopg.Connection,
) -> None:
    receive("analytics", [ONE], pause=lambda _: None, feeds=("ingest",))
    row = Parked.objects.using("analytics").get()
    with pytest.raises(UnrecordedEvent, match="ingest has not recorded this event; it can only be dropped"):
        retry_parked("analytics", row.id, receive=lambda *_: pytest.fail("it was handed in again"))
    tell("tally-a", 7)
    assert reconcile("analytics", sources=["ingest"], older_than_seconds=0, pause=lambda _: None) == 1
    assert parked_slugs() == ["unrecorded-event"]
    drop_parked("analytics", row.id)
    tell("tally-a", 8)
    assert reconcile("analytics", sources=["ingest"], older_than_seconds=0, pause=lambda _: None) == 1
    assert heard(tally) == {"tally-a": [1, 2]}


def test_a_parked_event_that_comes_again_by_the_bus_is_resolved(tally: psycopg.Connection) -> None:
    failures = iter([True] * 3)

    def fail(_: Recorded[Counted]) -> None:
        if next(failures, False):
            raise RuntimeError("a bug, mended later")

    register("analytics", reactors={Counted: (fail,)})
    hear(ONE)
    assert parked_slugs() == ["handler-failed"]
    hear(ONE)
    assert parked_slugs() == []
    assert Parked.objects.using("analytics").get().resolution == "retried"
    assert heard(tally) == {"tally-a": [1]}
