"""Sweeps as the API takes and shows them."""

from typing import Any

import numpy as np
import psycopg
import pytest

from deploy.postgres.owner import as_owner
from services.analytics.sweeps import domain
from services.tests.pipeline import drain_everything
from shared.eventstore.rebuild import differences
from shared.http.tests.api_client import ApiClient, assert_problem

SWEEPS = "/api/v1/sweeps/"
ASKED: dict[str, Any] = {
    "symbol": "FB",
    "strategy": "sma_cross",
    "grid": {"slow_window": [10, 30, 50], "fast_window": {"from": 5, "to": 20, "step": 5}},
}


@pytest.fixture
def api(token: str, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    monkeypatch.setattr(domain, "CHUNK_CELLS", 5)
    client = ApiClient(token)
    client.send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest",))
    return client


def finished(api: ApiClient, **asked: Any) -> dict[str, Any]:
    made = api.send(SWEEPS, **{**ASKED, **asked})
    assert made.status_code == 202, made.content
    drain_everything(("analytics",))
    sweep: dict[str, Any] = api.show(made["Location"])
    assert sweep["status"] == "succeeded", sweep
    return sweep


def cells_of(api: ApiClient, sweep: dict[str, Any], limit: int = 4) -> list[dict[str, Any]]:
    page = api.show(f"{SWEEPS}{sweep['id']}/surface/", limit=limit)
    cells: list[dict[str, Any]] = page["results"]
    while page["next"]:
        page = api.show(page["next"])
        cells += page["results"]
    return cells


def test_a_sweep_tells_its_inputs_with_every_default_and_how_far_it_is(api: ApiClient) -> None:
    queued = api.send(SWEEPS, **ASKED).json()
    sweep = finished(api)

    expected = {
        "grid": {"fast_window": [5, 10, 15, 20], "slow_window": [10, 30, 50]},
        "parameters": {},
        "sample": None,
        "objective": "sharpe",
        "initial_capital": "10000.00",
        "basis": "split",
        "data_cut": {"FB": 1},
        "cell_count": 12,
        "chunk_count": 3,
        "error": None,
    }
    assert {name: sweep[name] for name in expected} == expected
    assert (queued["status"], queued["chunks_done"], queued["cells_done"]) == ("queued", 0, 0)
    assert (sweep["chunks_done"], sweep["cells_done"], sweep["cells_run"]) == (3, 12, 9)
    assert (sweep["summary"]["cells"], sweep["summary"]["run"], sweep["summary"]["dropped"]) == (12, 9, 3)


def test_each_cell_of_the_surface_is_the_backtest_with_its_parameters(api: ApiClient) -> None:
    sweep = finished(api)
    cells = cells_of(api, sweep)

    assert [cell["cell"] for cell in cells] == list(range(12))
    assert [cell["run"] for cell in cells] == [
        cell["parameters"]["fast_window"] < cell["parameters"]["slow_window"] for cell in cells
    ]
    assert all(set(cell["metrics"].values()) == {None} for cell in cells if not cell["run"])
    best = max((cell for cell in cells if cell["run"]), key=lambda cell: cell["metrics"]["sharpe"])
    assert sweep["summary"]["best"] == {name: best[name] for name in ("cell", "parameters", "metrics")}
    asked = {"symbol": "FB", "strategy": "sma_cross", "parameters": best["parameters"]}
    made = api.send("/api/v1/backtests/", **asked)
    drain_everything(("analytics",))
    metrics = {found["name"]: found["value"] for found in api.show(made["Location"])["metrics"]}
    for name, value in best["metrics"].items():
        assert value == pytest.approx(metrics[name], rel=1e-9)


def test_what_the_best_cell_is_worth_counts_all_cells_that_were_run(api: ApiClient) -> None:
    truth = finished(api)["truth"]

    assert truth["trials"] == 9
    assert 1 <= truth["effective_trials"] <= 9
    assert 0 <= truth["deflated_sharpe"] <= 1
    assert 0 <= truth["overfitting"]["probability"] <= 1


@pytest.mark.parametrize("limit", [1, 5, 7, 12, 100])
def test_pages_and_columns_hold_the_same_cells(api: ApiClient, limit: int) -> None:
    sweep = finished(api)
    whole = cells_of(api, sweep, limit=100)
    columns = api.show(f"{SWEEPS}{sweep['id']}/surface/", shape="columns", offset=3, limit=limit)

    assert cells_of(api, sweep, limit=limit) == whole
    found, part = columns["results"], whole[3 : 3 + limit]
    assert found["cell"] == [cell["cell"] for cell in part]
    assert found["run"] == [cell["run"] for cell in part]
    assert found["parameters"]["slow_window"] == [cell["parameters"]["slow_window"] for cell in part]
    assert found["metrics"]["sharpe"] == [cell["metrics"]["sharpe"] for cell in part]
    assert api.show(f"{SWEEPS}{sweep['id']}/surface/", offset=12)["results"] == []


def test_equal_inputs_however_they_are_spelt_are_one_sweep(api: ApiClient) -> None:
    sweep = finished(api)

    again = api.send(
        SWEEPS,
        symbol="fb",
        strategy="sma_cross",
        initial_capital="10000",
        sample=12,
        grid={"fast_window": [20, 15, 10, 5, 5], "slow_window": {"from": 10, "to": 60, "step": 20}},
    )

    assert (again.status_code, again["Location"]) == (200, f"{SWEEPS}{sweep['id']}/")
    assert again.json() == sweep
    assert api.send(SWEEPS, **{**ASKED, "objective": "cagr"}).json()["id"] != sweep["id"]


def test_a_parameter_at_its_default_is_one_that_is_left_out(api: ApiClient) -> None:
    one = api.send(
        SWEEPS, **{**ASKED, "grid": {"fast_window": [5]}, "parameters": {"slow_window": 50}}
    ).json()
    two = api.send(SWEEPS, **{**ASKED, "grid": {"fast_window": [5]}}).json()

    assert one["id"] == two["id"]
    assert two["parameters"] == {"slow_window": 50}


def test_a_random_search_runs_cells_of_the_grid_drawn_by_the_seed(api: ApiClient) -> None:
    grid = {"fast_window": {"from": 2, "to": 40, "step": 1}, "slow_window": {"from": 41, "to": 80, "step": 1}}
    whole = finished(api, grid={"fast_window": [2], "slow_window": [41]})

    sweep = finished(api, grid=grid, sample=17)
    other = finished(api, grid=grid, sample=17, options={"seed": 1})

    cells = cells_of(api, sweep)
    assert (sweep["cell_count"], sweep["chunk_count"], len(cells)) == (17, 4, 17)
    assert len({cell["cell"] for cell in cells}) == 17
    assert [cell["cell"] for cell in cells] != [cell["cell"] for cell in cells_of(api, other)]
    assert sweep["summary"]["best"]["cell"] in [cell["cell"] for cell in cells]
    assert whole["cell_count"] == 1


def test_cells_with_levels_are_swept_too(api: ApiClient) -> None:
    sweep = finished(api, options={"stop_loss_ratio": "0.0500"})

    assert sweep["summary"]["run"] == 9
    assert sweep["surface_hash"] != finished(api)["surface_hash"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (
            {
                "grid": {
                    "fast_window": {"from": 1, "to": 999, "step": 1},
                    "slow_window": {"from": 2, "to": 1000, "step": 1},
                },
                "strategy": "sma_cross",
                "objective": "x",
            },
            "objective",
        ),
        ({"grid": {}}, "grid"),
        ({"grid": {"fast_window": []}}, "grid"),
        ({"grid": {"fast_window": "5"}}, "grid"),
        ({"grid": {"fast_window": [True]}}, "grid"),
        ({"grid": {"fast_window": {"from": 1, "to": 2}}}, "grid"),
        ({"grid": {"fast_window": {"from": 1, "to": 2, "step": 0}}}, "fast_window"),
        ({"grid": {"fast_window": {"from": 3, "to": 2, "step": 1}}}, "fast_window"),
        ({"grid": {"fast_window": {"from": 1, "to": 2, "step": 1e-9}}}, "fast_window"),
        ({"grid": {"fast_window": {"from": 1, "to": 2, "step": 0.5}}}, "fast_window"),
        ({"grid": {"fast_window": [0]}}, "fast_window"),
        ({"grid": {"window": [1]}}, "window"),
        ({"grid": {"fast_window": [5]}, "parameters": {"fast_window": 5}}, "fast_window"),
        ({"sample": 0}, "sample"),
        ({"sample": 1_000_001}, "sample"),
        ({"options": {"interval": "5m"}}, "options"),
        ({"strategy": "x"}, "strategy"),
    ],
)
def test_what_cannot_be_swept_is_refused_by_its_name(
    api: ApiClient, asked: dict[str, Any], field: str
) -> None:
    answer = api.send(SWEEPS, **{**ASKED, **asked})

    assert answer.status_code == 400
    assert {error["attr"].partition(".")[0] for error in answer.json()["errors"]} == {field}


