"""Walks forward as the API takes and shows them, and as workers make them."""

from typing import Any

import numpy as np
import psycopg
import pytest
from django.utils import timezone

from deploy.postgres.owner import as_owner
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import parameter_sets
from services.analytics.kernel.walk_forward import walk_forward
from services.analytics.sweeps import domain
from services.analytics.sweeps.services import market_for
from services.analytics.walk_forwards import services
from services.analytics.walk_forwards.models import WalkForward
from services.analytics.walk_forwards.services import inputs_of, run_walk_forward_chunk
from services.tests.pipeline import LEASE_SECONDS, drain_everything
from shared.eventstore.jobs import LeaseLost, due_jobs, lease
from shared.eventstore.models import Event, Job
from shared.eventstore.rebuild import differences
from shared.eventstore.worker import release_expired, run_job
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.observability.correlation import Cause, caused_by

WALKS = "/api/v1/walk-forwards/"
ASKED: dict[str, Any] = {
    "symbol": "FB",
    "strategy": "sma_cross",
    "grid": {"slow_window": [10, 20, 30], "fast_window": [5, 10, 15, 20]},
}


@pytest.fixture
def api(token: str, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    monkeypatch.setattr(domain, "CHUNK_CELLS", 25)
    client = ApiClient(token)
    client.send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest",))
    return client


def asked(api: ApiClient, **changes: Any) -> str:
    made = api.send(WALKS, **{**ASKED, **changes})
    assert made.status_code == 202, made.content
    found: str = made["Location"]
    return found


def finished(api: ApiClient, **changes: Any) -> dict[str, Any]:
    address = asked(api, **changes)
    drain_everything(("analytics",))
    walk: dict[str, Any] = api.show(address)
    assert walk["status"] == "succeeded", walk
    return walk


def do(count: int) -> None:
    """Do some of the jobs that are due."""
    for job_id in due_jobs("analytics", limit=count):
        run_job("analytics", job_id, lease_seconds=LEASE_SECONDS)


def test_a_walk_tells_its_inputs_with_every_default_and_how_far_it_is(api: ApiClient) -> None:
    queued = api.send(WALKS, **ASKED).json()
    walk = finished(api, objective="cagr")

    expected = {
        "grid": {"fast_window": [5, 10, 15, 20], "slow_window": [10, 20, 30]},
        "parameters": {},
        "objective": "cagr",
        "folds": 5,
        "anchoring": "rolling",
        "in_sample_ratio": 3,
        "initial_capital": "10000.00",
        "data_cut": {"FB": 1},
        "cell_count": 12,
        "chunk_count": 3,
        "error": None,
        "outdated_by_version": None,
    }
    assert {name: walk[name] for name in expected} == expected
    assert (queued["status"], queued["chunks_done"], queued["windows"]) == ("queued", 0, None)
    assert (walk["chunks_done"], walk["cells_done"], walk["cells_run"]) == (3, 12, 8)


@pytest.mark.parametrize(
    "changes", [{}, {"anchoring": "anchored", "folds": 4}, {"objective": "total_return"}]
)
def test_a_walk_in_chunks_is_the_kernels_walk_over_all_cells_at_once(
    api: ApiClient, changes: dict[str, Any]
) -> None:
    walk = finished(api, **changes)

    inputs = inputs_of(WalkForward.objects.using("analytics").get(id=walk["id"]))
    market, strategy = market_for(inputs.search.base), strategy_named("sma_cross")
    sets = parameter_sets(strategy, inputs.search.kernel_grid, np.arange(12), sessions=len(market))
    cells = [cell for cell in sets if cell is not None]
    folds = inputs.folds_on(market, cells, strategy)
    expected = walk_forward(
        market, strategy, cells, inputs.search.conditions, folds, objective=inputs.search.objective
    )
    shown = api.show(f"{WALKS}{walk['id']}/equity/", shape="columns", limit=10_000)["results"]
    assert shown["equity"] == expected.out_of_sample.equity.tolist()
    assert shown["benchmark_equity"] == expected.benchmark.equity.tolist()
    assert shown["session"] == [day.isoformat() for day in expected.out_of_sample.dates.tolist()]
    assert walk["efficiency"] == expected.efficiency
    assert walk["out_of_sample_return"] == expected.out_of_sample_return
    windows = walk["windows"]
    assert windows["parameters"]["slow_window"] == [turn.parameters.slow_window for turn in expected.folds]
    assert windows["in_sample"]["cagr"] == [turn.in_sample[1] for turn in expected.folds]
    assert len(set(windows["cell"])) > 1


def test_the_windows_follow_each_other_and_their_returns_make_the_account(api: ApiClient) -> None:
    walk = finished(api)
    windows, metrics = walk["windows"], {found["name"]: found["value"] for found in walk["metrics"]}

    growth = np.prod([1 + value for value in windows["out_of_sample"]["total_return"]])
    assert growth - 1 == pytest.approx(metrics["total_return"])
    assert metrics["cagr"] == pytest.approx(walk["out_of_sample_return"])
    assert walk["efficiency"] == pytest.approx(walk["out_of_sample_return"] / walk["in_sample_return"])
    for later, earlier in zip(windows["out_of_sample_start"][1:], windows["out_of_sample_end"], strict=False):
        assert later > earlier
    assert all(map(str.__lt__, windows["in_sample_end"], windows["out_of_sample_start"]))
    assert windows["out_of_sample_end"][-1] == walk["last_session"]


def test_equity_comes_in_pages_and_in_both_shapes(api: ApiClient) -> None:
    walk = finished(api)
    whole = api.show(f"{WALKS}{walk['id']}/equity/", limit=10_000)["results"]

    page = api.show(f"{WALKS}{walk['id']}/equity/", limit=300)
    rows = page["results"]
    while page["next"]:
        page = api.show(page["next"])
        rows += page["results"]

    assert rows == whole
    assert whole[0]["equity"] == whole[0]["benchmark_equity"] == "10000"
    assert whole[0]["session"] < walk["windows"]["out_of_sample_start"][0]


def test_equal_inputs_however_they_are_spelt_are_one_walk(api: ApiClient) -> None:
    walk = finished(api)

    again = api.send(WALKS, **{**ASKED, "symbol": "fb", "folds": 5, "sample": 12})

    assert (again.status_code, again["Location"]) == (200, f"{WALKS}{walk['id']}/")
    assert again.json() == walk
    assert api.send(WALKS, **ASKED, anchoring="anchored").json()["id"] != walk["id"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"folds": 3}, "folds"),
        ({"folds": 51}, "folds"),
        ({"in_sample_ratio": 0}, "in_sample_ratio"),
        ({"anchoring": "x"}, "anchoring"),
        ({"objective": "x"}, "objective"),
        ({"grid": {"window": [1]}}, "window"),
        ({"sample": 0}, "sample"),
    ],
)
def test_what_cannot_be_walked_is_refused_by_its_name(
    api: ApiClient, changes: dict[str, Any], field: str
) -> None:
    answer = api.send(WALKS, **{**ASKED, **changes})

    assert answer.status_code == 400
    assert {error["attr"].partition(".")[0] for error in answer.json()["errors"]} == {field}


