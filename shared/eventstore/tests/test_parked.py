from collections.abc import Callable

import psycopg
import pytest

from shared.contracts.envelope import Envelope
from shared.errors import NotFound
from shared.eventstore.models import Inbox, Parked
from shared.eventstore.parked import (
    AlreadyResolved,
    NotNext,
    count_only_to_drop,
    drop_parked,
    ids_to_drop,
    ids_to_retry,
    park,
    parked_messages,
    retry_parked,
)
from shared.eventstore.reconcile import reconcile
from shared.eventstore.registry import Recorded, register
from shared.eventstore.tests.tally import Counted, body_of, hear, heard, inbox_states, parked_slugs

ONE, TWO, THREE = (body_of("tally-a", version) for version in (1, 2, 3))


@pytest.fixture
def broken(tally: psycopg.Connection) -> Callable[[], None]:
    """Have the handler fail on version 1 of stream `tally-a` until the returned function is called."""
    fixed: list[bool] = []

    def fail(recorded: Recorded[Counted]) -> None:
        if (recorded.envelope.stream, recorded.envelope.version) == ("tally-a", 1) and not fixed:
            raise RuntimeError("a bug in the handler")

    register("analytics", reactors={Counted: (fail,)})
    hear(ONE, TWO, body_of("tally-b", 1))
    return lambda: fixed.append(True)


def _receive(service: str, bodies: list[bytes]) -> None:
    assert service == "analytics"
    hear(*bodies)


def _only() -> int:
    (row,) = parked_messages("analytics")
    return row.id


def test_a_retry_after_the_repair_lets_the_stream_go_on(
    tally: psycopg.Connection, broken: Callable[[], None]
) -> None:
    assert heard(tally) == {"tally-b": [1]}
    broken()
    retry_parked("analytics", _only(), receive=_receive)
    assert heard(tally) == {"tally-b": [1], "tally-a": [1, 2]}
    assert not parked_messages("analytics")
    assert Parked.objects.using("analytics").get().resolution == "retried"


def test_a_retry_before_the_repair_parks_it_again(
    tally: psycopg.Connection, broken: Callable[[], None]
) -> None:
    first = _only()
    retry_parked("analytics", first, receive=_receive)
    assert parked_slugs() == ["handler-failed"]
    assert _only() != first
    assert heard(tally) == {"tally-b": [1]}


def test_a_drop_lets_the_stream_go_on_without_the_effect(
    tally: psycopg.Connection, broken: Callable[[], None]
) -> None:
    drop_parked("analytics", _only())
    hear(THREE)
    assert heard(tally) == {"tally-b": [1], "tally-a": [2, 3]}
    assert inbox_states(tally)[0] == ("tally-a", 1, "ignored")
    assert bytes(Inbox.objects.using("analytics").get(stream="tally-a", version=1).body) == ONE


def test_what_waited_behind_a_dropped_message_needs_no_further_message(
    tally: psycopg.Connection, broken: Callable[[], None]
) -> None:
    drop_parked("analytics", _only())
    reconcile("analytics", sources=["ingest"], older_than_seconds=0, pause=lambda _: None)
    assert heard(tally) == {"tally-b": [1], "tally-a": [2]}


def test_a_dropped_message_that_comes_again_stays_without_effect(
    tally: psycopg.Connection, broken: Callable[[], None]
) -> None:
    drop_parked("analytics", _only())
    broken()
    hear(ONE, THREE)
    assert heard(tally)["tally-a"] == [2, 3]
    assert not parked_messages("analytics")


def test_a_message_cannot_be_dropped_before_its_turn(tally: psycopg.Connection) -> None:
    two = Envelope.from_bytes(TWO)
    park("analytics", body=TWO, envelope=two, slug="handler-failed", detail="", attempts=3)
    with pytest.raises(NotNext, match="tally-a is at version 0; version 2"):
        drop_parked("analytics", _only())
    assert parked_slugs() == ["handler-failed"]
    hear(ONE)
    drop_parked("analytics", _only())
    hear(THREE)
    assert heard(tally) == {"tally-a": [1, 3]}


def test_dropping_a_conflicting_body_leaves_the_stream_alone(tally: psycopg.Connection) -> None:
    hear(ONE)
    hear(body_of("tally-a", 1, data={"number": 9}))
    drop_parked("analytics", _only())
    hear(TWO)
    assert heard(tally) == {"tally-a": [1, 2]}
    assert inbox_states(tally) == [("tally-a", 1, "handled"), ("tally-a", 2, "handled")]


def test_dropping_bytes_that_are_no_event_changes_nothing_else(tally: psycopg.Connection) -> None:
    hear(b"nonsense", ONE)
    drop_parked("analytics", _only())
    assert heard(tally) == {"tally-a": [1]}
    assert not parked_messages("analytics")


@pytest.mark.usefixtures("tally")
def test_a_body_that_is_parked_twice_stays_one_row() -> None:
    hear(b"nonsense")
    hear(b"nonsense", b"other nonsense")
    assert [bytes(row.body) for row in parked_messages("analytics")] == [b"nonsense", b"other nonsense"]


@pytest.mark.usefixtures("tally")
def test_a_list_leaves_bodies_and_whole_errors_in_the_database() -> None:
    park("analytics", body=b"nonsense", envelope=None, slug="x", detail="a" * 1000 + "\nan end", attempts=1)

    (row,) = parked_messages("analytics")

    assert row.get_deferred_fields() == {"body", "detail"}
    assert row.error_end == "a" * 493 + "\nan end"  # type: ignore[attr-defined]


@pytest.mark.usefixtures("tally")
def test_those_to_retry_are_without_those_that_can_only_be_dropped() -> None:
    for number, slug in enumerate(("a-reason", "unrecorded-event", "a-reason")):
        park("analytics", body=b"%d" % number, envelope=None, slug=slug, detail="", attempts=1)
    first, second, third = (row.id for row in parked_messages("analytics"))

    assert ids_to_retry("analytics") == [first, third]
    assert count_only_to_drop("analytics") == 1
    assert ids_to_drop("analytics", slug="unrecorded-event") == [second]


@pytest.mark.usefixtures("tally")
def test_those_to_drop_come_in_the_order_of_their_streams() -> None:
    for body in (THREE, TWO, ONE):
        envelope = Envelope.from_bytes(body)
        park("analytics", body=body, envelope=envelope, slug="handler-failed", detail="", attempts=3)

    for parked_id in ids_to_drop("analytics", slug="handler-failed"):
        drop_parked("analytics", parked_id)

    assert not parked_messages("analytics")


def test_a_resolved_message_names_the_one_that_is_parked_in_its_place(
    tally: psycopg.Connection, broken: Callable[[], None]
) -> None:
    first = _only()
    retry_parked("analytics", first, receive=_receive)

    with pytest.raises(AlreadyResolved, match=f"was retried before and is parked again as {_only()}"):
        retry_parked("analytics", first, receive=_receive)


@pytest.mark.usefixtures("tally")
def test_a_message_is_resolved_once_only() -> None:
    hear(b"nonsense")
    parked_id = _only()
    drop_parked("analytics", parked_id)
    with pytest.raises(AlreadyResolved, match="was dropped before\\."):
        retry_parked("analytics", parked_id, receive=_receive)
    with pytest.raises(AlreadyResolved):
        drop_parked("analytics", parked_id)
    with pytest.raises(NotFound, match=f"No parked message {parked_id + 1} in analytics"):
        drop_parked("analytics", parked_id + 1)
