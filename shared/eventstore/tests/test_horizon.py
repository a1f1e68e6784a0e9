from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Flag

import psycopg
import pytest
from django.db import transaction

from shared.eventstore.append import append
from shared.eventstore.history import Follower
from shared.eventstore.horizon import horizon, is_whole
from shared.eventstore.tests.tally import NOW, Noted, tell, together

DEADLINE_SECONDS = 20
pytestmark = pytest.mark.usefixtures("tally")


@contextmanager
def written(url: str, position: int, *, stream: str = "tally-slow") -> Iterator[psycopg.Connection]:
    """Hold a transaction open that has written an event with that position, as a slow writer does."""
    with psycopg.connect(url) as writer:
        writer.execute(
            "INSERT INTO ingest.event OVERRIDING SYSTEM VALUE SELECT %s, gen_random_uuid(), %s, 1, 'Counted', 1,"
            " '{\"number\": 1}', gen_random_uuid(), NULL, now(), now()",
            [position, stream],
        )
        yield writer
        writer.rollback()


def streams(follower: Follower) -> list[str]:
    return [row.stream for row in follower.new()]


def begun(*, stream: str = "", type: str = "") -> Follower:
    follower = Follower("ingest", stream=stream, type=type)
    assert follower.begin()
    return follower


def test_the_record_is_whole_while_nobody_writes() -> None:
    assert horizon("ingest").position == 0
    tell("tally-a", 1, 2)

    seen = horizon("ingest")

    assert seen.position == 2
    assert seen.writers == frozenset()
    assert is_whole("ingest", seen)


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_the_record_is_whole_up_to_a_position_once_those_who_wrote_then_are_done(
    migrated_database: str, ending: str
) -> None:
    tell("tally-a", 1)
    with written(migrated_database, 1000) as slow:
        seen = horizon("ingest")
        with written(migrated_database, 1001, stream="tally-later"):
            assert not is_whole("ingest", seen)
            getattr(slow, ending)()
            assert is_whole("ingest", seen)  # who began later does not matter


def test_an_event_that_was_overtaken_is_given_once_it_is_committed(migrated_database: str) -> None:
    follower = begun()
    with written(migrated_database, 1000) as slow:
        with written(migrated_database, 1001, stream="tally-fast") as fast:
            fast.commit()
        assert streams(follower) == ["tally-fast"]
        assert streams(follower) == []
        slow.commit()
    assert streams(follower) == ["tally-slow"]
    assert streams(follower) == []
    tell("tally-a", 1)
    assert streams(follower) == []  # its position is below those that are done: nothing draws such a one
    assert streams(begun()) == []


def test_who_follows_begins_when_all_that_was_being_written_is_there(migrated_database: str) -> None:
    tell("tally-a", 1)
    with written(migrated_database, 1000) as slow:
        follower = Follower("ingest")
        assert not follower.begin()
        assert streams(follower) == []
        slow.commit()
    assert follower.begin()
    assert follower.began_after == 1
    assert streams(follower) == ["tally-slow"]


def test_only_the_events_that_are_asked_for_are_given() -> None:
    by_stream, by_type = begun(stream="tally-b"), begun(type="Noted")
    tell("tally-a", 1)
    tell("tally-b", 2)
    with transaction.atomic(using="ingest", durable=True):
        append("ingest", "note-a", Noted(text="x"), now=NOW)
    assert streams(by_stream) == ["tally-b"]
    assert streams(by_type) == ["note-a"]


def test_what_was_given_is_forgotten_once_the_record_is_whole_behind_it() -> None:
    follower = begun()
    for number in range(3):
        tell(f"tally-{number}", number)
        assert streams(follower) == [f"tally-{number}"]
    follower.new()
    assert follower._given == set()


def test_of_many_writers_at_once_every_event_is_given_just_once() -> None:
    follower, over, seen = begun(), Flag(), list[str]()

    def write(name: str) -> None:
        for number in range(20):
            tell(f"tally-{name}{number}", *range(1 + number % 3))

    def write_all() -> None:
        try:
            together(*(lambda name=name: write(name) for name in "abcd"))
        finally:
            over.set()

    def follow() -> None:
        while not over.is_set():
            seen.extend(f"{row.stream} {row.version}" for row in follower.new())
        seen.extend(f"{row.stream} {row.version}" for row in follower.new())

    together(write_all, follow)

    expected = {
        f"tally-{name}{number} {version}"
        for name in "abcd"
        for number in range(20)
        for version in range(1, 2 + number % 3)
    }
    assert len(seen) == len(expected)
    assert set(seen) == expected
