"""Forecasts as the API takes and shows them."""

from typing import Any

import pytest

from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem

FORECASTS = "/api/v1/forecasts/"
LEVELS = ["0.025", "0.1", "0.25", "0.5", "0.75", "0.9", "0.975"]


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def fetch(api: ApiClient, **asked: str) -> None:
    api.send("/api/v1/fetches/", symbol="FB", **asked)
    drain_everything(("ingest",))


def finished(api: ApiClient) -> dict[str, dict[str, Any]]:
    """Return both forecasts by kind."""
    made = api.send(FORECASTS, symbol="FB")
    assert made.status_code == 202, made.content
    drain_everything(("analytics",))
    listed = api.show(FORECASTS, symbol="FB")["results"]
    return {row["kind"]: api.show(f"{FORECASTS}{row['id']}/") for row in listed}


def test_a_forecast_has_thirty_sessions_with_their_band_and_the_random_walk(api: ApiClient) -> None:
    fetch(api)
    live = finished(api)["live"]

    assert (live["status"], live["data_cut"], live["origin_session"]) == (
        "succeeded",
        {"FB": 1},
        "2016-08-10",
    )
    assert (live["model"], live["basis"], live["score"]) == ("linear-returns", "total_return", None)
    assert [point["horizon"] for point in live["points"]] == list(range(1, 31))
    assert [point["session"] for point in live["points"][:4]] == [
        "2016-08-11",
        "2016-08-12",
        "2016-08-15",
        "2016-08-16",
    ]
    for point in live["points"]:
        band = [float(point["quantiles"][level]) for level in LEVELS]
        assert band == sorted(band)
        assert band[0] < float(point["point"]) < band[-1]
        assert point["random_walk"] == live["origin_close"]
        assert point["actual"] is None


def test_a_backfilled_forecast_stands_beside_what_came_and_is_scored(api: ApiClient) -> None:
    fetch(api)
    old = finished(api)["backfilled"]
    bars = api.show("/api/v1/bars/", symbol="FB", basis="total_return", start=old["origin_session"])[
        "results"
    ]

    assert len(bars) == 31
    for point, bar in zip(old["points"], bars[1:], strict=True):
        assert point["session"] == bar["session"]
        assert float(point["actual"]) == pytest.approx(float(bar["close"]), rel=1e-9)
    errors = [abs(float(point["point"]) - float(point["actual"])) for point in old["points"]]
    naive = [abs(float(point["random_walk"]) - float(point["actual"])) for point in old["points"]]
    assert old["score"]["scored_count"] == 30
    assert old["score"]["mae_rw_ratio"] == pytest.approx(sum(errors) / sum(naive), rel=0.05)


def test_the_columns_of_a_forecast_hold_the_numbers_of_its_rows(api: ApiClient) -> None:
    fetch(api)
    for rows in finished(api).values():
        columns = api.show(f"{FORECASTS}{rows['id']}/", shape="columns")
        points = columns.pop("points")

        assert columns == {name: value for name, value in rows.items() if name != "points"}
        for name in ("horizon", "session"):
            assert points[name] == [point[name] for point in rows["points"]]
        for name in ("point", "random_walk"):
            assert points[name] == pytest.approx([float(point[name]) for point in rows["points"]], rel=1e-11)
        for level in LEVELS:
            band = [float(point["quantiles"][level]) for point in rows["points"]]
            assert points["quantiles"][level] == pytest.approx(band, rel=1e-11)
        known = [point["actual"] and pytest.approx(float(point["actual"])) for point in rows["points"]]
        assert points["actual"] == known


def test_the_same_prices_have_one_forecast(api: ApiClient) -> None:
    fetch(api)
    live = finished(api)["live"]

    again = api.send(FORECASTS, symbol="fb")

    assert (again.status_code, again["Location"]) == (200, f"{FORECASTS}{live['id']}/")
    assert again.json() == live


def test_forecasts_are_listed_by_kind(api: ApiClient) -> None:
    fetch(api)
    both = finished(api)

    for kind in ("live", "backfilled"):
        [listed] = api.show(FORECASTS, kind=kind)["results"]
        assert listed["id"] == both[kind]["id"]
        assert "points" not in listed


def test_too_little_history_names_what_is_missing(api: ApiClient) -> None:
    fetch(api, start="2016-04-01")

    body = assert_problem(api.send(FORECASTS, symbol="FB"), 422, "insufficient-history")

    assert (body["needed_sessions"], body["present_sessions"], body["missing_sessions"]) == (100, 92, 8)
    assert api.show(FORECASTS)["results"] == []
