"""A run made again on corrected prices, and runs side by side."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.ingest.market.tests.answers import SESSIONS, answer, tell
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem

BACKTESTS = "/api/v1/backtests/"
CLOSES = [100 + (number * 7) % 11 for number in range(60)]
SHORT = {"buy_window": 2, "sell_window": 5}


@pytest.fixture
def api(token: str, cause: UUID) -> ApiClient:
    tell(answer(*CLOSES))
    settle()
    return ApiClient(token)


def settle() -> None:
    """Do what is pending, without reports."""
    drain_everything(("ingest", "analytics"))


def finished(api: ApiClient, **asked: Any) -> dict[str, Any]:
    made = api.send(BACKTESTS, symbol="TEST", **{"parameters": SHORT, **asked})
    settle()
    run: dict[str, Any] = api.show(made["Location"])
    assert run["status"] == "succeeded"
    return run


def rerun(api: ApiClient, run: dict[str, Any]) -> dict[str, Any]:
    asked = api.send(f"{BACKTESTS}{run['id']}/rerun/")
    settle()
    found: dict[str, Any] = api.show(asked["Location"])
    return found


def test_a_rerun_on_corrected_prices_tells_what_that_changed(api: ApiClient) -> None:
    run = finished(api, start=SESSIONS[0].isoformat(), end=SESSIONS[59].isoformat())
    tell(answer(109, 101, 109, 101, 109, first=18))
    settle()

    found = rerun(api, run)

    assert api.show(f"{BACKTESTS}{run['id']}/")["outdated_by_version"] == 2
    assert (found["before"]["data_cut"], found["after"]["data_cut"]) == ({"TEST": 1}, {"TEST": 2})
    told = found["difference"]
    assert told["identical"] is False
    assert told["first_session"] >= SESSIONS[18].isoformat()
    assert "annual_volatility" in [change["name"] for change in told["metrics"]]
    assert told["trades_new"] or told["trades_gone"]


def test_a_rerun_on_the_same_prices_is_the_same_run(api: ApiClient) -> None:
    run = finished(api)

    again = api.send(f"{BACKTESTS}{run['id']}/rerun/")

    assert again.status_code == 200
    assert again.json()["after"]["id"] == run["id"]
    assert again.json()["difference"] == {
        "identical": True,
        "first_session": None,
        "metrics": [],
        "trades_gone": [],
        "trades_new": [],
    }


def test_a_rerun_of_what_is_not_there_or_not_finished_is_refused(api: ApiClient) -> None:
    assert_problem(api.send(f"{BACKTESTS}{uuid4()}/rerun/"), 404, "not-found")
    waiting = api.send(BACKTESTS, symbol="TEST", parameters=SHORT, slippage_bps="1.00").json()

    assert_problem(api.send(f"{BACKTESTS}{waiting['id']}/rerun/"), 409, "backtest-not-finished")


def test_runs_stand_side_by_side_in_the_order_asked_for(api: ApiClient) -> None:
    one, two = finished(api), finished(api, slippage_bps="50.00")

    found = api.show(f"{BACKTESTS}compare/", ids=f"{two['id']},{one['id']}")

    assert [run["id"] for run in found["runs"]] == [two["id"], one["id"]]
    assert found["inputs"] == {"slippage_bps": ["50.00", "5.00"]}
    values = {row["name"]: row["values"] for row in found["metrics"]}
    assert values["total_return"] == [
        next(metric["value"] for metric in run["metrics"] if metric["name"] == "total_return")
        for run in (two, one)
    ]


@pytest.mark.parametrize("count", [1, 6])
def test_fewer_than_two_and_more_than_five_are_refused(api: ApiClient, count: int) -> None:
    ids = ",".join(str(uuid4()) for _ in range(count))

    assert_problem(api.get(f"{BACKTESTS}compare/?ids={ids}"), 400, "validation-error")


def test_a_run_that_is_not_there_cannot_be_compared(api: ApiClient) -> None:
    assert_problem(api.get(f"{BACKTESTS}compare/?ids={uuid4()},{uuid4()}"), 404, "not-found")