def test_a_grid_above_the_limit_is_refused_with_the_limit(api: ApiClient) -> None:
    grid = {"fast_window": list(range(2, 903)), "slow_window": list(range(2, 902)), "signal_window": [8, 9]}

    problem = assert_problem(
        api.send(SWEEPS, symbol="FB", strategy="macd", grid=grid), 400, "invalid-parameter"
    )
    drawn = api.send(SWEEPS, symbol="FB", strategy="macd", grid=grid, sample=10)

    assert (problem["errors"][0]["attr"], problem["maximum"]) == ("grid", 1_000_000)
    assert drawn.status_code == 202, drawn.content


def test_a_sweep_of_which_no_cell_is_permitted_is_refused(api: ApiClient) -> None:
    made = api.send(SWEEPS, **{**ASKED, "grid": {"fast_window": [50], "slow_window": [20, 30]}})
    drain_everything(("analytics",))

    sweep = api.show(made["Location"])

    assert (sweep["status"], sweep["error"]["title"]) == ("refused", "A parameter is not permitted")
    assert_problem(api.get(f"{made['Location']}surface/"), 409, "sweep-not-finished")


def test_a_symbol_without_prices_and_one_with_too_few_cannot_be_swept(api: ApiClient) -> None:
    assert_problem(api.send(SWEEPS, **{**ASKED, "symbol": "NOPE"}), 404, "unknown-symbol")
    short = {"start": "2013-01-02", "end": "2013-01-02"}
    assert_problem(api.send(SWEEPS, **{**ASKED, **short}), 422, "insufficient-history")


