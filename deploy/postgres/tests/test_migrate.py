import os
from collections.abc import Iterator
from threading import Event
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from psycopg import sql

from deploy.postgres import migrate as module
from deploy.postgres.migrate import TableInUse, ensure_roles, migrate
from deploy.postgres.owner import as_owner
from shared.eventstore.tests.tally import together, wait_for_blocked, wait_until
from shared.settings.databases import ALIASES


def _shape(owner: psycopg.Connection) -> list[Any]:
    """Return all tables, columns, constraints, indexes, views and rights of the database."""
    return owner.execute(
        "SELECT n.nspname, c.relname, c.relkind::text, c.relacl::text, c.oid::bigint,"
        "       array_agg(a.attname || ' ' || a.atttypid::regtype || ' ' || coalesce(a.attacl::text, '') ORDER BY attnum)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        " WHERE n.nspname = ANY(%s) GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2",
        [[*ALIASES, "market", "results", "feed", "bus"]],
    ).fetchall()


def test_migrating_again_changes_nothing(db: psycopg.Connection) -> None:
    before = _shape(db)
    migrate()
    assert _shape(db) == before
    assert len(before) > 50


def test_every_schema_has_a_migration_table_of_its_own(db: psycopg.Connection) -> None:
    rows = db.execute(
        "SELECT table_schema::text FROM information_schema.tables WHERE table_name = 'django_migrations' ORDER BY 1"
    ).fetchall()
    assert [row[0] for row in rows] == sorted(ALIASES)


@pytest.mark.usefixtures("db")
def test_every_model_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.fixture
def other_database(owner: psycopg.Connection) -> Iterator[str]:
    """Give the URL of a second, empty database on the same server."""
    name = f"{owner.info.dbname}_other"
    owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield os.environ["DATABASE_URL"].replace(f"/{owner.info.dbname}?", f"/{name}?")
    owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_two_databases_may_create_the_roles_at_once(
    owner: psycopg.Connection, other_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"{owner.info.dbname}_role"
    monkeypatch.setattr(module, "ROLE_OF", {"ingest": role})
    role_is_made = Event()

    def first() -> None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            role_is_made.set()
            wait_until(lambda: _is_blocked(owner, other_database), "the other database waits for this one")

    def second() -> None:
        assert role_is_made.wait(timeout=10)
        with psycopg.connect(other_database, autocommit=True) as connection:
            ensure_roles(connection)

    try:
        together(first, second)
        assert owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchall() == [(1,)]
    finally:
        for url in (other_database, os.environ["DATABASE_URL"]):
            with psycopg.connect(url) as connection:
                connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def _is_blocked(owner: psycopg.Connection, url: str) -> bool:
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    waiting = owner.execute(
        "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND cardinality(pg_blocking_pids(pid)) > 0", [name]
    )
    return bool(waiting.fetchall())


def test_of_two_migrations_at_once_the_second_waits_and_finds_the_work_done(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[str] = []

    def watched(command: str, **options: Any) -> None:
        commands.append(options["database"])

    monkeypatch.setattr(module, "call_command", watched)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as busy:
        busy.execute("SELECT pg_advisory_lock(%s)", [module._LOCK])

        def release() -> None:
            wait_for_blocked(db)
            assert commands == []
            busy.execute("SELECT pg_advisory_unlock(%s)", [module._LOCK])

        together(migrate, release)
    assert commands == list(ALIASES)


def change_outbox(command: object, *, database: str, **options: Any) -> None:
    """Do what a migration of one service does that changes a table: hold it alone until the commit."""
    if database == "ingest":
        with transaction.atomic(using=database), connections[database].cursor() as cursor:
            cursor.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")


@pytest.fixture(params=["bus.delivery", "ingest.outbox"])
def held_table(
    db: psycopg.Connection, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, psycopg.Connection]]:
    """Give a table that is to change, by a file of SQL or by a migration, and who has read it and not ended."""
    if request.param == "ingest.outbox":
        monkeypatch.setattr(module, "call_command", change_outbox)
    with psycopg.connect(os.environ["DATABASE_URL"]) as idle:
        idle.execute(f"SELECT FROM {request.param}")
        yield request.param, idle


def test_readers_wait_half_a_second_at_most_for_a_migration_that_an_open_transaction_holds_up(
    db: psycopg.Connection, held_table: tuple[str, psycopg.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    table, idle = held_table
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.05)
    reads = 0

    def read_meanwhile() -> None:
        nonlocal reads
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as reader:
            reader.execute("SET statement_timeout = '2s'")
            try:
                for _ in range(3):
                    wait_for_blocked(db)
                    reader.execute(f"SELECT FROM {table}")
                    reads += 1
            finally:
                idle.rollback()

    together(migrate, read_meanwhile)

    assert reads == 3


def test_a_migration_that_is_held_up_for_too_long_says_so_and_leaves_the_rights_as_they_were(
    db: psycopg.Connection, held_table: tuple[str, psycopg.Connection]
) -> None:
    before = _shape(db)

    with pytest.raises(TableInUse, match=r"lock timeout.*pg_stat_activity"):
        migrate(patience_seconds=0)

    assert _shape(db) == before


def test_what_is_wrong_with_a_migration_is_told_at_once(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: object, **options: Any) -> None:
        raise OperationalError("disk full")

    monkeypatch.setattr(module, "call_command", fail)

    with pytest.raises(OperationalError, match="disk full"):
        migrate()


def test_the_owner_is_the_owner_inside_the_block_only(db: psycopg.Connection) -> None:
    def user(alias: str) -> str:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT current_user")
            return str(cursor.fetchone()[0])

    roles = {alias: f"bellwether_{alias}" for alias in ALIASES}
    assert {alias: user(alias) for alias in ALIASES} == roles
    with pytest.raises(ZeroDivisionError), as_owner():
        assert {user(alias) for alias in ALIASES} == {db.info.user}
        raise ZeroDivisionError
    assert {alias: user(alias) for alias in ALIASES} == roles
