import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from services.tests.chaos.servers import PostgresServer, RabbitServer
    from services.tests.chaos.stage import Stage

type Owner = psycopg.Connection[Any]


@pytest.fixture
def workload(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know the cheap workload in this process too, beside the product's own handlers."""
    import shared.contracts.registry as event_registry
    import shared.eventstore.jobs as job_registry
    import shared.eventstore.registry as handler_registry
    from services.tests.chaos.domain import install

    monkeypatch.setattr(event_registry, "_BY_TYPE", dict(event_registry._BY_TYPE))
    monkeypatch.setattr(event_registry, "_BY_CLASS", dict(event_registry._BY_CLASS))
    monkeypatch.setattr(job_registry, "_KINDS", dict(job_registry._KINDS))
    handlers = {
        service: handler_registry.ServiceHandlers(
            projectors=dict(known.projectors), reactors=dict(known.reactors), projections=known.projections
        )
        for service, known in handler_registry._HANDLERS.items()
    }
    monkeypatch.setattr(handler_registry, "_HANDLERS", handlers)
    install()


@pytest.fixture
def stage(
    db: Owner, migrated_database: str, bus_url: str | None, workload: None, tmp_path: Path
) -> Iterator["Stage"]:
    """Give a stage on the tests' common servers, once for each bus."""
    from services.tests.chaos.stage import open_stage

    with open_stage(database_url=migrated_database, broker_url=bus_url, folder=tmp_path) as found:
        yield found


@pytest.fixture
def broker_stage(
    db: Owner, migrated_database: str, private_broker: "RabbitServer", workload: None, tmp_path: Path
) -> Iterator["Stage"]:
    """Give a stage whose broker may be killed."""
    from services.tests.chaos.stage import open_stage

    with open_stage(database_url=migrated_database, broker_url=private_broker.url, folder=tmp_path) as found:
        yield found


@pytest.fixture
def database_stage(
    private_database: str, bus_url: str | None, workload: None, tmp_path: Path
) -> Iterator["Stage"]:
    """Give a stage whose database may be killed, once for each bus."""
    from services.tests.chaos.stage import open_stage

    with open_stage(database_url=private_database, broker_url=bus_url, folder=tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """Give a folder with a path short enough for sockets, that PostgreSQL's account may pass through."""
    with tempfile.TemporaryDirectory(prefix="bw-chaos-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="session")
def private_postgres(short_folder: Path) -> Iterator["PostgresServer"]:
    """Give a migrated PostgreSQL that tests may kill."""
    from deploy.postgres.migrate import migrate
    from services.tests.chaos.servers import PostgresServer

    server = PostgresServer(short_folder)
    server.start()
    server.create_database()
    with connected_to(server.url):
        migrate()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def private_broker(short_folder: Path) -> Iterator["RabbitServer"]:
    """Give a RabbitMQ that tests may kill."""
    from services.tests.chaos.servers import RabbitServer

    server = RabbitServer(short_folder / "rabbitmq")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.close()


@pytest.fixture
def private_database(private_postgres: "PostgresServer") -> Iterator[str]:
    """Give the URL of the private database, which this process uses too; it is emptied afterwards."""
    from conftest import empty

    with connected_to(private_postgres.url):
        yield private_postgres.url
    with psycopg.connect(private_postgres.url, autocommit=True) as owner:
        empty(owner)


@contextmanager
def connected_to(url: str) -> Iterator[None]:
    """Have this process use another database inside the block."""
    from django.conf import settings
    from django.db import connections

    from deploy.postgres.owner import _switch
    from shared.settings.databases import ALIASES, databases

    kept = {alias: dict(connections.settings[alias]) for alias in ALIASES}
    values = {**settings.BELLWETHER, "DATABASE_URL": url}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(settings.BELLWETHER, "DATABASE_URL", url)
        _switch({alias: {**kept[alias], **config} for alias, config in databases(values).items() if config})
        try:
            yield
        finally:
            _switch(kept)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say with which seeds chaos was survived, how many faults there were, and what the books say."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in report.user_properties:
            if name == "chaos" and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {text}")
