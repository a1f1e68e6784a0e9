"""The count of calls: never too many, never too few, whoever counts."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.utils import timezone
from psycopg import sql

from services.ingest.providers.faults import ProviderUnavailable
from services.ingest.quota import gate as gates
from services.ingest.quota.gate import KEPT_BEYOND, LEAK_EVERY, Gate, gate_of, take_turn
from services.ingest.quota.services import connection_of_ingest

CHECKOUT = Path(__file__).resolve().parents[4]
SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
MIDNIGHT = 1_775_000_000_000  # some instant, in milliseconds
FREE_KEY = ((1, 1.25), (25, 86_400.0))
PROCESSES = 8

pytestmark = pytest.mark.usefixtures("db")


def gate(*limits: tuple[int, float], name: str = "tested_000000000000") -> Gate:
    return gate_of(name, limits, connection=connection_of_ingest())


def granted(found: Gate, *instants: int) -> int:
    return sum(found.decide(at).allowed for at in instants)


def race(
    limits: Sequence[tuple[int, float]],
    *,
    tries: int,
    mode: str = "race",
    zones: Sequence[str | None] = (None,),
) -> list[int]:
    """Return how many turns each process was given that began at the same moment, each in its time zone."""
    orders = {
        "name": "raced_000000000000",
        "limits": limits,
        "tries": tries,
        "connection": connection_of_ingest(),
    }
    count = 1 if mode == "fork" else PROCESSES
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "services.ingest.quota.tests.racer", mode],
            cwd=CHECKOUT,
            env={**os.environ, **({"PGTZ": zone} if (zone := zones[number % len(zones)]) else {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    for racer in racers:
        assert racer.stdin and racer.stdout
        racer.stdin.write(json.dumps(orders) + "\n")
        racer.stdin.flush()
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    told = [racer.communicate(timeout=60) for racer in racers]
    assert [errors for _, errors in told] == [""] * count
    return [int(output) for output, _ in told]


@pytest.fixture
def tokyo(db: psycopg.Connection) -> Iterator[None]:
    """Have sessions that say nothing else begin in the time zone of Tokyo."""
    name = sql.Identifier(db.info.dbname)
    db.execute(sql.SQL("ALTER DATABASE {} SET timezone = 'Asia/Tokyo'").format(name))
    yield
    db.execute(sql.SQL("ALTER DATABASE {} RESET timezone").format(name))


def test_a_call_is_counted_until_its_day_is_over_to_the_millisecond() -> None:
    found = gate(*FREE_KEY)

    assert granted(found, *(MIDNIGHT + n * 1_251 for n in range(25))) == 25
    refused = found.decide(MIDNIGHT + 5 * 60 * SECOND)
    assert (refused.allowed, refused.retry_after_ms) == (False, DAY - 5 * 60 * SECOND + 1)
    assert granted(found, MIDNIGHT + DAY) == 0
    assert granted(found, MIDNIGHT + DAY + 1) == 1
    assert granted(found, MIDNIGHT + DAY + 1_251) == 0
    assert granted(found, MIDNIGHT + DAY + 1_252) == 1


def test_two_calls_are_never_nearer_than_the_shortest_limit() -> None:
    found = gate(*FREE_KEY)

    assert granted(found, MIDNIGHT, MIDNIGHT + 1, MIDNIGHT + 1_250) == 1
    assert found.decide(MIDNIGHT + 50).retry_after_ms == 1_201
    assert granted(found, MIDNIGHT + 1_251) == 1


def test_a_turn_that_cannot_be_given_is_told_when_it_can() -> None:
    connection, once = connection_of_ingest(), ((1, 3_600.0),)

    before = timezone.now()
    assert take_turn("told_000000000000", once, connection=connection) is None
    free_at = take_turn("told_000000000000", once, connection=connection)
    assert free_at is not None
    assert timedelta(0) <= free_at - before - timedelta(hours=1) < timedelta(minutes=1)
    assert take_turn("other_000000000000", once, connection=connection) is None


def test_a_changed_limit_finds_what_was_counted_under_the_former_one() -> None:
    assert granted(gate((25, 3600.0)), *range(MIDNIGHT, MIDNIGHT + 30)) == 25

    assert granted(gate((26, 3600.0)), MIDNIGHT + 40, MIDNIGHT + 41) == 1
    assert granted(gate((10, 3600.0)), MIDNIGHT + 50) == 0
    assert granted(gate((30, 86_400.0)), *range(MIDNIGHT + 2 * HOUR, MIDNIGHT + 2 * HOUR + 9)) == 4


def test_calls_are_forgotten_only_long_after_they_count(db: psycopg.Connection) -> None:
    found, kept_ms = gate((1_000_000, 3600.0)), KEPT_BEYOND.total_seconds() * 1000

    granted(found, *range(MIDNIGHT, MIDNIGHT + LEAK_EVERY))
    granted(found, *(MIDNIGHT + HOUR + int(kept_ms) for _ in range(LEAK_EVERY)))
    assert rows(db, "tested_000000000000") == 2 * LEAK_EVERY
    granted(found, *(MIDNIGHT + HOUR + int(kept_ms) + LEAK_EVERY for _ in range(LEAK_EVERY)))
    assert rows(db, "tested_000000000000") == 2 * LEAK_EVERY


def rows(db: psycopg.Connection, name: str) -> int:
    row = db.execute(
        sql.SQL("SELECT count(*) FROM ingest_quota.{}").format(sql.Identifier(f"ratelimit___{name}"))
    ).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.usefixtures("tokyo")
def test_eight_processes_in_several_time_zones_are_given_exactly_what_there_is(
    db: psycopg.Connection,
) -> None:
    # In an hour, so that what is counted in one zone is out of sight in another.
    given = race([(25, 3_600.0)], tries=10, zones=(None, "UTC", "America/New_York", "Asia/Tokyo"))

    assert sum(given) == 25
    assert rows(db, "raced_000000000000") == 25


def test_eight_processes_that_contend_are_all_given_what_is_free(db: psycopg.Connection) -> None:
    assert race([(1_000_000, 86_400.0)], tries=25) == [25] * PROCESSES
    assert rows(db, "raced_000000000000") == 25 * PROCESSES


def test_a_process_that_is_forked_after_the_first_turn_counts_on(db: psycopg.Connection) -> None:
    assert race([(1_000, 86_400.0)], tries=20, mode="fork") == [41]
    assert rows(db, "raced_000000000000") == 41


def test_threads_of_one_process_are_given_exactly_what_there_is() -> None:
    found = gate((25, 86_400.0))

    with ThreadPoolExecutor(PROCESSES) as pool:
        answers = list(pool.map(lambda _: found.take(), range(60)))

    assert sum(free_at is None for free_at in answers) == 25


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget this process's gates for a while, and have new ones lose patience soon."""
    pools: dict[int, Any] = {}
    monkeypatch.setattr(gates, "_POOLS", pools)
    monkeypatch.setattr(gates, "_GATES", {})
    monkeypatch.setattr(gates, "PATIENCE_SECONDS", 1.0)
    yield
    for pool in pools.values():
        pool.close()


@pytest.mark.usefixtures("fresh")
def test_a_count_that_others_hold_all_the_time_gives_no_turn(db: psycopg.Connection) -> None:
    connection = connection_of_ingest()
    assert take_turn("held_000000000000", [(9, 60.0)], connection=connection) is None

    with psycopg.connect(settings.BELLWETHER["DATABASE_URL"]) as holder:
        holder.execute("LOCK TABLE ingest_quota.ratelimit___held_000000000000 IN EXCLUSIVE MODE")
        with pytest.raises(ProviderUnavailable):
            take_turn("held_000000000000", [(9, 60.0)], connection=connection)

    assert take_turn("held_000000000000", [(9, 60.0)], connection=connection) is None
    assert rows(db, "held_000000000000") == 2


@pytest.mark.usefixtures("fresh")
def test_without_its_database_no_turn_is_given() -> None:
    nowhere = {**connection_of_ingest(), "host": "127.0.0.1", "port": 1}

    with pytest.raises(ProviderUnavailable) as refused:
        take_turn("nowhere_000000000000", FREE_KEY, connection=nowhere)

    assert refused.value.retry_after_seconds == 5
