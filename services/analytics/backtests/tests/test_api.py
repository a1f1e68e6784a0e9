"""Backtests as the API takes and shows them."""

from typing import Any

import pytest

from services.analytics.backtests.evidence import TOO_FEW
from services.tests.pipeline import drain_everything
from shared.eventstore.append import StreamConflict
from shared.http.tests.api_client import ApiClient, assert_problem

BACKTESTS = "/api/v1/backtests/"
SHORT_WINDOWS = {"buy_window": 5, "sell_window": 20}


@pytest.fixture
def api(token: str) -> ApiClient:
    client = ApiClient(token)
    client.send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest",))
    return client


def finished(api: ApiClient, **asked: Any) -> dict[str, Any]:
    made = api.send(BACKTESTS, symbol="FB", **asked)
    assert made.status_code == 202, made.content
    drain_everything(("analytics",))
    run: dict[str, Any] = api.show(made["Location"])
    assert run["status"] == "succeeded"
    return run


def test_a_run_carries_its_inputs_its_data_cut_and_every_default(api: ApiClient) -> None:
    run = finished(api)

    expected = {
        "symbol": "FB",
        "strategy": "moving_average_dip",
        "parameters": {"buy_window": 50, "sell_window": 200},
        "initial_capital": "10000.00",
        "commission_bps": "10.00",
        "slippage_bps": "5.00",
        "basis": "split",
        "start": None,
        "end": None,
        "standing": True,
        "data_cut": {"FB": 1},
        "error": None,
        "metrics_version": "metrics/1",
    }
    assert {name: run[name] for name in expected} == expected
    assert run["created_at"].endswith("Z")
    assert run["finished_at"].endswith("Z")


def test_equal_inputs_however_they_are_spelt_are_one_run(api: ApiClient) -> None:
    run = finished(api)

    again = api.send(
        BACKTESTS,
        symbol="fb",
        initial_capital="10000",
        commission_bps="10.0",
        parameters={"sell_window": 200},
    )

    assert (again.status_code, again["Location"]) == (200, f"{BACKTESTS}{run['id']}/")
    assert again.json() == run
    assert api.send(BACKTESTS, symbol="FB", slippage_bps="5.01").json()["id"] != run["id"]


def test_the_same_run_asked_twice_before_it_is_made_is_one_job(api: ApiClient) -> None:
    first, second = (api.send(BACKTESTS, symbol="FB") for _ in range(2))

    assert first.status_code == second.status_code == 202
    assert first["Location"] == second["Location"]
    assert len(api.show(BACKTESTS)["results"]) == 1


def test_trades_and_equity_add_up(api: ApiClient) -> None:
    run = finished(api, parameters=SHORT_WINDOWS, initial_capital="25000.00")
    address = f"{BACKTESTS}{run['id']}/"
    pages = [api.show(f"{address}trades/", limit=5)]
    while pages[-1]["next"]:
        pages.append(api.show(pages[-1]["next"]))
    trades = [trade for page in pages for trade in page["results"]]
    equity = api.show(f"{address}equity/", limit=10_000)["results"]

    assert run["trade_count"] == len(trades) > 10
    assert [trade["number"] for trade in trades] == list(range(1, len(trades) + 1))
    assert (equity[0]["session"], equity[0]["equity"]) == ("2012-05-17", "25000")
    assert len(equity) == run["session_count"] + 1
    still_held = run["open_position"] or {"unrealised_pnl": "0", "dividends": "0"}
    gained = [float(row[name]) for row in trades for name in ("pnl", "dividends")]
    gained += [float(still_held[name]) for name in ("unrealised_pnl", "dividends")]
    assert float(equity[-1]["equity"]) == pytest.approx(25000 + sum(gained), abs=1e-4)
    values = {metric["name"]: metric["value"] for metric in run["metrics"]}
    assert values["total_return"] == pytest.approx(float(equity[-1]["equity"]) / 25000 - 1, abs=1e-9)


def test_a_metric_has_a_value_or_the_reason_why_it_has_none(api: ApiClient) -> None:
    run = finished(api, parameters={"buy_window": 2, "sell_window": 1000})

    assert run["trade_count"] == 0
    metrics = {metric["name"]: metric for metric in run["metrics"]}
    assert (metrics["total_return"]["value"], metrics["total_return"]["reason"]) == (0.0, None)
    assert metrics["sharpe"]["value"] is None
    assert metrics["sharpe"]["reason"]


def test_the_range_bounds_the_run_and_its_equity_can_be_shown_in_part(api: ApiClient) -> None:
    run = finished(api, start="2013-01-02", end="2014-06-30")
    part = api.show(f"{BACKTESTS}{run['id']}/equity/", start="2014-06-27", end="2014-06-30")

    assert (run["first_session"], run["last_session"]) == ("2013-01-02", "2014-06-30")
    assert [point["session"] for point in part["results"]] == ["2014-06-27", "2014-06-30"]
    assert (part["next"], part["previous"]) == (None, None)


def test_the_columns_of_an_equity_hold_the_numbers_of_its_rows(api: ApiClient) -> None:
    address = f"{BACKTESTS}{finished(api, end='2014-06-30')['id']}/equity/"
    rows = api.show(address, limit=200)["results"]
    page = api.show(address, limit=200, shape="columns")
    columns = page["results"]

    assert columns["session"] == [row["session"] for row in rows]
    for name in ("equity", "benchmark_equity"):
        assert columns[name] == pytest.approx([float(row[name]) for row in rows], rel=1e-11)
    assert api.show(page["next"])["results"]["session"][0] > columns["session"][-1]


