"""What every test may ask for: a migrated database, the API, and a bus of each kind.

Tests set up their own databases, since there is no default alias: each worker makes one database with all
schemas, and each test that used it leaves it empty. Servers come from `python -m deploy.local.testing`.
"""

import os
from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
MAINTENANCE_URL = os.environ.get("BELLWETHER_TEST_DATABASE_URL", "")
TEST_BROKER_URL = os.environ.get("BELLWETHER_TEST_BROKER_URL", "")
DATABASE = f"bellwether_test_{WORKER}"
KEPT_TABLES = (
    *("django_migrations", "session", "calendar", "django_content_type", "auth_permission"),
    *("index_membership", "ticker_rename"),
)
SERVER_HELP = "Run `make test`: it starts the PostgreSQL and RabbitMQ that these tests need."

os.environ["DATABASE_URL"] = MAINTENANCE_URL.replace("/postgres?", f"/{DATABASE}?") or "postgresql:///none"
os.environ["SECRET_KEY"] = "only-for-tests-" + "0" * 32
os.environ["DJANGO_SETTINGS_MODULE"] = "deploy.local.settings"
os.environ["BROKER_NAMESPACE"] = f"test-{WORKER}-{uuid4().hex[:8]}"
os.environ["JOB_LEASE_SECONDS"] = "2"
os.environ["LOG_LEVEL"] = "ERROR"
os.environ["ALLOWED_HOSTS"] = "testserver,127.0.0.1,localhost"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make fuzz` ask for more than `make test` does."""
    parser.addoption("--fuzz-cases", type=int, default=300, help="least requests to each service")
    parser.addoption("--fuzz-seed", type=int, default=1, help="where the requests' random values begin")


def pytest_configure() -> None:
    """Load Django before any test module imports a model."""
    import django
    from django.test.utils import setup_test_environment
    from hypothesis import HealthCheck, settings

    # How long an example takes is up to what else the machine does.
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
    django.setup()
    setup_test_environment()
    _hash_fast()


def _hash_fast() -> None:
    """Let a password cost next to nothing: what one costs is measured, not tested."""
    from shared.identity.hashers import Argon2id

    Argon2id.time_cost, Argon2id.memory_cost = 1, 8


@pytest.fixture(scope="session")
def migrated_database() -> Iterator[str]:
    """Make this worker's database, and drop it at the end; give its owner's URL."""
    if not MAINTENANCE_URL:
        pytest.fail(SERVER_HELP)
    from django.db import connections

    from deploy.postgres.migrate import migrate

    name = sql.Identifier(DATABASE)
    with psycopg.connect(MAINTENANCE_URL, autocommit=True) as maintenance:
        maintenance.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        maintenance.execute(sql.SQL("CREATE DATABASE {}").format(name))
        migrate()
        yield os.environ["DATABASE_URL"]
        connections.close_all()
        maintenance.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="session")
def owner(migrated_database: str) -> Iterator[psycopg.Connection]:
    """Give a connection as the owner of everything."""
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def db(owner: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Give an empty, migrated database with real transactions; empty it again afterwards."""
    from django.db import connections

    yield owner
    connections.close_all()
    empty(owner)


@pytest.fixture
def cause() -> Iterator[UUID]:
    """Run the test as if inside a request; give its correlation id."""
    from shared.observability.correlation import Cause, caused_by

    with caused_by(Cause(uuid4())) as found:
        yield found.correlation_id


@pytest.fixture
def broker_url() -> str:
    """Give the real RabbitMQ. Tests that ask for it carry the mark `broker`."""
    return TEST_BROKER_URL


@pytest.fixture(params=["postgres", pytest.param("rabbitmq", marks=pytest.mark.broker)])
def bus_url(request: pytest.FixtureRequest) -> str | None:
    """Give None for the PostgreSQL bus and the broker's URL for RabbitMQ: a test runs on both."""
    return TEST_BROKER_URL if request.param == "rabbitmq" else None


@pytest.fixture
def token(db: psycopg.Connection) -> str:
    """Give an API token of user `tester`."""
    from shared.identity.tokens import create_token

    return create_token(username="tester", secret=os.urandom(32))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, and count, what needs a broker when there is none; `make test` says so loudly."""
    if TEST_BROKER_URL:
        return
    without = [item for item in items if item.get_closest_marker("broker")]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in without]


def empty(owner: psycopg.Connection) -> None:
    """Take every row that a test may have left."""
    tables = owner.execute(
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname IN ('ingest', 'ingest_quota', 'analytics', 'reports', 'identity', 'bus') AND tablename <> ALL(%s)",
        [list(KEPT_TABLES)],
    ).fetchall()
    names = sql.SQL(", ").join(sql.Identifier(schema, table) for schema, table in tables)
    owner.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))
