from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import transaction

from shared.contracts.envelope import event_id
from shared.errors import NotFound, ValidationFailed
from shared.eventstore.append import append
from shared.eventstore.history import (
    MOST_NAMED,
    event_by_id,
    event_named,
    events,
    events_of,
    is_id,
    named,
    whereabouts_of,
)
from shared.eventstore.jobs import enqueue
from shared.eventstore.registry import Recorded, register
from shared.eventstore.tests.tally import (
    NOW,
    Concluded,
    Counted,
    Noted,
    body_of,
    hear,
    outbox_bodies,
    tell,
)

BOTH = ("ingest", "analytics")
RUN = UUID("5a1de000-0000-4000-8000-000000000001")
FIRST = event_id("ingest", "tally-a", 1)
pytestmark = pytest.mark.usefixtures("tally")


def conclude(key: object, *, job: UUID | None = None) -> UUID:
    with transaction.atomic(using="analytics", durable=True):
        (done,) = append("analytics", f"conclusion-{key}", Concluded(number=1), now=NOW)
        if job:
            enqueue("analytics", job_id=job, kind="work", key="k", payload={}, causation_id=done.event_id)
    return done.event_id


def whereabouts(version: int = 1) -> dict[str, Any]:
    found = whereabouts_of("ingest", event_id("ingest", "tally-a", version), ["analytics"])
    return {each["service"]: each["status"] for each in found["received"]} | {"sent": found["sent_at"]}


def test_the_newest_events_come_first_and_can_be_narrowed() -> None:
    tell("tally-a", 1, 2)
    tell("tally-b", 3)
    with transaction.atomic(using="ingest", durable=True):
        append("ingest", "note-a", Noted(text=""), now=NOW)
    last = events("ingest")[0]

    assert [row.position for row in events("ingest")] == [4, 3, 2, 1]
    assert [row.version for row in events("ingest", stream="tally-a")] == [2, 1]
    assert [row.stream for row in events("ingest", type="Noted")] == ["note-a"]
    assert [row.stream for row in events("ingest", since=last.recorded_at)] == ["note-a"]
    assert not events("ingest", since=last.recorded_at + timedelta(seconds=1))


@pytest.mark.parametrize("length", [8, 9, 13, 36])
def test_an_event_is_found_by_the_beginning_of_its_id(length: int) -> None:
    tell("tally-a", 1, 2)

    service, row = event_named(BOTH, str(FIRST)[:length].upper())

    assert (service, row.stream, row.version) == ("ingest", "tally-a", 1)


@pytest.mark.parametrize("text", ["", "1234567", "not-an-id", "0" * 33, "%" * 8, "12345678\x00", "é" * 8])
def test_what_can_be_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed, match="is no id"):
        event_named(BOTH, text)
    with pytest.raises(ValidationFailed, match="is no id"):
        named(BOTH, text)


def test_an_id_of_nothing_is_not_found() -> None:
    with pytest.raises(NotFound, match="No event has an id that begins with 'ffffffff'"):
        event_named(BOTH, "ffffffff")
    with pytest.raises(NotFound, match="Nothing has an id that begins with 'ffffffff'"):
        named(BOTH, "ffffffff")


def test_a_thing_is_named_by_its_id_its_stream_its_job_or_an_event() -> None:
    job = uuid4()
    first, last = conclude(RUN), conclude(RUN, job=job)

    for text in (str(RUN), str(RUN)[:8], f"conclusion-{RUN}", str(job), str(last)[:8]):
        assert named(BOTH, text).event_id == last, text
    assert named(BOTH, str(first)).event_id == first


def test_an_id_that_several_begin_with_is_not_enough() -> None:
    conclude(RUN)
    conclude(UUID(int=RUN.int + 1))

    with pytest.raises(NotFound, match="2 things have an id that begins with '5a1de000'") as refused:
        named(BOTH, "5a1de000")

    assert refused.value.extra["candidates"] == [
        {"id": str(RUN), "what": "conclusion"},
        {"id": str(UUID(int=RUN.int + 1)), "what": "conclusion"},
    ]


def test_of_very_many_candidates_a_few_are_named() -> None:
    for number in range(MOST_NAMED + 1):
        conclude(UUID(int=RUN.int + number))

    with pytest.raises(NotFound, match=f"{MOST_NAMED} or more things") as refused:
        named(BOTH, "5a1de000")

    assert len(refused.value.extra["candidates"]) == MOST_NAMED


def test_events_whose_ids_begin_alike_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    tell("tally-a", 1, 2)
    least, greatest = UUID(int=0), UUID(int=2**128 - 1)
    monkeypatch.setattr("shared.eventstore.history._id_bounds", lambda _: (least, greatest))

    with pytest.raises(NotFound, match="2 events have an id") as refused:
        event_named(BOTH, "12345678")

    assert {each["what"] for each in refused.value.extra["candidates"]} == {"Counted"}


def test_a_key_that_is_no_id_is_answered_with_the_streams_that_have_it() -> None:
    tell("tally-AAPL", 1)
    conclude("AAPL")

    with pytest.raises(ValidationFailed, match="perhaps conclusion-AAPL or tally-AAPL is meant"):
        named(BOTH, "aapl")


def test_events_are_found_by_id_by_job_and_by_the_key_of_their_streams() -> None:
    job = uuid4()
    tell("tally-a", 1)
    done = conclude("a", job=job)

    assert event_by_id(BOTH, UUID(int=1)) is None
    assert [found and found.event_id for found in (event_by_id(BOTH, job), event_by_id(BOTH, done))] == [
        done,
        done,
    ]
    assert [each.stream for each in events_of(BOTH, "a")] == ["tally-a", "conclusion-a"]
    assert events_of(BOTH, "") == []


def test_the_whole_of_an_id_is_told_from_a_name() -> None:
    assert is_id(str(RUN))
    assert not is_id("AAPL")
    assert not is_id(str(RUN)[:8])


def test_where_an_event_went_is_told_for_each_receiver(tally: psycopg.Connection) -> None:
    tell("tally-a", 1, 2)
    assert whereabouts() == {"analytics": "missing", "sent": None}
    hear(outbox_bodies()[1])
    assert whereabouts(2) == {"analytics": "waiting", "sent": None}
    hear(outbox_bodies()[0])
    assert whereabouts(2) == {"analytics": "handled", "sent": None}

    with transaction.atomic(using="ingest", durable=True):
        append("ingest", "note-a", Noted(text=""), now=NOW)
    own = whereabouts_of("ingest", event_id("ingest", "note-a", 1), ["analytics"])
    assert own == {"published": False, "sent_at": None, "received": []}


def test_a_parked_event_is_told_with_its_number() -> None:
    def fail(_: Recorded[Any]) -> None:
        raise RuntimeError("a bug")

    register("analytics", projectors={Counted: (fail,)})
    tell("tally-a", 1)
    hear(body_of("tally-a", 1))

    (receipt,) = whereabouts_of("ingest", FIRST, ["analytics"])["received"]

    assert (receipt["status"], receipt["parked_id"]) == ("parked", 1)
