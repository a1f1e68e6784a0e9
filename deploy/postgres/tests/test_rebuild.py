import os
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connections, transaction

from deploy.postgres.owner import as_owner
from shared.eventstore.append import append
from shared.eventstore.rebuild import differences, rebuild
from shared.eventstore.registry import Recorded, register
from shared.eventstore.replay import ReplayFailed
from shared.eventstore.tests.tally import (
    NOW,
    Concluded,
    Counted,
    body_of,
    hear,
    outbox_bodies,
    tell,
    together,
)


def _live(owner: psycopg.Connection) -> list[tuple[str, list[int], int]]:
    return owner.execute("SELECT * FROM analytics.tally ORDER BY stream").fetchall()


def _conclude(stream: str, number: int) -> None:
    with transaction.atomic(using="analytics", durable=True):
        append("analytics", stream, Concluded(number=number), now=NOW)


@pytest.fixture
def history(tally: psycopg.Connection) -> psycopg.Connection:
    """Give analytics a record: five events received, one waiting, one parked, one ignored, and two of its own."""
    tell("tally-a", 10, 20, 30)
    tell("tally-b", 40, 50)
    hear(*reversed(outbox_bodies()))
    hear(body_of("tally-c", 2), body_of("tally-d", 1, data={}), body_of("tally-e", 1, type="Recounted"))
    _conclude("conclusion-a", 60)
    _conclude("conclusion-a", 70)
    return tally


def _differences() -> dict[str, int]:
    with as_owner():
        return differences("analytics")


def _rebuild() -> int:
    with as_owner():
        return rebuild("analytics")


def _left(owner: psycopg.Connection) -> list[str]:
    found = owner.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rebuild%'").fetchall()
    return [name for (name,) in found]


LIVE = [
    ("conclusion-a", [1, 2], 130),
    ("tally-a", [1, 2, 3], 60),
    ("tally-b", [1, 2], 90),
]
LIVE_STREAMS = [stream for stream, _, _ in LIVE]


def test_a_live_history_has_no_differences(history: psycopg.Connection) -> None:
    assert _live(history) == LIVE
    assert _differences() == {"tally": 0}
    assert _live(history) == LIVE


@pytest.mark.parametrize(
    ("tampering", "rows"),
    [
        ("UPDATE analytics.tally SET total = 0 WHERE stream = 'tally-a'", 2),
        ("DELETE FROM analytics.tally WHERE stream = 'tally-a'", 1),
        ("INSERT INTO analytics.tally VALUES ('tally-z', '{1}', 1)", 1),
        ("TRUNCATE analytics.tally", 3),
    ],
)
def test_rows_that_no_event_explains_are_counted_and_repaired(
    history: psycopg.Connection, tampering: str, rows: int
) -> None:
    history.execute(tampering)
    tampered = _live(history)
    assert _differences() == {"tally": rows}
    assert _live(history) == tampered
    assert _rebuild() == 7
    assert _live(history) == LIVE
    assert _differences() == {"tally": 0}


def test_the_service_goes_on_behind_a_rebuild(history: psycopg.Connection) -> None:
    _rebuild()
    _conclude("conclusion-a", 1)
    hear(body_of("tally-c", 1))
    assert _live(history)[0] == ("conclusion-a", [1, 2, 3], 131)
    assert _live(history)[3] == ("tally-c", [1, 2], 3)
    assert _differences() == {"tally": 0}


def test_reactors_are_never_replayed(history: psycopg.Connection) -> None:
    reacted: list[int] = []
    register("analytics", reactors={Counted: (lambda recorded: reacted.append(recorded.event.number),)})
    _rebuild()
    _differences()
    assert reacted == []
    hear(body_of("tally-f", 1))
    assert reacted == [1]


def test_a_rebuild_that_fails_changes_nothing_and_names_the_event(history: psycopg.Connection) -> None:
    def fail(_: Recorded[Any]) -> None:
        raise ZeroDivisionError

    history.execute("UPDATE analytics.tally SET total = 0")
    before = _live(history)
    register("analytics", projectors={Concluded: (fail,)})
    with pytest.raises(ReplayFailed, match=r"Concluded, conclusion-a version 1, .* ZeroDivisionError"):
        _rebuild()
    assert _live(history) == before
    assert _left(history) == []


def test_readers_see_the_old_rows_until_the_exchange_is_committed(history: psycopg.Connection) -> None:
    history.execute("UPDATE analytics.tally SET total = 0 WHERE stream = 'tally-a'")
    seen: list[int] = []

    def read() -> None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as reader:
            reader.execute("SET lock_timeout = '1s'; SET ROLE bellwether_analytics")
            row = reader.execute("SELECT total FROM analytics.tally WHERE stream = 'tally-a'").fetchone()
            assert row is not None
            seen.append(row[0])

    def read_before_the_end(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        done = execute(sql, *rest)
        if sql.startswith(
            "INSERT INTO analytics.tally SELECT"
        ):  # the rows are exchanged and the transaction is open
            together(read)
        return done

    register("analytics", projectors={Concluded: (lambda _: read(),)})
    with as_owner(), connections["analytics"].execute_wrapper(read_before_the_end):
        rebuild("analytics")
    read()
    assert seen == [0, 0, 0, 60]


def test_only_rows_that_differ_are_written(history: psycopg.Connection) -> None:
    history.execute("UPDATE analytics.tally SET total = 0 WHERE stream = 'tally-a'")
    query = "SELECT stream, xmin::text FROM analytics.tally"
    before: dict[str, str] = dict(history.execute(query).fetchall())
    _rebuild()
    after: dict[str, str] = dict(history.execute(query).fetchall())
    assert {stream for stream in LIVE_STREAMS if before[stream] != after[stream]} == {"tally-a"}


def test_streams_that_write_one_row_are_replayed_in_the_order_they_were_applied(
    tally: psycopg.Connection,
) -> None:
    def write_down(recorded: Recorded[Any]) -> None:
        with connections["analytics"].cursor() as cursor:
            cursor.execute(
                "INSERT INTO tally VALUES ('last', '{}', %s) ON CONFLICT (stream) DO UPDATE SET total = EXCLUDED.total",
                [recorded.event.number],
            )

    register("analytics", projectors={Counted: (write_down,)})
    hear(body_of("tally-z", 1, data={"number": 1}), body_of("tally-a", 1, data={"number": 2}))
    assert _differences() == {"tally": 0}
    hear(body_of("tally-c", 2, data={"number": 3}), body_of("tally-d", 1, data={"number": 4}))
    hear(body_of("tally-c", 1, data={"number": 5}))  # with it comes version 2, which has waited
    assert _live(tally)[0] == ("last", [], 3)
    assert _differences() == {"tally": 0}


def test_how_far_it_is_is_told_up_to_the_end(history: psycopg.Connection) -> None:
    told: list[tuple[int, int]] = []
    with as_owner():
        rebuild("analytics", progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 7)
    assert told == sorted(told)
    assert told[-1] == (7, 7)
