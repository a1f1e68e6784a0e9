"""The older address of a forecast."""

import pytest
from django.test import Client

from services.tests.pipeline import drain_everything, draining
from shared.http.tests.api_client import ApiClient, assert_problem


@pytest.fixture
def api(token: str) -> ApiClient:
    client = ApiClient(token)
    client.send("/api/v1/fetches/", symbol="FB")
    drain_everything(("ingest",))
    return client


def test_the_forecast_is_waited_for_and_is_the_canonical_one(api: ApiClient, token: str) -> None:
    patient = Client(headers={"Authorization": f"Token {token}"})
    with draining(("analytics",)):
        made = patient.get("/predict/fb/")
    again = api.get("/predict/FB")
    canonical = api.send("/api/v1/forecasts/", symbol="FB")

    assert (made.status_code, again.status_code, canonical.status_code) == (200, 200, 200)
    assert made.json() == again.json() == canonical.json() == api.show(made["Location"])
    forecast = made.json()
    assert (forecast["status"], forecast["kind"], forecast["data_cut"]) == ("succeeded", "live", {"FB": 1})
    assert [point["horizon"] for point in forecast["points"]] == list(range(1, 31))


def test_a_forecast_under_way_is_answered_with_where_it_is(api: ApiClient) -> None:
    answer = api.get("/predict/FB/", headers={"Prefer": "wait=0"})

    assert (answer.status_code, answer["Retry-After"]) == (202, "1")
    assert api.show(answer["Location"])["status"] == "queued"


def test_a_symbol_without_prices_names_what_fetches_them(api: ApiClient) -> None:
    assert assert_problem(api.get("/predict/nope/"), 404, "unknown-symbol")["fetch"] == "/fetch/NOPE/"
