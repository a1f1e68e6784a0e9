"""Options of a run as the API takes them."""

from typing import Any

import pytest

from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem

BACKTESTS = "/api/v1/backtests/"
CROSS = {"strategy": "sma_cross", "parameters": {"fast_window": 5, "slow_window": 20}}


@pytest.fixture
def api(token: str) -> ApiClient:
    client = ApiClient(token)
    client.send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest",))
    return client


def finished(api: ApiClient, **options: Any) -> dict[str, Any]:
    made = api.send(BACKTESTS, symbol="FB", options=options, **CROSS)
    assert made.status_code in {200, 202}, made.content
    drain_everything(("analytics",))
    run: dict[str, Any] = api.show(made["Location"])
    assert run["status"] == "succeeded"
    return run


def metrics(run: dict[str, Any]) -> dict[str, float | None]:
    return {metric["name"]: metric["value"] for metric in run["metrics"]}


def test_every_option_is_spelt_out_and_its_default_is_the_run_without_it(api: ApiClient) -> None:
    run = finished(api)

    assert finished(api, sizing="all_in", interval="1d", impact="0", size=None)["id"] == run["id"]
    assert run["options"] == {
        "interval": "1d",
        "risk_free": "0.0000",
        "seed": 0,
        "commission_per_order": "0.0000",
        "commission_per_share": "0.0000",
        "spread_bps": "0.0000",
        "impact": "0.0000",
        "sizing": "all_in",
        "size": None,
        "whole_shares": True,
        "allow_short": False,
        "stop_loss_ratio": None,
        "take_profit_ratio": None,
        "trailing_ratio": None,
        "time_in_force": "day",
        "volume_limit": None,
        "benchmark": None,
    }


def test_a_bracket_ends_trades_at_its_levels_and_gives_them_a_risk(api: ApiClient) -> None:
    run = finished(api, stop_loss_ratio="0.05", take_profit_ratio="0.10", sizing="risk_per_stop", size="0.01")
    trades = api.show(f"{BACKTESTS}{run['id']}/trades/", limit=1000)["results"]

    assert {trade["exit_reason"] for trade in trades} >= {"stop", "target"}
    assert all(float(trade["initial_risk"]) > 0 for trade in trades)
    assert metrics(run)["expectancy_r"] is not None


def test_weeks_are_bars_and_a_year_has_52_of_them(api: ApiClient) -> None:
    daily, weekly = finished(api), finished(api, interval="1wk")

    assert weekly["session_count"] == pytest.approx(daily["session_count"] / 4.8, rel=0.05)
    assert weekly["last_session"] == daily["last_session"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"interval": "1h"}, "options.interval"),
        ({"sizing": "martingale"}, "options.sizing"),
        ({"sizing": "fixed_cash"}, "size"),
        ({"size": "0.5"}, "size"),
        ({"sizing": "percent_of_equity", "size": "2"}, "size"),
        ({"stop_loss_ratio": "1.0"}, "stop_loss_ratio"),
        ({"seed": -1}, "options.seed"),
        ({"leverage": "2"}, "options.leverage"),
        ({"whole_shares": "yes"}, "options.whole_shares"),
        ("all of them", "options.non_field_errors"),
    ],
)
def test_an_option_that_is_not_permitted_is_named(api: ApiClient, options: Any, field: str) -> None:
    answer = api.send(BACKTESTS, symbol="FB", options=options, **CROSS)

    problem = assert_problem(answer, 400, answer.json()["code"])
    assert field in (problem.get("field"), *(error["attr"] for error in problem.get("errors", ())))
