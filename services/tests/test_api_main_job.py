"""The main job through the front door: fetch, look at the numbers, download the report."""

import json
from typing import Any

import pytest

from services.tests.openapi import assert_documented, published_document
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def test_a_fetch_leads_to_numbers_and_a_report(api: ApiClient) -> None:
    asked = api.send("/api/v1/fetches/", symbol="fb")
    assert (asked.status_code, asked["Retry-After"]) == (202, "1")
    assert api.show(asked["Location"])["status"] == "queued"

    drain_everything()

    fetch = api.show(asked["Location"])
    assert (fetch["status"], fetch["version"], fetch["symbol"]) == ("succeeded", 1, "FB")
    [run] = api.show("/api/v1/backtests/")["results"]
    assert (run["status"], run["standing"], run["data_cut"]) == ("succeeded", True, {"FB": 1})
    report = api.send("/api/v1/reports/", symbol="FB")
    assert report.status_code == 200
    body = report.json()
    assert (body["status"], body["run_id"]) == ("succeeded", run["id"])
    stored = json.loads(api.get(body["files"]["json"]).content)
    assert stored["hash"] == body["document_hash"]
    assert stored["document"]["run"]["trade_count"] == run["trade_count"]


def test_every_answer_has_its_documented_shape(api: ApiClient) -> None:
    document = published_document()

    def check(path: str, response: Any, method: str = "get") -> Any:
        assert_documented(document, path, response, method=method)
        return response

    fetch = check("/api/v1/fetches/", api.send("/api/v1/fetches/", symbol="FB"), "post")
    check("/api/v1/fetches/{fetch_id}/", api.get(fetch["Location"]))
    drain_everything(("ingest",))
    body = {"symbol": "FB", "parameters": {"buy_window": 5, "sell_window": 20}}
    run = check("/api/v1/backtests/", api.send("/api/v1/backtests/", **body), "post")
    check("/api/v1/backtests/{run_id}/", api.get(run["Location"]))
    check("/api/v1/backtests/{run_id}/trades/", api.get(f"{run['Location']}trades/"))
    check("/api/v1/forecasts/", api.send("/api/v1/forecasts/", symbol="FB"), "post")
    check("/api/v1/reports/", api.send("/api/v1/reports/", symbol="FB"), "post")

    drain_everything()

    for name in ("fetches", "instruments", "backtests", "forecasts", "reports"):
        check(f"/api/v1/{name}/", api.get(f"/api/v1/{name}/"))
    for basis in ("raw", "split", "total_return"):
        for shape in ("rows", "columns"):
            asked = f"symbol=FB&limit=3&basis={basis}&shape={shape}"
            check("/api/v1/bars/", api.get(f"/api/v1/bars/?{asked}"))
    check("/api/v1/bars/", api.get("/api/v1/bars/?symbol=NOPE"))
    check("/api/v1/bars/", api.get("/api/v1/bars/?symbol=*"))
    check("/api/v1/instruments/{symbol}/", api.get("/api/v1/instruments/FB/"))
    check("/api/v1/backtests/{run_id}/", api.get(run["Location"]))
    check("/api/v1/backtests/{run_id}/trades/", api.get(f"{run['Location']}trades/"))
    for shape in ("rows", "columns"):
        check("/api/v1/backtests/{run_id}/equity/", api.get(f"{run['Location']}equity/?shape={shape}"))
        for forecast in api.show("/api/v1/forecasts/")["results"]:
            address = f"/api/v1/forecasts/{forecast['id']}/?shape={shape}"
            check("/api/v1/forecasts/{forecast_id}/", api.get(address))
    report = check("/api/v1/reports/", api.send("/api/v1/reports/", symbol="FB"), "post").json()
    check("/api/v1/reports/{report_id}/", api.get(f"/api/v1/reports/{report['id']}/"))
    for form, path in report["files"].items():
        check(f"/api/v1/reports/{{report_id}}.{form}", api.get(path))
    short = {"symbol": "FB", "start": "2016-01-04"}
    check("/api/v1/backtests/", api.send("/api/v1/backtests/", **short), "post")
    check("/api/v1/backtests/", api.post("/api/v1/backtests/", b"<a/>", content_type="text/xml"), "post")
    for path in ("/livez", "/readyz"):
        check(path, api.get(path))
