"""How one figure of a run came about, as the API shows it."""

from math import sqrt
from typing import Any

import pytest

from services.analytics.backtests.selectors import Run
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem

BACKTESTS = "/api/v1/backtests/"


@pytest.fixture
def api(token: str) -> ApiClient:
    client = ApiClient(token)
    client.send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest",))
    return client


@pytest.fixture
def run(api: ApiClient) -> dict[str, Any]:
    made = api.send(
        BACKTESTS,
        symbol="FB",
        parameters={"buy_window": 5, "sell_window": 20},
        options={"interval": "1wk", "stop_loss_ratio": "0.0500"},
    )
    drain_everything(("analytics",))
    found: dict[str, Any] = api.show(made["Location"])
    assert found["status"] == "succeeded"
    return found


def explanation(api: ApiClient, run: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = api.show(f"{BACKTESTS}{run['id']}/metrics/{name}/explain/")
    return found


def test_every_figure_of_a_run_is_explained_as_it_is_stored(api: ApiClient, run: dict[str, Any]) -> None:
    for metric in run["metrics"]:
        found = explanation(api, run, metric["name"])

        assert {name: found[name] for name in metric} == metric
        assert found["formula"]
        is_of_trades = "closed_trades" in found["inputs"]
        assert found["n"] == (run["trade_count"] if is_of_trades else run["session_count"])


def test_the_inputs_give_the_figure(api: ApiClient, run: dict[str, Any]) -> None:
    found = explanation(api, run, "sharpe")

    inputs = found["inputs"]
    assert inputs["P"] == 52
    sharpe = inputs["mean(x)"] / inputs["std(x, ddof 1)"] * sqrt(inputs["P"])
    assert sharpe == pytest.approx(found["value"], rel=1e-12)


def test_an_unknown_figure_names_those_there_are(api: ApiClient, run: dict[str, Any]) -> None:
    answer = api.get(f"{BACKTESTS}{run['id']}/metrics/luck/explain/")

    assert "sharpe" in assert_problem(answer, 404, "not-found")["permitted"]


@pytest.mark.parametrize(
    "changes", [{"engine_version": "engine/1"}, {"strategy_version": 0}, {"strategy": "gone"}, {"result_hash": "0"}]
)  # fmt: skip
def test_a_run_of_another_release_is_not_explained_by_this_one(
    api: ApiClient, run: dict[str, Any], changes: dict[str, Any]
) -> None:
    Run.objects.using("analytics").filter(id=run["id"]).update(**changes)

    answer = api.get(f"{BACKTESTS}{run['id']}/metrics/sharpe/explain/")

    assert_problem(answer, 409, "backtest-not-repeatable")


def test_a_run_without_a_result_has_no_figures(api: ApiClient) -> None:
    queued = api.send(BACKTESTS, symbol="FB", initial_capital="777.00")["Location"]

    assert_problem(api.get(f"{queued}metrics/sharpe/explain/"), 409, "backtest-not-finished")
