"""What each role may do is told here once more, from the design and not from `grants.sql`."""

from collections.abc import Iterator
from itertools import product

import psycopg
import pytest
from django.db import connections
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from shared.identity.tokens import create_token

ROLES = {name: f"bellwether_{name}" for name in ("ingest", "analytics", "reports", "identity")}
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
READ, GROW, ALL = {"SELECT"}, {"SELECT", "INSERT"}, {"SELECT", "INSERT", "UPDATE", "DELETE"}

# Of a schema that is its own a role may do everything but this: the record only grows, calendars are given.
LIMITED = {
    **{f"{name}.django_migrations": READ for name in ROLES},
    **{f"{name}.outbox": GROW for name in ("ingest", "analytics", "reports")},
    **{f"{name}.inbox": {*GROW, "DELETE"} for name in ("ingest", "analytics", "reports")},
    "ingest.event": GROW,
    "ingest.bar": GROW,
    "ingest.action": GROW,
    "ingest.quarantined_bar": GROW,
    "ingest.quarantined_action": GROW,
    "ingest.session": READ,
    "ingest.calendar": READ,
    "ingest.index_membership": READ,
    "ingest.ticker_rename": READ,
    "ingest.provider_call": GROW,
    "analytics.event": GROW,
    "analytics.run_trade": GROW,
    "analytics.run_equity": GROW,
    "analytics.sweep_chunk": GROW,
    "analytics.walk_forward_equity": GROW,
    "reports.event": GROW,
    "reports.report_file": GROW,
}
# What is published: views to read, and the bus that carries one way.
SETTLE = {"SELECT", "DELETE"}
PUBLISHED = {
    "market": {"ingest": READ, "analytics": READ, "reports": READ},
    "feed": {"ingest": READ, "analytics": READ, "reports": READ},
    "results": {"analytics": READ, "reports": READ},
    "bus": {"ingest": {"INSERT"}, "analytics": {"INSERT", *SETTLE}, "reports": SETTLE},
}
OWN_SCHEMAS = set(ROLES)


def _relations(owner: psycopg.Connection) -> list[str]:
    """Return what migrations and their SQL made; what stands in ingest_quota is made while the system runs."""
    rows = owner.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'ingest_quota') ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def _quoted(relation: str) -> str:
    return ".".join(f'"{part}"' for part in relation.split("."))


def _granted(service: str, relation: str) -> set[str]:
    schema = relation.split(".", maxsplit=1)[0]
    if schema in PUBLISHED:
        return PUBLISHED[schema].get(service, set())
    return LIMITED.get(relation, ALL) if schema == service else set()


def test_every_role_has_exactly_its_rights_on_every_table_and_view(db: psycopg.Connection) -> None:
    relations = _relations(db)
    assert {relation.split(".")[0] for relation in relations} == OWN_SCHEMAS | set(PUBLISHED)
    assert set(LIMITED) <= set(relations)
    wrong = {}
    for (service, role), relation in product(ROLES.items(), relations):
        query = "SELECT " + ", ".join(
            f"has_table_privilege('{role}', %(relation)s, '{right}')" for right in RIGHTS
        )
        row = db.execute(query, {"relation": _quoted(relation)}).fetchone()
        assert row is not None
        has = {right for right, is_granted in zip(RIGHTS, row, strict=True) if is_granted}
        if has != _granted(service, relation):
            wrong[role, relation] = has
    assert wrong == {}


def test_of_what_only_grows_a_role_may_change_only_the_column_that_marks_its_end(
    db: psycopg.Connection,
) -> None:
    found = db.execute(
        "SELECT grantee, table_schema || '.' || table_name, column_name, privilege_type"
        " FROM information_schema.column_privileges"
        " WHERE table_schema || '.' || table_name = ANY(%s) AND privilege_type IN ('UPDATE', 'REFERENCES')"
        " AND grantee <> current_user ORDER BY 2, 3",
        [list(LIMITED)],
    ).fetchall()
    assert found == [
        ("bellwether_analytics", "analytics.inbox", "state", "UPDATE"),
        ("bellwether_analytics", "analytics.outbox", "sent_at", "UPDATE"),
        ("bellwether_ingest", "ingest.action", "superseded_version", "UPDATE"),
        ("bellwether_ingest", "ingest.bar", "superseded_version", "UPDATE"),
        ("bellwether_ingest", "ingest.inbox", "state", "UPDATE"),
        ("bellwether_ingest", "ingest.outbox", "sent_at", "UPDATE"),
        *(
            ("bellwether_ingest", "ingest.provider_call", column, "UPDATE")
            for column in ("answered_at", "body_sha256", "byte_count", "detail", "http_status", "verdict")
        ),
        ("bellwether_reports", "reports.inbox", "state", "UPDATE"),
        ("bellwether_reports", "reports.outbox", "sent_at", "UPDATE"),
    ]


@pytest.mark.parametrize("service", ROLES)
def test_a_role_that_reads_what_is_not_its_own_is_refused(db: psycopg.Connection, service: str) -> None:
    refused, read = 0, 0
    with connections[service].cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (ROLES[service],)
        connection: psycopg.Connection = cursor.connection
        for relation in _relations(db):
            schema, table = relation.split(".")
            statement = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(schema, table))
            if "SELECT" in _granted(service, relation):
                connection.execute(statement)
                read += 1
            else:
                with pytest.raises(InsufficientPrivilege):
                    connection.execute(statement)
                refused += 1
    assert read > 0
    assert refused > 20


