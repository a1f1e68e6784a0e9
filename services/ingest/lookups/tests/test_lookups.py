"""Questions beside daily prices: asked once a day, answered with rows, kept by their hash."""

from typing import Any

import pytest

from services.ingest.conftest import Choose
from services.ingest.lookups.models import LookupAnswer
from services.ingest.providers.calls import Verdict
from services.ingest.providers.tests.simulator import Simulator
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem

LOOKUPS = "/api/v1/lookups/"


@pytest.fixture
def api(token: str, choose: Choose) -> ApiClient:
    choose("alphavantage")
    return ApiClient(token)


def answered(api: ApiClient, **asked: Any) -> dict[str, Any]:
    made = api.send(LOOKUPS, **asked)
    drain_everything(("ingest",))
    shown: dict[str, Any] = api.show(made["Location"])
    return shown


def test_a_quote_is_one_row_with_decimals_as_strings(api: ApiClient, vendor: Simulator) -> None:
    lookup = answered(api, kind="quote", subject="aapl")

    [quote] = lookup["results"]
    assert (lookup["status"], lookup["subject"], lookup["row_count"]) == ("succeeded", "AAPL", 1)
    assert float(quote["price"]) == float(vendor.series["AAPL"].bars[-1].close)
    assert isinstance(quote["price"], str)


@pytest.mark.parametrize(
    "kind", ["overview", "weekly", "monthly", "dividends", "splits", "search", "listing"]
)
def test_every_kind_is_answered(kind: str, api: ApiClient) -> None:
    lookup = answered(api, kind=kind, subject="active" if kind == "listing" else "AAPL")

    assert (lookup["status"], lookup["error"]) == ("succeeded", None)
    assert lookup["row_count"] == len(lookup["results"])


def test_the_same_is_asked_once_a_day_unless_it_is_to_be_fresh(api: ApiClient, vendor: Simulator) -> None:
    first = answered(api, kind="quote", subject="AAPL")
    second = api.send(LOOKUPS, kind="quote", subject=" aapl".strip())
    third = answered(api, kind="quote", subject="AAPL", fresh=True)

    assert (second.status_code, second.json()["id"]) == (200, first["id"])
    assert third["id"] != first["id"]
    assert len(vendor.asked) == 2
    assert LookupAnswer.objects.using("ingest").count() == 1


def test_weekly_prices_never_become_bars(api: ApiClient) -> None:
    answered(api, kind="weekly", subject="AAPL")

    assert api.show("/api/v1/instruments/")["results"] == []


def test_over_quota_it_waits_and_says_until_when(api: ApiClient, choose: Choose) -> None:
    choose("alphavantage", limits=((1, 3600.0),))
    answered(api, kind="quote", subject="AAPL")

    lookup = answered(api, kind="overview", subject="AAPL")

    assert lookup["status"] == "waiting_quota"
    assert lookup["resumes_at"] > lookup["created_at"]
    assert lookup["error"]["type"] == "/problems/waiting-for-quota"


def test_what_the_vendor_does_not_know_is_refused_with_its_words(api: ApiClient) -> None:
    lookup = answered(api, kind="quote", subject="NOSUCH")

    assert (lookup["status"], lookup["results"]) == ("refused", None)
    assert lookup["error"]["type"] == "/problems/symbol-refused"


def test_what_no_key_may_ask_is_refused_before_anything_is_queued(api: ApiClient, choose: Choose) -> None:
    choose()

    assert_problem(api.send(LOOKUPS, kind="quote", subject="AAPL"), 409, "provider-key-missing")
    for wrong in ({"subject": "A B"}, {"subject": ""}, {"subject": "AAPL", "provider": "tiingo"}):
        assert_problem(api.send(LOOKUPS, kind="quote", **wrong), 400, "validation-error")
    assert_problem(api.send(LOOKUPS, kind="listing", subject="dead"), 400, "validation-error")
    assert api.show(LOOKUPS)["results"] == []


def test_a_burst_refusal_is_waited_out(api: ApiClient, vendor: Simulator) -> None:
    vendor.next(Verdict.BURST)

    lookup = answered(api, kind="quote", subject="AAPL")

    assert lookup["status"] == "waiting_quota"


def test_a_list_shows_them_without_their_answers(api: ApiClient) -> None:
    answered(api, kind="quote", subject="AAPL")
    answered(api, kind="overview", subject="AAPL")

    listed = api.show(LOOKUPS, kind="quote")["results"]

    assert [row["kind"] for row in listed] == ["quote"]
    assert "results" not in listed[0]
