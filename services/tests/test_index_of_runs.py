"""A run is measured against a stored index: its figures, its identity, its data cut, and corrections of the index."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from deploy.postgres.owner import as_owner
from services.ingest.market.tests.answers import SESSIONS, answer, tell
from services.tests.pipeline import drain_everything
from shared.eventstore.rebuild import differences
from shared.http.tests.api_client import ApiClient, assert_problem

BACKTESTS = "/api/v1/backtests/"
CLOSES = [100 + (number * 7) % 11 for number in range(60)]
LEVELS = [200 + (number * 5) % 13 for number in range(60)]
FREE = {"commission_bps": "0", "slippage_bps": "0"}
SHORT = {"symbol": "TEST", "parameters": {"buy_window": 2, "sell_window": 5}, **FREE}
NO_INDEX = {"benchmark": None}


@pytest.fixture
def api(token: str, cause: UUID) -> ApiClient:
    store("TEST", CLOSES)
    return ApiClient(token)


def store(symbol: str, closes: list[int], **more: Any) -> None:
    """Store closes of a symbol from the first session on."""
    tell(answer(*closes, symbol=symbol, **more))
    drain_everything(("ingest", "analytics"))


def finished(api: ApiClient, **asked: Any) -> dict[str, Any]:
    """Ask for a run and return it made."""
    made = api.send(BACKTESTS, **{**SHORT, **asked})
    assert made.status_code in {200, 202}, made.content
    drain_everything(("analytics",))
    run: dict[str, Any] = api.show(made["Location"])
    assert run["status"] == "succeeded", run["error"]
    return run


def figures(rows: list[Mapping[str, Any]]) -> dict[str, float | None]:
    """Return values by name."""
    return {row["name"]: row["value"] for row in rows}


def test_the_stored_index_is_the_benchmark_unless_another_or_none_is_named(api: ApiClient) -> None:
    before = finished(api)
    store("SPY", LEVELS)
    store("MINE", CLOSES[::-1])

    by_default, named, none, other = (
        finished(api),
        finished(api, options={"benchmark": "spy"}),
        finished(api, options=NO_INDEX),
        finished(api, options={"benchmark": "MINE"}),
    )

    assert (before["options"]["benchmark"], before["index_metrics"]) == (None, None)
    assert (by_default["options"]["benchmark"], by_default["data_cut"]) == ("SPY", {"SPY": 1, "TEST": 1})
    assert named["id"] == by_default["id"]
    assert none["id"] == before["id"]
    assert len({run["id"] for run in (by_default, none, other)}) == 3
    assert len({run["result_hash"] for run in (by_default, none, other)}) == 3


def test_the_index_is_bought_and_held_over_the_same_sessions_and_alpha_and_beta_are_against_it(
    api: ApiClient,
) -> None:
    store("SPY", LEVELS)
    run, alone = finished(api), finished(api, options=NO_INDEX)

    curves = api.show(f"{BACKTESTS}{run['id']}/equity/", shape="columns", limit=100)["results"]
    equity, index = (np.array(curves[name]) for name in ("equity", "index_equity"))
    x, y = (curve[1:] / curve[:-1] - 1 for curve in (equity, index))
    own, of_index = figures(run["metrics"]), figures(run["index_metrics"])

    assert len(index) == 61
    assert index[-1] / index[1] == pytest.approx(LEVELS[-1] / LEVELS[0])
    assert of_index["total_return"] == pytest.approx(index[-1] / 10_000 - 1)
    assert of_index["beta"] is None
    assert own["beta"] == pytest.approx(np.cov(x, y)[0, 1] / np.var(y, ddof=1))
    assert figures(run["benchmark_metrics"])["beta"] is not None
    assert own["beta"] != pytest.approx(figures(alone["metrics"])["beta"])
    explained = api.show(f"{BACKTESTS}{run['id']}/metrics/beta/explain/")
    assert explained["value"] == own["beta"]
    rows = api.show(f"{BACKTESTS}{alone['id']}/equity/", limit=1)["results"]
    assert rows[0]["index_equity"] is None


def test_dividends_of_the_index_count_and_weeks_are_those_of_the_run(api: ApiClient) -> None:
    store("SPY", [200] * 60, dividends=[(SESSIONS[30], "2.00")])

    run = finished(api, options={"interval": "1wk"})

    assert figures(run["index_metrics"])["total_return"] == pytest.approx(0.01, rel=0.02)
    assert len(api.show(f"{BACKTESTS}{run['id']}/equity/")["results"]) == run["session_count"] + 1


def test_a_dividend_of_the_index_counts_on_a_session_that_the_run_lacks(api: ApiClient) -> None:
    store("SPY", [200] * 60, dividends=[(SESSIONS[30], "2.00")])
    store("GAPS", CLOSES[:30])
    tell(answer(*CLOSES[31:], symbol="GAPS", first=31))
    drain_everything(("ingest", "analytics"))

    run = finished(api, symbol="GAPS")

    assert figures(run["index_metrics"])["total_return"] == pytest.approx(0.01, rel=0.02)


def test_an_index_that_lacks_sessions_is_passed_over_and_refused_when_it_is_named(api: ApiClient) -> None:
    store("SPY", LEVELS[:50])
    store("VOO", LEVELS)

    assert finished(api)["options"]["benchmark"] == "VOO"
    body = assert_problem(
        api.send(BACKTESTS, **SHORT, options={"benchmark": "SPY"}), 422, "insufficient-history"
    )
    assert (body["symbol"], body["needed_sessions"], body["present_sessions"]) == ("SPY", 60, 50)
    assert_problem(api.send(BACKTESTS, **SHORT, options={"benchmark": "QQQ"}), 404, "unknown-symbol")


def test_a_correction_of_the_index_marks_the_run_and_it_can_be_made_again(api: ApiClient) -> None:
    store("SPY", LEVELS)
    run, alone = finished(api), finished(api, options=NO_INDEX)

    tell(answer(203, symbol="SPY", first=20))
    drain_everything(("ingest", "analytics"))

    marked, untouched = (api.show(f"{BACKTESTS}{found['id']}/") for found in (run, alone))
    assert (marked["outdated_by_version"], untouched["outdated_by_version"]) == (2, None)
    api.send(f"{BACKTESTS}{run['id']}/rerun/")
    drain_everything(("analytics",))
    again = api.send(f"{BACKTESTS}{run['id']}/rerun/").json()["after"]
    assert again["data_cut"] == {"SPY": 2, "TEST": 1}
    with as_owner():
        assert differences("analytics")["run"] == 0


def test_a_sweep_takes_no_index(api: ApiClient) -> None:
    answered = api.send(
        "/api/v1/sweeps/", symbol="TEST", grid={"buy_window": [2, 3]}, options={"benchmark": "SPY"}
    )

    assert "options.benchmark" in {
        error["attr"] for error in assert_problem(answered, 400, "validation-error")["errors"]
    }