@pytest.mark.parametrize("service", ROLES)
def test_a_role_may_only_make_temporary_tables(db: psycopg.Connection, service: str) -> None:
    with connections[service].cursor() as cursor:
        connection: psycopg.Connection = cursor.connection
        connection.execute("CREATE TEMPORARY TABLE staging (n int); DROP TABLE staging")
        for schema in [*OWN_SCHEMAS, *PUBLISHED, "public"]:
            with pytest.raises(InsufficientPrivilege):
                connection.execute(f"CREATE TABLE {schema}.mine (n int)")
        with pytest.raises(InsufficientPrivilege):
            connection.execute("CREATE SCHEMA mine")


def test_no_role_can_log_in_by_itself_or_rule_over_others(db: psycopg.Connection) -> None:
    rows = db.execute(
        "SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles"
        " WHERE rolname = ANY(%s)",
        [list(ROLES.values())],
    ).fetchall()
    assert sorted(rows) == sorted((role, False, False, False, False, False) for role in ROLES.values())
    members = db.execute(
        "SELECT m.rolname, g.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member"
        " JOIN pg_roles g ON g.oid = a.roleid WHERE m.rolname = ANY(%s)",
        [list(ROLES.values())],
    ).fetchall()
    assert members == []


@pytest.mark.parametrize("service", ROLES)
def test_every_role_may_ask_whose_a_token_is_and_only_identity_may_see_tokens(
    db: psycopg.Connection, service: str
) -> None:
    create_token(username="tester", secret=b"s" * 32)
    with connections[service].cursor() as cursor:
        cursor.execute("SELECT username FROM identity.check_token(sha256(%s))", [b"s" * 32])
        assert cursor.fetchall() == [("tester",)]
        cursor.execute("SELECT username FROM identity.check_token(%s)", [b"s" * 32])
        assert cursor.fetchall() == []
    may_see = db.execute("SELECT has_table_privilege(%s, 'identity.token', 'SELECT')", [ROLES[service]])
    assert may_see.fetchone() == (service == "identity",)


def test_the_public_may_call_and_see_nothing(db: psycopg.Connection) -> None:
    functions = db.execute(
        "SELECT p.oid::regprocedure::text, has_function_privilege('public', p.oid, 'EXECUTE') FROM pg_proc p"
        " WHERE p.pronamespace::regnamespace::text = ANY(%s)",
        [[*OWN_SCHEMAS, *PUBLISHED]],
    ).fetchall()
    assert functions == [("identity.check_token(bytea)", False)]
    schemas = [*OWN_SCHEMAS, *PUBLISHED, "public"]
    for schema, right in product(schemas, ("USAGE", "CREATE")):
        row = db.execute("SELECT has_schema_privilege('public', %s, %s)", [schema, right]).fetchone()
        assert row == (False,), (schema, right)
    for relation in _relations(db):
        row = db.execute("SELECT has_table_privilege('public', %s, 'SELECT')", [_quoted(relation)]).fetchone()
        assert row == (False,), relation


def test_the_function_that_checks_tokens_cannot_be_led_astray(db: psycopg.Connection) -> None:
    row = db.execute(
        "SELECT prosecdef, proconfig FROM pg_proc WHERE oid = 'identity.check_token(bytea)'::regprocedure"
    ).fetchone()
    assert row == (True, ["search_path=identity, pg_temp"])


def test_bars_and_actions_cannot_be_overwritten(db: psycopg.Connection) -> None:
    with connections["ingest"].cursor() as cursor:
        connection: psycopg.Connection = cursor.connection
        for table in ("bar", "action"):
            connection.execute(f"UPDATE {table} SET superseded_version = 2")
            for statement in (f"UPDATE {table} SET version = 2", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(InsufficientPrivilege):
                    connection.execute(statement)


@pytest.fixture
def bucket(db: psycopg.Connection) -> Iterator[str]:
    """Give a table that the role of ingest made for itself, as its buckets are."""
    with connections["ingest"].cursor() as cursor:
        cursor.execute("CREATE TABLE ingest_quota.bucket (n int)")
    yield "ingest_quota.bucket"
    db.execute("DROP TABLE ingest_quota.bucket")


def test_only_ingest_may_make_and_use_the_buckets_that_count_calls(
    db: psycopg.Connection, bucket: str
) -> None:
    for service, role in ROLES.items():
        has = db.execute(
            "SELECT has_schema_privilege(%(role)s, 'ingest_quota', 'USAGE'),"
            " has_schema_privilege(%(role)s, 'ingest_quota', 'CREATE'),"
            " has_table_privilege(%(role)s, %(bucket)s, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')",
            {"role": role, "bucket": bucket},
        ).fetchone()
        assert has == ((service == "ingest",) * 3), role
    for right in ("USAGE", "CREATE"):
        public = db.execute("SELECT has_schema_privilege('public', 'ingest_quota', %s)", [right])
        assert public.fetchone() == (False,)


def test_a_consumer_sees_only_its_own_deliveries(db: psycopg.Connection) -> None:
    db.execute(
        "INSERT INTO bus.delivery (consumer, event_id, body)"
        " VALUES ('analytics', gen_random_uuid(), ''), ('reports', gen_random_uuid(), '')"
    )
    for service in ("analytics", "reports"):
        with connections[service].cursor() as cursor:
            cursor.execute("SELECT consumer FROM bus.delivery")
            assert cursor.fetchall() == [(service,)]
            cursor.execute("DELETE FROM bus.delivery WHERE consumer <> %s", [service])
            assert cursor.rowcount == 0