def test_sweeps_are_listed_newest_first_and_by_their_state(api: ApiClient) -> None:
    first, second = finished(api), finished(api, objective="cagr")
    waiting = api.send(SWEEPS, **{**ASKED, "objective": "total_return"}).json()

    assert [found["id"] for found in api.show(SWEEPS)["results"]] == [
        waiting["id"],
        second["id"],
        first["id"],
    ]
    assert [found["id"] for found in api.show(SWEEPS, status="queued")["results"]] == [waiting["id"]]
    assert_problem(api.get(f"{SWEEPS}00000000-0000-7000-8000-000000000000/"), 404, "not-found")


def test_sweeps_rebuilt_from_their_events_are_the_live_ones(api: ApiClient, db: psycopg.Connection) -> None:
    finished(api)
    cancelled = api.send(SWEEPS, **{**ASKED, "objective": "cagr"})
    api.delete(cancelled["Location"])

    with as_owner():
        assert differences("analytics")["sweep"] == 0


def test_a_surface_is_unchanged_bit_by_bit_by_how_many_jobs_made_it(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_fives = cells_of(api, finished(api))
    monkeypatch.setattr(domain, "CHUNK_CELLS", 100)

    sweep = finished(api)

    assert sweep["chunk_count"] == 1
    assert cells_of(api, sweep) == by_fives
    assert np.isfinite([cell["metrics"]["sharpe"] for cell in by_fives if cell["run"]]).all()
