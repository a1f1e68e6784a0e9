"""Fetch -> event -> backtest and forecast -> report, through real processes on both buses."""

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import transaction
from django.utils import timezone

from deploy.postgres.owner import as_owner
from services.analytics.backtests.domain import inputs_for
from services.analytics.backtests.services import start_backtest
from services.ingest.fetches.services import request_fetch
from services.tests.books import BEFORE_THE_WORKER, EACH_EFFECT_ONCE, counted
from services.tests.market_history import ask_a_vendor, hold_back_a_change, import_lines, keep_a_watch_list
from services.tests.pipeline import drain_everything
from services.tests.processes import wait_until, worker_process
from services.tests.searches import sweep_a_grid, walk_forward
from shared.eventstore.jobs import due_jobs
from shared.eventstore.rebuild import differences, rebuild
from shared.eventstore.registry import Recorded, handlers_of, project_each
from shared.eventstore.worker import run_job
from shared.settings.databases import SERVICES

BUNDLED = Path(__file__).resolve().parents[1] / "ingest/providers/bundled"

type Owner = psycopg.Connection[Any]


def fetch_now(symbol: str = "FB") -> None:
    """Do a whole fetch in this process, as the worker's job would, and nothing that follows from it."""
    request_fetch(
        fetch_id=uuid4(), symbol=symbol, provider="bundled", start=None, end=None, now=timezone.now()
    )
    for job_id in due_jobs("ingest", limit=10):
        run_job("ingest", job_id, lease_seconds=30)


def report_is_there(owner: Owner) -> Callable[[], bool]:
    return lambda: counted(owner)["reports.rendered"] == 1


def test_events_wait_for_the_worker_and_then_have_each_effect_once(
    db: Owner, cause: UUID, bus_url: str | None, tmp_path: Path
) -> None:
    fetch_now()

    assert counted(db) == BEFORE_THE_WORKER
    with worker_process(broker_url=bus_url, log=tmp_path / "worker.log"):
        wait_until(report_is_there(db), saying="the report")

    assert counted(db) == EACH_EFFECT_ONCE


def test_a_system_that_calls_handlers_inline_would_be_found_out(
    db: Owner, cause: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def project_and_call_reactors(service: str, items: Sequence[Recorded[Any]]) -> None:
        project_each(service, items)
        for recorded in items:
            for reactor in handlers_of("analytics").reactors.get(type(recorded.event), ()):
                with transaction.atomic(using="analytics"):
                    reactor(recorded)

    monkeypatch.setattr("shared.eventstore.append.project_each", project_and_call_reactors)

    fetch_now()

    assert counted(db) != BEFORE_THE_WORKER


def test_a_worker_killed_in_the_middle_of_a_run_leaves_one_result_after_a_restart(
    db: Owner, cause: UUID, migrated_database: str, bus_url: str | None, tmp_path: Path
) -> None:
    fetch_now()

    with psycopg.connect(migrated_database) as obstacle:
        obstacle.execute("LOCK TABLE analytics.run_equity IN ACCESS EXCLUSIVE MODE")
        with worker_process(broker_url=bus_url, log=tmp_path / "first.log") as first:
            wait_until(lambda: blocked_on(db, "run_equity"), saying="a run in the middle of its result")
            first.send_signal(signal.SIGKILL)
            first.wait()
    assert counted(db)["analytics.completed"] == 0

    with worker_process(broker_url=bus_url, log=tmp_path / "second.log"):
        wait_until(report_is_there(db), saying="the report")

    assert counted(db) == EACH_EFFECT_ONCE
    attempts = db.execute("SELECT attempts FROM analytics.job WHERE kind = 'backtest'").fetchone()
    assert attempts == (2,)


def blocked_on(owner: Owner, table: str) -> bool:
    waiting = owner.execute(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [f"analytics.{table}"]
    ).fetchone()
    return waiting is not None and waiting[0] > 0


def test_every_projection_rebuilt_from_the_record_equals_the_live_one(db: Owner, cause: UUID) -> None:
    make_history()
    tables = {
        service: [model._meta.db_table for model in handlers_of(service).projections] for service in SERVICES
    }
    live = {
        (service, table): rows_of(db, service, table) for service in SERVICES for table in tables[service]
    }
    assert all(live.values())

    for service, table in live:
        db.execute(f"DELETE FROM {service}.{table}")
    with as_owner():
        assert all(rebuild(service) > 0 for service in SERVICES)
        assert {service: sum(differences(service).values()) for service in SERVICES} == dict.fromkeys(
            SERVICES, 0
        )

    assert {place: rows_of(db, *place) for place in live} == live


def make_history() -> None:
    """Fetch, fetch nothing, import too little, correct a price, sweep, and ask for a run of one's own."""
    fetch_now("FB")
    request_fetch(
        fetch_id=uuid4(),
        symbol="FB",
        provider="bundled",
        start=date(2001, 1, 2),
        end=date(2001, 1, 5),
        now=timezone.now(),
    )
    lines = (BUNDLED / "FB.csv").read_text().splitlines()
    import_lines("SHORT", lines[:120])
    drain_everything()
    lines[900] = lines[900].replace(",0,1,", ",0.5,1,")
    import_lines("FB", lines, replaces=True)
    hold_back_a_change()
    keep_a_watch_list()
    ask_a_vendor()
    drain_everything()
    own = inputs_for(
        symbol="FB",
        data_version=2,
        basis="total_return",
        strategy="moving_average_dip",
        parameters={"buy_window": 20},
        initial_capital=Decimal(5000),
        commission_bps=Decimal(0),
        slippage_bps=Decimal(0),
    )
    start_backtest(inputs=own, now=timezone.now())
    sweep_a_grid("FB")
    walk_forward("FB")
    drain_everything()


def test_a_row_that_no_event_explains_is_a_difference(db: Owner, cause: UUID) -> None:
    fetch_now()
    db.execute("UPDATE ingest.instrument SET bar_count = bar_count + 1")

    with as_owner():
        found = differences("ingest")
    assert {table: count for table, count in found.items() if count} == {"instrument": 2}


def rows_of(owner: Owner, service: str, table: str) -> list[str]:
    rows = owner.execute(f"SELECT t::text FROM {service}.{table} t ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def test_a_worker_ends_when_the_command_that_started_it_is_gone(db: Owner) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "django", "run_roles", "--while-stdin-is-open"], stdin=subprocess.PIPE
    )

    worker.communicate(timeout=60)

    assert worker.returncode == 0
