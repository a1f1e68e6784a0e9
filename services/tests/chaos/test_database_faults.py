"""The database fails under everything: matrix rows 4, 34, 44 and 45."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest

from deploy.postgres.migrate import migrate
from services.tests.chaos.buses import ON_BOTH_IN_FULL
from services.tests.chaos.conftest import connected_to
from services.tests.chaos.disks import filled, small_disk
from services.tests.chaos.servers import PostgresServer
from services.tests.chaos.stage import Stage, open_stage
from services.tests.chaos.web import ask_for_prices
from services.tests.chaos.web import web as start_web
from services.tests.processes import wait_until
from shared.identity.tokens import create_token


@ON_BOTH_IN_FULL
@pytest.mark.parametrize("point", ["relay.marked", "consumer.projected", "job.done"])
def test_a_database_killed_in_mid_transaction_keeps_what_it_confirmed(
    database_stage: Stage, private_postgres: PostgresServer, point: str
) -> None:
    stage = database_stage
    stage.write_many(12, job_every=4)
    halted = stage.start(KILL_AT=f"{point}:STOP")
    halted.wait_until_stopped()

    private_postgres.kill9()
    private_postgres.start()
    halted.send(signal.SIGCONT)
    stage.reconnect()
    stage.write_many(3)
    seconds = stage.settle()

    assert stage.check().ok == 15
    assert seconds < 10


@pytest.fixture
def web(database_stage: Stage) -> str:
    """Give the URL of a web server on the private database."""
    return start_web(database_stage)


@pytest.mark.chaos
@pytest.mark.parametrize("bus_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("fault", ["killed", "read-only", "full of sessions"])
def test_a_database_that_cannot_write_is_a_503_and_then_it_goes_on_by_itself(
    database_stage: Stage, private_postgres: PostgresServer, web: str, fault: str
) -> None:
    stage = database_stage
    token = create_token(username="tester", secret=os.urandom(32))
    stage.start()
    stage.write_many(10)
    stage.settle()

    with ExitStack() as fault_lasts:
        cause_fault(fault, stage, private_postgres, fault_lasts)
        began = time.monotonic()
        refused = ask_for_prices(web, token)
        seconds = time.monotonic() - began
    stage.reconnect()

    assert refused.status_code == 503, refused.text
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    assert int(refused.headers["Retry-After"]) > 0
    assert seconds < 12
    wait_until(lambda: ask_for_prices(web, token).ok, saying="a fetch that is taken")
    stage.write_many(10)
    stage.settle(seconds=60)
    assert stage.check().ok == 20


def cause_fault(fault: str, stage: Stage, server: PostgresServer, until: ExitStack) -> None:
    """Make the fault, and have it end with `until`."""
    if fault == "killed":
        server.kill9()
        until.callback(server.start)
    elif fault == "read-only":
        switch(stage, "on")
        until.callback(lambda: switch(stage, "off"))
    else:
        stage.owner.execute("ALTER SYSTEM SET max_connections = 8")
        server.stop()
        server.start()
        for _ in range(8):
            with suppress(psycopg.OperationalError):
                until.enter_context(psycopg.connect(stage.database_url))
        until.callback(lambda: widen(stage, server))


def switch(stage: Stage, read_only: str) -> None:
    """Have the server refuse writes, or take them again, as at a failover or when a volume is full."""
    with psycopg.connect(stage.database_url, autocommit=True) as owner:
        owner.execute("SET default_transaction_read_only = off")
        owner.execute(f"ALTER SYSTEM SET default_transaction_read_only = {read_only}")
        owner.execute("SELECT pg_reload_conf()")


def widen(stage: Stage, server: PostgresServer) -> None:
    server.stop()
    server.start()
    with psycopg.connect(stage.database_url, autocommit=True) as owner:
        owner.execute("ALTER SYSTEM RESET max_connections")
    server.stop()
    server.start()


@pytest.fixture
def tight_postgres(workload: None) -> Iterator[PostgresServer]:
    """Give a PostgreSQL on a disk of 300 MB."""
    with small_disk(megabytes=300) as home:
        server = PostgresServer(home)
        try:
            server.start()
            server.create_database()
            yield server
        finally:
            server.stop()


@pytest.mark.chaos
def test_a_database_on_a_full_disk_keeps_what_it_confirmed_and_goes_on_once_there_is_space(
    tight_postgres: PostgresServer, tmp_path: Path
) -> None:
    with connected_to(tight_postgres.url):
        migrate()
        with open_stage(database_url=tight_postgres.url, broker_url=None, folder=tmp_path) as stage:
            stage.write_many(20)
            with filled(tight_postgres.data.parent), suppress(Exception):
                for _ in range(200):
                    stage.write(f"s{_ % 3}", next(stage.numbers), mode="x" * 100_000)
            with suppress(Exception):
                tight_postgres.stop()
            tight_postgres.start()
            stage.reconnect()
            stage.write_many(5)
            stage.start()
            stage.settle(seconds=60)

            counts = stage.check()
            assert counts.lost == 0
            assert counts.ok >= 25
            assert len(stage.truth.attempted) > len(stage.truth.acknowledged)
