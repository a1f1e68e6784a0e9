"""Backtests at their older addresses."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from services.tests.pipeline import drain_everything, draining
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.pricing.adjustment import Basis

BACKTESTS, CHARTS = "/api/v1/backtests/", "/api/v1/backtest/"
DAY_MS = 86_400_000


@pytest.fixture
def api(token: str) -> ApiClient:
    client = ApiClient(token)
    client.send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest",))
    return client


@pytest.fixture
def patient(token: str) -> Client:
    return Client(headers={"Authorization": f"Token {token}"})


def milliseconds(session: str) -> int:
    return round(datetime.fromisoformat(session).replace(tzinfo=UTC).timestamp()) * 1000


def test_the_run_is_waited_for_and_is_the_canonical_one(api: ApiClient, patient: Client) -> None:
    with draining(("analytics",)):
        made = patient.get("/backtest/fb/2500.50/")
    canonical = api.send(BACKTESTS, symbol="FB", initial_capital="2500.5")

    assert (made.status_code, canonical.status_code) == (200, 200)
    assert made.json() == canonical.json()
    assert made["Location"] == canonical["Location"]
    run = made.json()
    assert (run["status"], run["initial_capital"], run["strategy"]) == (
        "succeeded",
        "2500.50",
        "moving_average_dip",
    )
    assert run["parameters"] == {"buy_window": 50, "sell_window": 200}
    assert {metric["name"] for metric in run["metrics"]} >= {"total_return", "sharpe", "max_drawdown"}


def test_ten_thousand_is_the_standing_run_and_equal_inputs_are_one(api: ApiClient) -> None:
    drain_everything(("ingest", "analytics"))
    answers = [api.get(f"/backtest/FB/{text}/").json() for text in ("10000", "10000.00", "10000.0")]

    assert answers[0] == answers[1] == answers[2]
    assert (answers[0]["standing"], answers[0]["status"]) == (True, "succeeded")
    assert len(api.show(BACKTESTS)["results"]) == 1


def test_a_run_under_way_is_answered_with_where_it_is(api: ApiClient) -> None:
    answer = api.get("/backtest/FB/777", headers={"Prefer": "wait=0"})

    assert (answer.status_code, answer["Retry-After"]) == (202, "1")
    assert api.show(answer["Location"])["status"] == "queued"


@pytest.mark.parametrize(
    "text",
    ["0", "-1", "NaN", "1e5", "10,000", "10.005", "1_000", "0.99", "9" * 14, "9" * 5000, "ten", "１０", " 5"],
)
def test_what_is_no_amount_of_money_is_refused(api: ApiClient, text: str) -> None:
    body = assert_problem(api.get(f"/backtest/FB/{text}/"), 400, "validation-error")

    assert [error["attr"] for error in body["errors"]] == ["initial_investment"]


def test_a_symbol_without_prices_names_what_fetches_them(api: ApiClient) -> None:
    got = assert_problem(api.get("/backtest/nope/100/"), 404, "unknown-symbol")
    posted = assert_problem(api.send(CHARTS, ticker="nope"), 400, "unknown-symbol")

    assert got["fetch"] == posted["fetch"] == "/fetch/NOPE/"
    assert posted["error"] == posted["detail"]


def test_too_little_history_is_refused_with_what_is_missing(api: ApiClient) -> None:
    body = assert_problem(api.send(CHARTS, ticker="FB", startDate="2016-05-02"), 400, "insufficient-history")

    assert (body["missing_sessions"], body["error"]) == (130, body["detail"])


def charts(patient: Client, **asked: Any) -> Any:
    with draining(("analytics",)):
        answer = patient.post(CHARTS, {"ticker": "fb", **asked}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer


def test_the_charts_are_the_runs_curves_in_milliseconds(api: ApiClient, patient: Client) -> None:
    span = {"startDate": "2013-01-02", "end_date": "2014-06-30"}
    answer = charts(patient, **span, capital=25000, interval="1d", strategy="SMA")

    body, run = answer.json(), api.show(answer["Location"])
    equity = api.show(f"{answer['Location']}equity/", limit=10_000)["results"]
    bars = api.show("/api/v1/bars/", symbol="FB", basis="split", start="2013-01-02", end="2014-06-30")[
        "results"
    ]
    figures = {metric["name"]: metric["value"] for metric in run["metrics"]}
    assert set(body) == {"metrics", "price_chart", "equity_chart"}
    assert body["metrics"] == pytest.approx(
        {
            "total_return_pct": figures["total_return"] * 100,
            "cagr_pct": figures["cagr"] * 100,
            "sharpe": figures["sharpe"],
            "max_drawdown_pct": figures["max_drawdown"] * 100,
            "trades": run["trade_count"],
            "winrate_pct": figures["win_rate"] * 100,
        }
    )
    assert (run["initial_capital"], run["start"], run["end"]) == ("25000.00", "2013-01-02", "2014-06-30")
    assert body["equity_chart"]["dates"] == [milliseconds(row["session"]) for row in equity]
    assert body["equity_chart"]["equity"] == pytest.approx([float(row["equity"]) for row in equity])
    assert body["price_chart"]["dates"] == [milliseconds(row["session"]) for row in bars]
    assert body["price_chart"]["close"] == pytest.approx([float(row["close"]) for row in bars])
    assert all(isinstance(day, int) and day % DAY_MS == 0 for day in body["price_chart"]["dates"])


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("SMA", "sma_cross"),
        ("EMA", "ema_cross"),
        ("RSI", "rsi"),
        ("MACD", "macd"),
        ("LA_BOMBA", "la_bomba"),
        ("buy_and_hold", "buy_and_hold"),
    ],
)
def test_each_older_name_is_a_strategy_and_its_fills_are_drawn(
    api: ApiClient, patient: Client, name: str, strategy: str
) -> None:
    answer = charts(patient, strategy=name)

    chart, run = answer.json()["price_chart"], api.show(answer["Location"])
    trades = api.show(f"{answer['Location']}trades/", limit=1000)["results"]
    entries = [trade["entry_session"] for trade in trades]
    entries += [run["open_position"]["entry_session"]] if run["open_position"] else []
    assert run["strategy"] == strategy
    assert [point["date"] for point in chart["buy_signals"]] == [milliseconds(day) for day in entries]
    assert len(chart["sell_signals"]) == len(trades)
    assert ("sma1" in chart) == (name == "SMA")


def test_the_averages_are_null_until_they_begin(patient: Client, api: ApiClient) -> None:
    chart = charts(patient, strategy="SMA").json()["price_chart"]

    assert len(chart["sma1"]) == len(chart["sma2"]) == len(chart["close"])
    assert chart["sma1"][18:20] == [None, pytest.approx(sum(chart["close"][:20]) / 20)]
    assert (chart["sma2"][48], chart["sma2"][49] is None) == (None, False)


@pytest.mark.parametrize("interval", ["1wk", "1mo"])
def test_longer_bars_are_drawn_too(patient: Client, api: ApiClient, interval: str) -> None:
    daily, longer = (charts(patient, strategy="RSI", interval=each).json() for each in ("1d", interval))

    assert 10 < len(longer["price_chart"]["dates"]) < len(daily["price_chart"]["dates"]) / 4
    assert len(longer["equity_chart"]["dates"]) == len(longer["price_chart"]["dates"]) + 1


def test_the_fields_of_a_form_are_the_same_run(api: ApiClient) -> None:
    form = {"ticker": "FB", "startDate": "2013-01-02", "endDate": "2014-06-30", "capital": "10000"}
    answers = [
        api.post(CHARTS, urlencode(form), content_type="application/x-www-form-urlencoded"),
        api.post(CHARTS, form, content_type="application/json"),
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0]["Location"] == answers[1]["Location"]


@pytest.mark.parametrize(
    "body", [b"", b"ticker=FB&ticker=IBM", b"ticker=%FF", b"ticker", b"\xff", b"a=1&" * 200]
)
def test_a_form_that_is_none_is_malformed(api: ApiClient, body: bytes) -> None:
    answer = api.post(CHARTS, body, content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 400
    assert answer.json()["error"] == answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/v1/backtest/", "/api/v1/backtest", "/api/backtest/", "/api/backtest"])
def test_each_spelling_of_the_address_and_of_the_fields_is_the_same_run(api: ApiClient, path: str) -> None:
    snake = {"ticker": "FB", "start_date": "2013-01-02", "end_date": "2014-06-30", "interval": "daily"}
    camel = {"ticker": "FB", "startDate": "2013-01-02", "endDate": "2014-06-30", "capital": "10000"}
    answers = [
        api.post(path, asked, content_type="application/json", headers={"Prefer": "wait=0"})
        for asked in (snake, camel)
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0]["Location"] == answers[1]["Location"]


@pytest.mark.parametrize(
    ("wrong", "attr"),
    [
        ({"interval": "1h"}, "interval"),
        ({"strategy": "hope"}, "strategy"),
        ({"capital": True}, "capital"),
        ({"capital": 0.1 + 0.2}, "capital"),
        ({"capital": -5}, "capital"),
        ({"capital": "NaN"}, "capital"),
        ({"capital": 1e300}, "capital"),
        ({"startDate": "2014-13-01"}, "start_date"),
        ({"startDate": "2014-01-02", "endDate": "2014-01-01"}, "end_date"),
        ({"startDate": "2014-01-02", "endDate": "2014-01-02"}, "end_date"),
        ({"startDate": "2014-01-02", "start_date": "2014-01-02"}, "start_date"),
        ({"symbol": "FB"}, "symbol"),
        ({"ticker": "*"}, "ticker"),
    ],
)
def test_a_bad_field_is_named_beside_the_older_error(
    api: ApiClient, wrong: dict[str, Any], attr: str
) -> None:
    body = assert_problem(api.send(CHARTS, **{"ticker": "FB", **wrong}), 400, "validation-error")

    assert [error["attr"] for error in body["errors"]] == [attr]
    assert body["error"] == body["detail"]


def test_what_is_no_object_is_malformed(api: ApiClient) -> None:
    for body in (b"", b"[]", b"{", b'{"ticker": "FB", "ticker": "IBM"}'):
        answer = api.post(CHARTS, body, content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["error"] == answer.json()["detail"]


def test_the_basis_of_the_older_runs_is_the_standing_one(api: ApiClient) -> None:
    asked = api.get("/backtest/FB/55/", headers={"Prefer": "wait=0"}).json()

    assert (asked["basis"], asked["commission_bps"], asked["slippage_bps"]) == (
        Basis.SPLIT.value,
        "10.00",
        "5.00",
    )
