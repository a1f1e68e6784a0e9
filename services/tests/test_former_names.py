"""Whoever asks for prices by a ticker that was renamed is sent to the name that has them, wherever they ask."""

from collections.abc import Callable
from typing import Any

import pytest

from services.tests.market_history import BUNDLED, import_lines
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.pricing.names import LaterName, later_names

HEADER, *ROWS = (BUNDLED / "FB.csv").read_text().splitlines()
NEW_COMPANY = "2025-06-26,40.1,40.5,40.0,40.2,1000,0,1,40.2"

ASKED: dict[str, Callable[[ApiClient], Any]] = {
    "bars": lambda api: api.get("/api/v1/bars/?symbol=FB&start=2022-07-01"),
    "actions": lambda api: api.get("/api/v1/instruments/FB/actions/"),
    "coverage": lambda api: api.get("/api/v1/instruments/FB/coverage/"),
    "a backtest": lambda api: api.send("/api/v1/backtests/", symbol="FB"),
    "a forecast": lambda api: api.send("/api/v1/forecasts/", symbol="FB"),
    "a report": lambda api: api.send("/api/v1/reports/", symbol="FB"),
    "an older backtest": lambda api: api.get("/backtest/FB/10000/"),
    "an older forecast": lambda api: api.get("/predict/FB/"),
    "an older report": lambda api: api.get("/report/FB/"),
}

pytestmark = pytest.mark.usefixtures("db", "cause")


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED.keys())
@pytest.mark.parametrize("stored", [("FB", "META"), ("META",)], ids="-".join)
def test_prices_that_are_stored_under_the_later_name_are_refused_by_the_former(
    api: ApiClient, asked: Callable[[ApiClient], Any], stored: tuple[str, ...]
) -> None:
    for symbol in stored:
        import_lines(symbol, [HEADER, *ROWS])

    problem = assert_problem(asked(api), 404, "renamed-symbol")

    assert (problem["renamed_to"], problem["renamed_on"]) == ("META", "2022-06-09")
    assert problem["detail"].endswith("ask for META.")


def test_what_was_stored_under_the_former_name_is_shown_as_it_was_at_its_version(api: ApiClient) -> None:
    import_lines("FB", [HEADER, *ROWS])
    before = api.show("/api/v1/bars/?symbol=FB")
    import_lines("META", [HEADER, *ROWS])

    assert api.show("/api/v1/bars/?symbol=FB&as_of_version=1") == before
    assert api.show("/api/v1/instruments/FB/")["version"] == 1


def test_prices_that_the_later_name_lacks_are_asked_for_by_the_former(api: ApiClient) -> None:
    import_lines("FB", [HEADER, *ROWS[:700]])
    drain_everything()

    assert len(api.show("/api/v1/bars/?symbol=FB&limit=1000")["results"]) == 700
    assert api.show("/api/v1/reports/", symbol="FB")["results"][0]["status"] == "succeeded"
    document = api.show("/report/FB/?format=json")["document"]
    assert [item["label"] for item in document["attention"]] == ["Renamed"]
    assert document["attention"][0]["text"].endswith("bellwether fetch META")


def test_a_ticker_that_is_another_companys_by_now_is_no_former_name() -> None:
    import_lines("META", [HEADER, *ROWS])
    import_lines("FB", [HEADER, NEW_COMPANY])

    assert later_names("analytics", "FB") == ()
    assert later_names("analytics", "ARNC") == ()


def test_a_ticker_that_came_back_is_the_last_name() -> None:
    assert later_names("reports", "FISV") == ()
    [later] = later_names("reports", "FI")
    assert (later.symbol, later.has_all) == ("FISV", False)


def test_later_names_are_followed_to_the_newest() -> None:
    for symbol in ("SYMC", "GEN"):
        import_lines(symbol, [HEADER, *ROWS])

    assert [(name.symbol, name.has_all) for name in later_names("ingest", "SYMC")] == [
        ("GEN", True),
        ("NLOK", False),
    ]
    assert isinstance(later_names("ingest", "NLOK")[0], LaterName)
