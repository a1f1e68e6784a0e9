"""What others do while projections are rebuilt: write, read, rebuild too, die, and stand in the way."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, current_thread, main_thread
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connections, transaction

from deploy.postgres.owner import as_owner
from shared.eventstore import rebuild as rebuilding
from shared.eventstore import replay as replaying
from shared.eventstore.append import append
from shared.eventstore.rebuild import RebuildBlocked, RebuildUnderWay, differences, rebuild
from shared.eventstore.registry import Recorded, handlers_of, register
from shared.eventstore.replay import WritersTooLong
from shared.eventstore.tests.tally import (
    NOW,
    Concluded,
    body_of,
    hear,
    heard,
    together,
    wait_for_blocked,
)

DEADLINE_SECONDS = 20


def conclude(stream: str, *numbers: int) -> None:
    with transaction.atomic(using="analytics", durable=True):
        append("analytics", stream, *(Concluded(number=number) for number in numbers), now=NOW)


@pytest.fixture
def history(tally: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Give analytics a record of its own, and act as the migrator."""
    conclude("conclusion-a", 1, 2)
    hear(body_of("tally-a", 1))
    with as_owner():
        yield tally


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Run work in a thread of its own beside the block; it has to end by itself then."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(copy_context().run, run)
        yield
        running.result(timeout=DEADLINE_SECONDS)


def once(work: Callable[[], object]) -> Callable[..., None]:
    """Return a function that works at its first call only."""
    left = [work]

    def call(*_: Any) -> None:
        if left:
            left.pop()()

    return call


def is_right() -> bool:
    return differences("analytics") == {"tally": 0}


def test_writers_wait_for_no_replay(history: psycopg.Connection) -> None:
    def write_and_receive() -> None:
        together(lambda: conclude("conclusion-b", 3), lambda: hear(body_of("tally-a", 2)))

    register("analytics", projectors={Concluded: (once(write_and_receive),)})

    rebuild("analytics")

    assert heard(history) == {"conclusion-a": [1, 2], "conclusion-b": [1], "tally-a": [1, 2]}
    assert is_right()


def test_an_event_with_a_lower_position_that_is_committed_later_is_not_passed_by(
    history: psycopg.Connection,
) -> None:
    is_written, may_commit = Event(), Event()

    def write_slowly() -> None:
        with transaction.atomic(using="analytics", durable=True):
            append("analytics", "conclusion-slow", Concluded(number=9), now=NOW)
            is_written.set()
            assert may_commit.wait(DEADLINE_SECONDS)

    with meanwhile(write_slowly):
        assert is_written.wait(DEADLINE_SECONDS)
        together(lambda: conclude("conclusion-fast", 1))
        rebuild("analytics", pause=lambda _: may_commit.set())

    assert heard(history)["conclusion-slow"] == [1]
    assert is_right()


def test_an_event_committed_after_the_last_round_is_replayed_under_the_lock(
    history: psycopg.Connection,
) -> None:
    with_last_round = once(lambda: together(lambda: conclude("conclusion-late", 9)))

    rebuild("analytics", progress=with_last_round)

    assert heard(history)["conclusion-late"] == [1]
    assert is_right()


def test_an_event_that_is_not_committed_when_the_rows_are_exchanged_goes_on_behind(
    history: psycopg.Connection,
) -> None:
    is_written, may_go_on = Event(), Event()

    def hold(_: Recorded[Any]) -> None:
        if current_thread() is not main_thread():
            is_written.set()
            assert may_go_on.wait(DEADLINE_SECONDS)

    known = handlers_of("analytics").projectors
    known[Concluded] = (hold, *known[Concluded])
    history.execute("UPDATE analytics.tally SET total = 0")

    with ThreadPoolExecutor(1) as pool:
        writing: list[Any] = []

        def begin_to_write() -> None:
            writing.append(pool.submit(copy_context().run, lambda: conclude("conclusion-late", 9)))
            assert is_written.wait(DEADLINE_SECONDS)

        rebuild("analytics", progress=once(begin_to_write))
        assert "conclusion-late" not in heard(history)
        may_go_on.set()
        writing[0].result(timeout=DEADLINE_SECONDS)
        pool.submit(connections.close_all).result()

    assert heard(history)["conclusion-late"] == [1]
    assert is_right()


def test_a_second_rebuild_at_the_same_time_is_refused(history: psycopg.Connection) -> None:
    refused: list[BaseException] = []

    def rebuild_too() -> None:
        with pytest.raises(RebuildUnderWay, match="analytics are being rebuilt") as caught:
            rebuild("analytics")
        refused.append(caught.value)

    register("analytics", projectors={Concluded: (once(lambda: together(rebuild_too)),)})

    rebuild("analytics")

    assert len(refused) == 1
    assert is_right()


def test_an_interrupted_rebuild_leaves_the_rows_alone_and_the_next_one_cleans_up(
    history: psycopg.Connection,
) -> None:
    def cut() -> None:
        history.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'bellwether-analytics' AND datname = current_database()"
        )

    history.execute("UPDATE analytics.tally SET total = 0")
    register("analytics", projectors={Concluded: (once(cut),)})

    with pytest.raises(OperationalError):
        rebuild("analytics")
    connections["analytics"].close()

    assert history.execute("SELECT sum(total) FROM analytics.tally").fetchone() == (0,)
    assert _schemas(history) == ["rebuild_analytics"]
    assert rebuild("analytics") == 3
    assert _schemas(history) == []
    assert is_right()


def _schemas(owner: psycopg.Connection) -> list[str]:
    found = owner.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rebuild%'").fetchall()
    return [name for (name,) in found]


def test_a_table_that_stays_locked_is_given_up_with_everything_as_it_was(
    history: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, migrated_database: str
) -> None:
    monkeypatch.setattr(rebuilding, "LOCK_TRIES", 3)
    monkeypatch.setattr(rebuilding, "LOCK_WAIT", "50ms")
    history.execute("UPDATE analytics.tally SET total = 0")

    with psycopg.connect(migrated_database) as obstacle:
        obstacle.execute("LOCK TABLE analytics.tally IN ROW EXCLUSIVE MODE")
        with pytest.raises(RebuildBlocked, match=r"analytics\.tally"):
            rebuild("analytics", pause=lambda _: None)

    assert history.execute("SELECT sum(total) FROM analytics.tally").fetchone() == (0,)
    assert _schemas(history) == []


def test_a_writer_that_never_ends_is_told_of(
    history: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, migrated_database: str
) -> None:
    monkeypatch.setattr(replaying, "WRITER_TRIES", 3)

    with psycopg.connect(migrated_database) as obstacle:
        obstacle.execute("LOCK TABLE analytics.event IN ROW EXCLUSIVE MODE")
        with pytest.raises(WritersTooLong):
            rebuild("analytics", pause=lambda _: None)

    assert is_right()


@pytest.mark.usefixtures("cause")
def test_a_writer_that_holds_one_table_and_wants_another_is_no_deadlock(
    db: psycopg.Connection, migrated_database: str
) -> None:
    first, *_, last = (model._meta.db_table for model in handlers_of("ingest").projections)

    with as_owner(), psycopg.connect(migrated_database) as writer:
        writer.execute(f"LOCK TABLE ingest.{last} IN ROW EXCLUSIVE MODE")

        def want_the_first_too() -> None:
            wait_for_blocked(db)
            writer.execute(f"SET lock_timeout = '500ms'; LOCK TABLE ingest.{first} IN ROW EXCLUSIVE MODE")
            writer.commit()

        with meanwhile(want_the_first_too):
            assert rebuild("ingest", pause=lambda _: None) == 0
