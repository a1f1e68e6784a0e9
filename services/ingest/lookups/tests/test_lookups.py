"""Questions beside daily prices: asked once a day, answered with rows, kept by their hash."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F
from django.utils import timezone

from services.ingest.conftest import Choose
from services.ingest.fetches.selectors import answers_to
from services.ingest.lookups import services, tasks
from services.ingest.lookups.models import Lookup, LookupAnswer
from services.ingest.providers.alphavantage import AlphaVantage
from services.ingest.providers.calls import Verdict
from services.ingest.providers.tests.simulator import Fault, Simulator
from services.tests.pipeline import drain_everything
from shared.eventstore.models import Job
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


def kept_for(lookup: dict[str, Any]) -> list[str]:
    return list(answers_to(UUID(lookup["id"]), provider="alphavantage"))


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


def test_that_nothing_is_found_is_remembered_for_the_day(api: ApiClient, vendor: Simulator) -> None:
    first = answered(api, kind="search", subject="no such company")
    second = api.send(LOOKUPS, kind="search", subject="no such company")
    answered(api, kind="search", subject="no such company", fresh=True)

    assert (first["status"], first["error"]["type"]) == ("refused", "/problems/symbol-refused")
    assert (second.status_code, second.json()["id"]) == (200, first["id"])
    assert len(vendor.asked) == 2


def test_what_failed_otherwise_is_asked_again_the_same_day(api: ApiClient, vendor: Simulator) -> None:
    vendor.next(Fault.DUPLICATE_KEYS)
    first = answered(api, kind="quote", subject="AAPL")
    second = answered(api, kind="quote", subject="AAPL")

    assert [first["status"], second["status"]] == ["failed", "succeeded"]


def test_an_answer_that_could_not_be_recorded_is_not_asked_for_again(
    api: ApiClient, vendor: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("the process died here")

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "complete_lookup", broken)
        waiting = answered(api, kind="quote", subject="AAPL")
    assert (waiting["status"], kept_for(waiting)) == ("queued", ["quote"])
    Job.objects.using("ingest").update(run_after=timezone.now())
    drain_everything(("ingest",))

    shown = api.show(f"{LOOKUPS}{waiting['id']}/")
    assert (shown["status"], len(vendor.asked)) == ("succeeded", 1)
    assert kept_for(shown) == []


def test_an_answer_is_read_as_of_when_it_came(
    api: ApiClient, vendor: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_at: list[datetime] = []
    vendor_reads = AlphaVantage.read_lookup

    def read(self: AlphaVantage, kind: str, subject: str, body: bytes, *, now: datetime) -> Any:
        read_at.append(now)
        if len(read_at) == 1:
            raise RuntimeError("the process died here")
        return vendor_reads(self, kind, subject, body, now=now)

    monkeypatch.setattr(AlphaVantage, "read_lookup", read)
    answered(api, kind="weekly", subject="AAPL")
    Job.objects.using("ingest").update(run_after=timezone.now())
    drain_everything(("ingest",))

    assert len(read_at) == 2
    assert read_at[0] == read_at[1]


def test_a_refusal_leaves_no_answer_behind(api: ApiClient, vendor: Simulator) -> None:
    vendor.next(Fault.WRONG_SYMBOL)

    lookup = answered(api, kind="quote", subject="AAPL")

    assert (lookup["status"], len(vendor.asked)) == ("failed", 1)
    assert kept_for(lookup) == []


def test_one_that_is_answered_while_the_next_is_being_queued_is_seen(
    api: ApiClient, vendor: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = api.send(LOOKUPS, kind="quote", subject="AAPL").json()["id"]
    look, looks = services._refuse_if_answered, 0

    def look_then_answer_the_first(*args: Any, **kwargs: Any) -> None:
        nonlocal looks
        looks += 1
        look(*args, **kwargs)
        if looks == 1:
            drain_everything(("ingest",))

    monkeypatch.setattr(services, "_refuse_if_answered", look_then_answer_the_first)
    second = api.send(LOOKUPS, kind="quote", subject="AAPL")

    assert (second.json()["id"], looks, len(vendor.asked)) == (first, 2, 1)


def test_what_was_answered_yesterday_is_asked_again(api: ApiClient, vendor: Simulator) -> None:
    for subject in ("AAPL", "NOSUCH"):
        first = answered(api, kind="quote", subject=subject)
        Lookup.objects.using("ingest").update(finished_at=F("finished_at") - timedelta(days=1))

        assert answered(api, kind="quote", subject=subject)["id"] != first["id"]
    assert len(vendor.asked) == 4


def test_a_refusal_that_is_not_about_the_subject_is_no_answer(api: ApiClient, vendor: Simulator) -> None:
    vendor.next(Verdict.PREMIUM_ENDPOINT)
    first = answered(api, kind="quote", subject="AAPL")

    second = answered(api, kind="quote", subject="AAPL")

    assert first["status"] == "refused"
    assert second["id"] != first["id"]
