"""Appends one event with its outbox row in a transaction of its own, from one writer and from four at once (E1, E2).

Beside it: plain psycopg with the same two rows, Django's `create()`, and the recorders of the eventsourcing
library. Every way commits each event durably; the tables must hold what was appended before times count. Run as
`uv run --with 'eventsourcing[postgres]' python benchmarks/events_append.py`.
"""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from event_domain import TEXT, Ticked, make_tables, print_rates, rates, system

COUNT, ROUNDS, WRITERS = 1_000, 5, 4
OURS, PLAIN, DJANGO = "ours", "plain psycopg, two INSERTs", "Django `create()`, two rows"
RECORDERS = ("PostgresApplicationRecorder", "PostgresAggregateRecorder")
APPLICATION, AGGREGATE = "eventsourcing, application recorder", "eventsourcing, aggregate recorder"


def ours(count: int) -> None:
    """Append by our own way."""
    from django.db import transaction

    from shared.eventstore.append import append
    from shared.observability.correlation import Cause, caused_by

    now = datetime.now(UTC)
    with caused_by(Cause(uuid4())):
        for number in range(count):
            with transaction.atomic(using="ingest", durable=True):
                event = Ticked(number=number, text=TEXT)
                append("ingest", f"tick-{uuid4()}", event, now=now, expected_version=0)


def plain(count: int) -> None:
    """Insert the same rows by psycopg alone."""
    from psycopg.types.json import Jsonb

    now = datetime.now(UTC)
    with psycopg.connect(os.environ["DATABASE_URL"], options="-c search_path=ingest") as connection:
        for number in range(count):
            event_id, data = uuid4(), {"number": number, "text": TEXT}
            row = connection.execute(
                "INSERT INTO event (event_id, stream, version, type, schema_version, data, correlation_id,"
                " occurred_at) VALUES (%s, %s, 1, 'Ticked', 1, %s, %s, %s) RETURNING position",
                [event_id, f"tick-{event_id}", Jsonb(data), event_id, now],
            ).fetchone()
            assert row is not None
            connection.execute(
                "INSERT INTO outbox (position, event_id, stream, body, routing_key) VALUES (%s, %s, %s, %s, %s)",
                [row[0], event_id, f"tick-{event_id}", b"x" * 600, "ingest.Ticked"],
            )
            connection.commit()


def django(count: int) -> None:
    """Insert the same rows by Django's models."""
    from django.db import transaction

    from shared.eventstore.models import Event, Outbox

    now = datetime.now(UTC)
    for number in range(count):
        event_id = uuid4()
        same = {"event_id": event_id, "stream": f"tick-{event_id}"}
        with transaction.atomic(using="ingest", durable=True):
            event = Event.objects.using("ingest").create(
                **same,
                version=1,
                type="Ticked",
                schema_version=1,
                data={"number": number, "text": TEXT},
                correlation_id=event_id,
                occurred_at=now,
            )
            Outbox.objects.using("ingest").create(
                **same, position=event.position, body=b"x" * 600, routing_key="ingest.Ticked"
            )


@contextmanager
def rival(recorder: str) -> Iterator[Any]:
    """Give a recorder of the eventsourcing library."""
    from eventsourcing import postgres  # type: ignore[import-not-found]

    found = psycopg.conninfo.conninfo_to_dict(os.environ["DATABASE_URL"])
    with postgres.PostgresDatastore(
        dbname=str(found["dbname"]),
        host=str(found["host"]),
        port=str(found.get("port", "5432")),
        user=str(found["user"]),
        password=str(found.get("password", "")),
        schema="rival",
    ) as datastore:
        yield getattr(postgres, recorder)(datastore, events_table_name=recorder.lower())


def record(recorder: str, count: int) -> None:
    """Record by the eventsourcing library, one event in each call."""
    from eventsourcing.persistence import StoredEvent  # type: ignore[import-not-found]

    with rival(recorder) as kept:
        for _ in range(count):
            stored = StoredEvent(
                originator_id=uuid4(), originator_version=1, topic="Ticked", state=b"x" * 300
            )
            kept.insert_events([stored])


def application(count: int) -> None:
    """Record in one total order."""
    record(RECORDERS[0], count)


def aggregate(count: int) -> None:
    """Record in streams only."""
    record(RECORDERS[1], count)


WAYS = {OURS: ours, PLAIN: plain, DJANGO: django, APPLICATION: application, AGGREGATE: aggregate}


def _write(name: str, count: int, start: Any) -> None:
    import sys

    from event_domain import CHECKOUT, register_domain

    sys.path.insert(0, str(CHECKOUT))
    import django as framework

    framework.setup()
    register_domain()
    WAYS[name](5)
    start.wait()
    WAYS[name](count)


def at_once(name: str, count: int) -> float:
    """Return the rate at which four processes append `count` events each."""
    import time

    context = multiprocessing.get_context("spawn")
    start = context.Barrier(WRITERS + 1)
    writers = [context.Process(target=_write, args=(name, count, start)) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    start.wait()
    began = time.perf_counter()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    return WRITERS * count / (time.perf_counter() - began)


def main() -> None:
    """Compare one writer, and then four."""
    with system(with_broker=False) as (url, _), psycopg.connect(url, autocommit=True) as owner:
        make_tables(owner)
        owner.execute("CREATE SCHEMA rival")
        for recorder in RECORDERS:
            with rival(recorder) as kept:
                kept.create_table()
        print_rates("one writer", rates(WAYS, count=COUNT, rounds=ROUNDS), beside=OURS)
        row = owner.execute("SELECT count(*) FROM ingest.event").fetchone()
        assert row == (3 * ROUNDS * COUNT,), row
        four = {name: at_once(name, COUNT) for name in (OURS, PLAIN, APPLICATION)}
        print_rates(f"{WRITERS} writers at once", four, beside=OURS)


if __name__ == "__main__":
    main()