def test_more_cells_than_are_tried_in_all_windows_are_refused_with_the_limit(api: ApiClient) -> None:
    grid = {
        "fast_window": {"from": 2, "to": 401, "step": 1},
        "slow_window": {"from": 402, "to": 902, "step": 1},
    }

    problem = assert_problem(api.send(WALKS, **{**ASKED, "grid": grid}), 400, "invalid-parameter")

    assert (problem["errors"][0]["attr"], problem["maximum"]) == ("grid", 1_000_000)
    assert "200400 cells in 5 windows are 1002000" in problem["detail"]
    drawn = api.send(WALKS, **{**ASKED, "grid": {"fast_window": [2, 3, 4], "slow_window": [5, 6]}}, sample=4)
    assert drawn.status_code == 202, drawn.content


def test_windows_shorter_than_twice_the_warm_up_are_refused(api: ApiClient) -> None:
    long = {**ASKED, "grid": {"fast_window": [5], "slow_window": [20, 400]}}

    problem = assert_problem(api.send(WALKS, **long), 422, "insufficient-history")

    assert problem["needed_sessions"] > problem["present_sessions"]
    assert_problem(api.send(WALKS, **{**ASKED, "symbol": "NOPE"}), 404, "unknown-symbol")


def test_a_long_warm_up_that_only_a_job_sees_refuses_the_walk(api: ApiClient) -> None:
    # Of more cells than a chunk has, the request looks at some only.
    address = asked(api, grid={"fast_window": [5, 10, 15, 20, 25, 30], "slow_window": [40, 399]}, folds=20)
    walk = api.show(address)
    drain_everything(("analytics",))

    assert walk["chunk_count"] == 12
    assert api.show(address)["status"] == "refused"
    assert api.show(address)["error"]["title"] == "Not enough price history"
    assert_problem(api.get(f"{address}equity/"), 409, "walk-forward-not-finished")


