"""A tiny domain to test the record with: ingest counts, and analytics hears of it and draws conclusions.

Both keep a table `tally` with one row for each stream: the versions in the order they were applied, and the
sum of the numbers.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import connections, models, transaction

import shared.contracts.registry as event_registry
import shared.eventstore.registry as handler_registry
from shared.contracts.codec import dumps, loads
from shared.contracts.envelope import Envelope, event_id
from shared.eventstore.append import append
from shared.eventstore.inbox import receive
from shared.eventstore.models import Outbox, Parked
from shared.eventstore.registry import Handler, Recorded, register

NOW = datetime(2018, 3, 27, 20, 30, tzinfo=UTC)
DEADLINE_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Raised by ingest; published."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Raised by ingest; internal."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """Raised by analytics; published."""

    number: int


class Tally(models.Model):
    """The projection; the tests make its table themselves."""

    stream = models.TextField(primary_key=True)
    versions = ArrayField(models.IntegerField())
    total = models.IntegerField()

    class Meta:
        app_label = "analytics_tally"
        managed = False
        db_table = "tally"


def counter(service: str) -> Handler:
    """Return a projector that adds an event to its stream's row."""

    def count(recorded: Recorded[Any]) -> None:
        with connections[service].cursor() as cursor:
            cursor.execute(
                "INSERT INTO tally VALUES (%s, ARRAY[%s::int], %s) ON CONFLICT (stream) DO UPDATE"
                " SET versions = tally.versions || EXCLUDED.versions, total = tally.total + EXCLUDED.total",
                [recorded.envelope.stream, recorded.envelope.version, recorded.event.number],
            )

    return count


@contextmanager
def installed(owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Know the handlers of this file and no others, and its events too."""
    monkeypatch.setattr(event_registry, "_BY_TYPE", dict(event_registry._BY_TYPE))
    monkeypatch.setattr(event_registry, "_BY_CLASS", dict(event_registry._BY_CLASS))
    event_registry.event(source="ingest", category="tally", published=True)(Counted)
    event_registry.event(source="ingest", category="note", published=False)(Noted)
    event_registry.event(source="analytics", category="conclusion", published=True)(Concluded)
    monkeypatch.setattr(handler_registry, "_HANDLERS", {})
    register("ingest", projectors={Counted: (counter("ingest"),)}, projections=(Tally,))
    both: dict[type, tuple[Handler, ...]] = {
        Counted: (counter("analytics"),),
        Concluded: (counter("analytics"),),
    }
    register("analytics", projectors=both, projections=(Tally,))
    for service in ("ingest", "analytics"):
        owner.execute(
            f"CREATE TABLE {service}.tally (stream text PRIMARY KEY, versions int[] NOT NULL, total int NOT NULL);"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {service}.tally TO bellwether_{service}"
        )
    try:
        yield
    finally:
        connections.close_all()
        owner.execute("DROP TABLE ingest.tally, analytics.tally")


def tell(stream: str, *numbers: int) -> None:
    """Append one Counted for each number to an ingest stream, in a transaction of its own."""
    with transaction.atomic(using="ingest", durable=True):
        append("ingest", stream, *(Counted(number=number) for number in numbers), now=NOW)


def outbox_bodies() -> list[bytes]:
    """Return the bodies of ingest's outbox in the order of their positions."""
    return [
        bytes(body)
        for body in Outbox.objects.using("ingest").order_by("position").values_list("body", flat=True)
    ]


def body_of(stream: str, version: int, *, type: str = "Counted", **changes: Any) -> bytes:
    """Return the body of an ingest event at a place, made without the record; its number is its version."""
    envelope = Envelope(
        event_id=event_id("ingest", stream, version),
        source="ingest",
        stream=stream,
        version=version,
        type=type,
        schema_version=1,
        data={"number": version},
        correlation_id=UUID(int=1),
        causation_id=None,
        occurred_at=NOW,
    )
    return dumps({**loads(envelope.to_bytes()), **changes})


def hear(*bodies: bytes) -> None:
    """Have analytics receive bodies, without waiting between the tries of a failing handler."""
    receive("analytics", bodies, pause=lambda _: None)


def heard(owner: psycopg.Connection, service: str = "analytics") -> dict[str, list[int]]:
    """Return for each stream the versions that a service applied, in the order it did."""
    return {stream: versions for stream, versions, _ in owner.execute(f"SELECT * FROM {service}.tally")}


def inbox_states(owner: psycopg.Connection) -> list[tuple[str, int, str]]:
    """Return (stream, version, state) of all that analytics received, by place."""
    return owner.execute("SELECT stream, version, state FROM analytics.inbox ORDER BY 1, 2").fetchall()


def parked_slugs() -> list[str]:
    """Return the slugs of the messages that analytics set aside, oldest first."""
    return list(
        Parked.objects.using("analytics")
        .filter(resolution=None)
        .order_by("id")
        .values_list("slug", flat=True)
    )


def together[T](*work: Callable[[], T]) -> list[T]:
    """Run functions at once, each in a thread with the caller's cause and its own connections; return their results."""

    def run(function: Callable[[], T]) -> T:
        try:
            return function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(work)) as pool:
        waiting = [pool.submit(copy_context().run, run, function) for function in work]
        return [future.result(timeout=DEADLINE_SECONDS) for future in waiting]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return once the condition holds, and fail when it takes too long."""
    give_up_at = time.monotonic() + DEADLINE_SECONDS / 2
    while not condition():
        assert time.monotonic() < give_up_at, f"waited in vain until {what}"


def wait_for_blocked(owner: psycopg.Connection, *, count: int = 1) -> None:
    """Return once `count` sessions of this database wait for a lock that another one holds."""

    def are_blocked() -> bool:
        waiting = owner.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return len(waiting.fetchall()) >= count

    wait_until(are_blocked, f"{count} sessions are blocked")
