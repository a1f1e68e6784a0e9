"""Throws projections away and makes them again from the record, while readers and writers go on."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, connections, transaction

from shared.errors import BellwetherError
from shared.eventstore.inbox import Pause
from shared.eventstore.registry import handlers_of
from shared.eventstore.replay import Progress, Replay

# Waits longer than PostgreSQL takes to send its own vacuum away from a table that somebody wants.
LOCK_TRIES, LOCK_WAIT, LOCK_PAUSE_SECONDS = 60, "2s", 0.5
FEW_EVENTS, MOST_ROUNDS = 100, 20

# Note [Rebuild of projections]
# Runs as the migrator. Projectors write through the service's alias as always, but the search path puts a
# schema with fresh copies of the projection tables in front, so the live rows are not touched and nobody waits.
# What was recorded meanwhile is replayed in further rounds until little is left. Only then are the live tables
# locked against writers, not readers. An event that is committed by now is replayed; one that is not has not
# touched these tables, for the lock waited for all who had, and goes on behind us on the rows that are then live.
# Under the lock just the rows that differ are exchanged, in one commit: of a projection that was right none is.
# Exchanging rows and not tables keeps views, grants and constraint names as they are. Reactors never run here.

# Note [Locks without deadlock]
# A writer may hold one projection table and want another. Whoever waits holding a lock could close the circle, so
# we wait for one table only, holding nothing, and take the others at once or let go of all.


class RebuildUnderWay(BellwetherError):
    """Raised when the projections of the service are being rebuilt or checked already; wait for it to end."""

    status, slug, title = 409, "rebuild-under-way", "A rebuild is under way"


class RebuildBlocked(BellwetherError):
    """Raised when writers kept a projection locked all the time; nothing was changed, try again."""

    status, slug, title = 503, "rebuild-blocked", "The projections could not be locked"
    retry_after_seconds = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many events were replayed, and for each projection table how many rows it took away or added."""

    events: int
    differences: dict[str, int]


def _unseen(done: int, total: int) -> None:
    """Tell nobody how far it is."""


def rebuild(service: str, *, progress: Progress = _unseen, pause: Pause = time.sleep) -> int:
    """Put all projection rows of a service right by a replay of its record; return the events replayed.

    Raises what `replay` raises.
    """
    return replay(service, keeps=True, progress=progress, pause=pause).events


def differences(service: str, *, progress: Progress = _unseen, pause: Pause = time.sleep) -> dict[str, int]:
    """Return for each projection table how many rows a rebuild would take away or add (0: it equals live).

    Raises what `replay` raises.
    """
    return replay(service, keeps=False, progress=progress, pause=pause).differences


def replay(service: str, *, keeps: bool, progress: Progress = _unseen, pause: Pause = time.sleep) -> Replayed:
    """Replay a service's record into fresh tables, and put the live rows right by them if it `keeps` the outcome.

    `progress(done, total)` is called now and then; `pause(seconds)` while writers have to be waited for. Whatever it
    raises, the live rows are as they were: RebuildUnderWay, RebuildBlocked, and ReplayFailed naming the event that
    its projector cannot take.
    """
    tables = {model._meta.db_table: model._meta.pk_fields for model in handlers_of(service).projections}  # noqa: SLF001 Django documents it
    keys = {table: [str(field.column) for field in fields] for table, fields in tables.items()}
    with _alone(service), _fresh_tables(service, list(keys)) as schema:
        replaying = Replay(service, schema, progress=progress, pause=pause)

        def exchange() -> Replayed:
            replaying.finish()
            found = {table: _exchange(service, schema, table, key) for table, key in keys.items()}
            transaction.set_rollback(not keeps, using=service)
            return Replayed(events=replaying.done, differences=found)

        return _with_writers_waiting(service, list(keys), replaying, exchange, pause)


@contextmanager
def _alone(service: str) -> Iterator[None]:
    """Let nobody else rebuild the service meanwhile; the lock goes with the connection."""
    name = [f"rebuild of {service}"]
    with connections[service].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name)
        if not cursor.fetchone()[0]:
            raise RebuildUnderWay(f"The projections of {service} are being rebuilt or checked already.")
    try:
        yield
    finally:
        with suppress(OperationalError, InterfaceError), connections[service].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)


@contextmanager
def _fresh_tables(service: str, tables: list[str]) -> Iterator[str]:
    """Give the name of a schema with empty copies of the tables; what an interrupted rebuild left goes first."""
    schema = f"rebuild_{service}"
    with transaction.atomic(using=service, durable=True), connections[service].cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        cursor.execute(f"CREATE SCHEMA {schema}")
        for table in tables:
            cursor.execute(f"CREATE UNLOGGED TABLE {schema}.{table} (LIKE {service}.{table} INCLUDING ALL)")
        cursor.execute(
            f"CREATE UNLOGGED TABLE {schema}.replayed"
            " (source text, stream text, version int NOT NULL, PRIMARY KEY (source, stream))"
        )
    connection = connections[service].connection
    try:
        yield schema
    finally:
        # After a connection that broke the schema may be another's by now: the lock went with the connection.
        if connections[service].connection is connection:
            with suppress(OperationalError, InterfaceError), connections[service].cursor() as cursor:
                cursor.execute(f"DROP SCHEMA {schema} CASCADE")


def _with_writers_waiting(
    service: str, tables: list[str], replaying: Replay, work: Callable[[], Replayed], pause: Pause
) -> Replayed:
    """Catch up until little is left, then do the rest in a transaction that holds all writers of the tables off."""
    order = tables
    for _ in range(LOCK_TRIES):
        for _ in range(MOST_ROUNDS):
            if replaying.catch_up() <= FEW_EVENTS:
                break
        with transaction.atomic(using=service, durable=True):
            busy = _lock(service, order)
            if busy is None:
                return work()
        order = [busy, *(table for table in tables if table != busy)]
        pause(LOCK_PAUSE_SECONDS)
    raise RebuildBlocked(f"Writers kept {service}.{busy} locked; nothing was changed.")


def _lock(service: str, tables: list[str]) -> str | None:
    """Lock all tables against writers, or none; return which one is taken. See Note [Locks without deadlock]."""
    table = ""
    try:
        with transaction.atomic(using=service), connections[service].cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            for number, table in enumerate(tables):
                wait = "NOWAIT" if number else ""
                cursor.execute(f"LOCK TABLE {service}.{table} IN EXCLUSIVE MODE {wait}")
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != "55P03":
            raise
        return table
    return None


def _exchange(service: str, schema: str, table: str, key: list[str]) -> int:
    """Replace the live rows that are not as the fresh ones are; return how many went and came."""
    live, fresh = f"{service}.{table}", f"{schema}.{table}"
    same_key = " AND ".join(f'l."{column}" = f."{column}"' for column in key)
    with connections[service].cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {live} l WHERE NOT EXISTS"
            f" (SELECT FROM {fresh} f WHERE {same_key} AND (f.*) IS NOT DISTINCT FROM (l.*))"
        )
        gone = cursor.rowcount
        cursor.execute(
            f"INSERT INTO {live} SELECT f.* FROM {fresh} f WHERE NOT EXISTS (SELECT FROM {live} l WHERE {same_key})"
        )
        return int(gone + cursor.rowcount)