def test_a_walk_of_which_no_cell_is_permitted_is_refused(api: ApiClient) -> None:
    address = asked(api, grid={"fast_window": [50], "slow_window": [20, 30]})
    drain_everything(("analytics",))

    assert (api.show(address)["status"], api.show(address)["error"]["title"]) == (
        "refused",
        "A parameter is not permitted",
    )


def test_cancelling_stops_between_chunks_and_asking_again_tries_only_the_others(api: ApiClient) -> None:
    address = asked(api)
    do(1)
    cancelled = api.delete(address).json()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "run_windows", None)  # nobody begins to work for nothing
        drain_everything(("analytics",))

    assert (cancelled["status"], cancelled["chunks_done"]) == ("cancelled", 1)
    assert cancelled["error"]["detail"] == "It was cancelled when 1 of 3 chunks were done."
    assert api.delete(address).json() == cancelled == api.show(address)
    assert asked(api) == address
    assert Job.objects.using("analytics").filter(kind="walk_forward_chunk", state="queued").count() == 2
    drain_everything(("analytics",))
    undisturbed = finished(api, sample=None, start="2012-05-18")
    assert api.show(address)["result_hash"] == undisturbed["result_hash"]
    assert Event.objects.using("analytics").filter(type="WalkForwardProgressed").count() == 3 + 3
    assert_problem(api.delete(address), 409, "not-cancellable")


def test_a_chunk_whose_worker_died_is_tried_by_another_and_counts_once(api: ApiClient) -> None:
    address = asked(api)
    dead = lease("analytics", due_jobs("analytics", limit=1)[0], lease_seconds=0)
    assert dead is not None
    release_expired("analytics")
    drain_everything(("analytics",))
    before = api.show(address)

    with caused_by(Cause(dead.correlation_id)), pytest.raises(LeaseLost):
        run_walk_forward_chunk(job=dead, now=timezone.now())

    assert before["status"] == "succeeded"
    assert (before["chunks_done"], before["cells_done"]) == (3, 12)
    assert api.show(address) == before


def test_walks_are_listed_newest_first_and_rebuilt_from_their_events(
    api: ApiClient, db: psycopg.Connection
) -> None:
    first = finished(api)
    second = asked(api, anchoring="anchored")
    do(2)

    assert [found["id"] for found in api.show(WALKS)["results"]] == [api.show(second)["id"], first["id"]]
    assert [found["id"] for found in api.show(WALKS, status="succeeded")["results"]] == [first["id"]]
    with as_owner():
        assert differences("analytics")["walk_forward"] == 0
