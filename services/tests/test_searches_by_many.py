"""Searches by real worker processes, of which one dies, and which stop when nobody wants the result any more."""

import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.metrics import Year
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import Conditions, run_chunk
from services.analytics.kernel.tests.synthetic import random_walk
from services.analytics.sweeps.models import SweepChunk
from services.analytics.sweeps.services import WORK
from services.tests.pipeline import drain_everything
from services.tests.processes import wait_until, worker_process
from shared.eventstore.jobs import OPEN_STATES
from shared.eventstore.models import Event, Job
from shared.http.tests.api_client import ApiClient

SWEEPS = "/api/v1/sweeps/"
SIX_CHUNKS = {
    "fast_window": {"from": 2, "to": 101, "step": 1},
    "slow_window": {"from": 102, "to": 396, "step": 1},
}
MANY_CHUNKS = {
    "fast_window": {"from": 1, "to": 500, "step": 1},
    "slow_window": {"from": 2, "to": 1000, "step": 1},
}
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE '%%sweep_chunk%%'"
)

type Owner = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def compiled() -> None:
    """Have the kernel's machine code be there before any clock runs; workers take it from its cache."""
    market, strategy = random_walk(1, 1000), strategy_named("sma_cross")
    conditions = Conditions(
        initial_capital=10_000,
        costs=Costs(commission_bps=10, slippage_bps=5),
        execution=Execution(),
        year=Year(),
    )
    cells = [strategy.parse({"fast_window": fast, "slow_window": 300}) for fast in range(2, 252)]
    run_chunk(market, strategy, cells, conditions)


@pytest.fixture
def api(token: str, db: Owner, compiled: None) -> ApiClient:
    client = ApiClient(token)
    client.send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest", "analytics"))
    return client


def ask(api: ApiClient, **asked: Any) -> str:
    found: str = api.send(SWEEPS, symbol="FB", strategy="sma_cross", **asked)["Location"]
    return found


def surface(address: str) -> list[bytes]:
    chunks = SweepChunk.objects.using("analytics").filter(sweep_id=address.split("/")[-2]).order_by("number")
    return [bytes(chunk.surface) for chunk in chunks]


def chunks_recorded(address: str) -> list[int]:
    """Return the number of each chunk that was recorded, in order."""
    stream = f"sweep-{address.split('/')[-2]}"
    events = Event.objects.using("analytics").filter(stream=stream, type="SweepProgressed")
    return sorted(event.data["chunk"] for event in events)


def open_jobs() -> int:
    kinds = (WORK.chunk_kind, WORK.end_kind)
    return Job.objects.using("analytics").filter(kind__in=kinds, state__in=OPEN_STATES).count()


def test_a_sweep_one_of_whose_workers_is_killed_has_the_surface_of_an_undisturbed_one(
    api: ApiClient, db: Owner, migrated_database: str, bus_url: str | None, tmp_path: Path
) -> None:
    address = ask(api, grid=SIX_CHUNKS)
    sweep_id = UUID(address.split("/")[-2])
    with psycopg.connect(migrated_database) as obstacle:
        # Whoever brings this chunk waits, in the middle of its result, for what this transaction comes to.
        obstacle.execute(
            "INSERT INTO analytics.sweep_chunk (sweep_id, number, cell_count, surface_hash, surface)"
            " VALUES (%s, 2, 0, '', '')",
            [sweep_id],
        )
        with worker_process(broker_url=bus_url, log=tmp_path / "first.log") as first:
            wait_until(lambda: bool((db.execute(WAITING).fetchone() or [0])[0]), saying="a chunk half stored")
            with worker_process(broker_url=bus_url, log=tmp_path / "second.log"):
                first.send_signal(signal.SIGKILL)
                first.wait()
                assert 2 not in chunks_recorded(address)
                obstacle.rollback()
                wait_until(lambda: api.show(address)["status"] == "succeeded", saying="the sweep")

    killed = Job.objects.using("analytics").get(key=f"{sweep_id}/2")
    assert killed.attempts == 2
    assert chunks_recorded(address) == [0, 1, 2, 3, 4, 5]
    undisturbed = ask(api, grid=SIX_CHUNKS, start="2012-05-18")
    drain_everything(("analytics",))
    assert undisturbed != address
    assert surface(address) == surface(undisturbed)
    found, expected = api.show(address), api.show(undisturbed)
    same = ("surface_hash", "summary", "truth", "cells_done", "cells_run", "chunks_done", "session_count")
    assert {name: found[name] for name in same} == {name: expected[name] for name in same}


def test_a_sweep_that_is_cancelled_under_way_stops_its_remaining_chunks(
    api: ApiClient, tmp_path: Path
) -> None:
    address = ask(api, grid=MANY_CHUNKS)
    assert api.show(address)["chunk_count"] == 100
    with worker_process(broker_url=None, log=tmp_path / "worker.log"):
        wait_until(lambda: api.show(address)["chunks_done"] >= 2, saying="some chunks")

        cancelled = api.delete(address).json()

        wait_until(lambda: not open_jobs(), saying="an end of all its jobs")
    sweep = api.show(address)
    assert sweep == cancelled
    assert (sweep["status"], sweep["summary"]) == ("cancelled", None)
    assert 2 <= sweep["chunks_done"] == len(chunks_recorded(address)) == len(surface(address)) < 100


def test_what_is_searched_by_two_processes_at_once_is_recorded_once(api: ApiClient, tmp_path: Path) -> None:
    sweep = ask(api, grid=SIX_CHUNKS)
    walk = api.send(
        "/api/v1/walk-forwards/",
        symbol="FB",
        strategy="sma_cross",
        grid={
            "fast_window": {"from": 2, "to": 41, "step": 1},
            "slow_window": {"from": 42, "to": 141, "step": 1},
        },
        folds=4,
        in_sample_ratio=3,
    )["Location"]

    with (
        worker_process(broker_url=None, log=tmp_path / "one.log"),
        worker_process(broker_url=None, log=tmp_path / "two.log"),
    ):
        wait_until(lambda: api.show(sweep)["status"] == "succeeded", saying="the sweep")
        wait_until(lambda: api.show(walk)["status"] == "succeeded", saying="the walk forward")

    assert chunks_recorded(sweep) == list(range(6))
    found = api.show(walk)
    assert found["chunks_done"] == found["chunk_count"] == 4
    assert found["cells_done"] == found["cells_run"] == 4000
    attempts = Job.objects.using("analytics").values_list("attempts", flat=True)
    assert set(attempts) == {1}