def test_too_little_history_names_what_is_missing_and_stores_nothing(api: ApiClient) -> None:
    refused = api.send(BACKTESTS, symbol="FB", start="2016-05-02")

    body = assert_problem(refused, 422, "insufficient-history")
    assert (body["needed_sessions"], body["present_sessions"], body["missing_sessions"]) == (201, 71, 130)
    assert api.show(BACKTESTS)["results"] == []


@pytest.mark.parametrize(
    ("parameters", "attr"),
    [
        ({"window": 5}, "window"),
        ({"buy_window": 1}, "buy_window"),
        ({"sell_window": 1001}, "sell_window"),
        ({"buy_window": "5"}, "buy_window"),
        ({"buy_window": 5.0}, "buy_window"),
        ({"buy_window": True}, "buy_window"),
        ({"buy_window": 201}, "buy_window"),
    ],
)
def test_a_parameter_that_the_strategy_does_not_permit_is_named(
    api: ApiClient, parameters: dict[str, Any], attr: str
) -> None:
    body = assert_problem(api.send(BACKTESTS, symbol="FB", parameters=parameters), 400, "invalid-parameter")

    assert [(error["attr"], error["code"]) for error in body["errors"]] == [(attr, "invalid_parameter")]


def test_a_run_without_a_result_has_neither_trades_nor_equity(api: ApiClient) -> None:
    made = api.send(BACKTESTS, symbol="FB")

    for part in ("trades", "equity"):
        body = assert_problem(api.get(f"{made['Location']}{part}/"), 409, "backtest-not-finished")
        assert body["state"] == "queued"


def test_runs_are_listed_newest_first_by_symbol_and_strategy(api: ApiClient) -> None:
    made = [
        api.send(BACKTESTS, symbol="FB", initial_capital=capital).json()["id"]
        for capital in ("100.00", "200.00")
    ]

    listed = api.show(BACKTESTS, symbol="fb", strategy="moving_average_dip")["results"]
    assert [run["id"] for run in listed] == made[::-1]
    assert "metrics" not in listed[0]
    oldest = api.show(BACKTESTS, symbol="IBM,FB", status="queued", sort="created_at", limit=1)
    assert [run["id"] for run in oldest["results"]] == made[:1]
    assert [run["id"] for run in api.show(oldest["next"])["results"]] == made[1:]
    assert api.show(BACKTESTS, status="succeeded")["results"] == []
    assert api.show(BACKTESTS, symbol="IBM")["results"] == []


def test_a_request_that_loses_a_race_for_the_same_run_answers_with_that_run(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = api.send(BACKTESTS, symbol="FB")

    def too_late(**_: Any) -> None:
        raise StreamConflict("another writer came first")

    monkeypatch.setattr("services.analytics.backtests.api.start_backtest", too_late)
    second = api.send(BACKTESTS, symbol="FB")

    assert (second.status_code, second["Location"]) == (202, first["Location"])


def test_a_run_says_what_its_numbers_are_worth(api: ApiClient) -> None:
    drain_everything(("analytics",))  # the standing run is a trial too
    first = finished(api, parameters=SHORT_WINDOWS)["truth"]
    second = finished(api, parameters={"buy_window": 4, "sell_window": 30})["truth"]

    assert (first["look_ahead"]["passed"], first["look_ahead"]["first_difference"]) == (True, None)
    assert first["look_ahead"]["prefixes"] > 10
    assert first["look_ahead"]["signals_checked"] > 100
    assert first["warm_up"]["signals_changed"] == 0
    assert [truth["luck"]["trials"] for truth in (first, second)] == [2, 3]
    assert 0 < first["luck"]["bootstrap"]["p_value"] <= 1
    assert first["luck"]["bootstrap"]["max_drawdown"]["p5"] < 0
    assert first["overfitting"]["combinations"] == 12_870
    assert 0 <= first["overfitting"]["probability"] <= 1
    assert first["no_overfitting_reason"] is None
    stamps = {stamp["name"]: (stamp["is_warning"], stamp["text"]) for stamp in first["stamps"]}
    assert stamps["selection_bias"][0] is True
    assert stamps["data_gap"][1].startswith("13 of 1064 exchange sessions have no bar")


def test_the_first_trial_on_prices_was_chosen_from_nothing(api: ApiClient) -> None:
    drain_everything(("analytics",))

    [standing] = api.show(BACKTESTS)["results"]
    truth = api.show(f"{BACKTESTS}{standing['id']}/")["truth"]

    assert truth["luck"]["trials"] == 1
    assert truth["overfitting"] is None
    assert truth["no_overfitting_reason"] == TOO_FEW


def test_the_same_run_made_again_has_the_same_numbers_to_the_byte(api: ApiClient) -> None:
    run = finished(api, parameters=SHORT_WINDOWS)
    again = finished(api, parameters=SHORT_WINDOWS, options={"seed": 1})

    assert again["id"] != run["id"]
    assert again["result_hash"] == run["result_hash"]
    assert again["truth"]["luck"]["bootstrap"] != run["truth"]["luck"]["bootstrap"]
