"""Throws projections away and makes them again from the record."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from shared.contracts.envelope import Envelope
from shared.eventstore.models import Event, Inbox
from shared.eventstore.registry import handlers_of, project, recorded

# Note [Rebuild of projections]
# Runs as the migrator. Projectors write through the service's alias as always, but the search path puts a
# schema with fresh copies of the projection tables in front, so the live rows are not touched. Locking the
# live tables first makes every event that is not yet projected wait, so the replay is complete; readers go on
# and see the old rows until the one commit that exchanges them. Exchanging rows and not tables keeps views,
# grants and constraint names as they are. Reactors never run here.


def rebuild(service: str) -> int:
    """Replace all projection rows of a service by a replay of its record; return the events replayed."""
    with _replayed(service) as (replayed, tables, shadow), connections[service].cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {service}.{table}")
            cursor.execute(f"INSERT INTO {service}.{table} SELECT * FROM {shadow}.{table}")
    return replayed


def differences(service: str) -> dict[str, int]:
    """Return for each projection table how many rows a replay would add or take away (0: it equals live)."""
    found = {}
    with _replayed(service) as (_, tables, shadow), connections[service].cursor() as cursor:
        for table in tables:
            live, fresh = f"SELECT * FROM {service}.{table}", f"SELECT * FROM {shadow}.{table}"
            cursor.execute(
                f"SELECT (SELECT count(*) FROM ({live} EXCEPT ALL {fresh}) a)"
                f" + (SELECT count(*) FROM ({fresh} EXCEPT ALL {live}) b)"
            )
            found[table] = int(cursor.fetchone()[0])
    return found


@contextmanager
def _replayed(service: str) -> Iterator[tuple[int, list[str], str]]:
    """Give (events replayed, tables, shadow schema) inside one transaction that drops the schema again."""
    tables = [model._meta.db_table for model in handlers_of(service).projections]  # noqa: SLF001 Django documents it
    shadow = f"rebuild_{service}"
    with transaction.atomic(using=service, durable=True):
        with connections[service].cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {shadow}")
            for table in tables:
                cursor.execute(f"LOCK TABLE {service}.{table} IN SHARE ROW EXCLUSIVE MODE")
                cursor.execute(f"CREATE TABLE {shadow}.{table} (LIKE {service}.{table} INCLUDING ALL)")
            cursor.execute(f"SET LOCAL search_path = {shadow}, {service}")
        yield _replay(service), tables, shadow
        with connections[service].cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {shadow} CASCADE")
            cursor.execute(f"SET LOCAL search_path = {service}")


def _replay(service: str) -> int:
    count = 0
    for envelope in _record_of(service):
        project(service, recorded(envelope))
        count += 1
    return count


def _record_of(service: str) -> Iterator[Envelope]:
    """Give what the service received and then what it decided, each stream in its order."""
    received = Inbox.objects.using(service).filter(state="handled").order_by("source", "stream", "version")
    for row in received.iterator(chunk_size=500):
        yield Envelope.from_bytes(bytes(row.body))
    for event in Event.objects.using(service).order_by("position").iterator(chunk_size=500):
        yield Envelope(
            event_id=event.event_id,
            source=service,
            stream=event.stream,
            version=event.version,
            type=event.type,
            schema_version=event.schema_version,
            data=event.data,
            correlation_id=event.correlation_id,
            causation_id=event.causation_id,
            occurred_at=event.occurred_at,
        )
