"""What is not asked because nothing can come of it, and what is said of all who were asked in vain."""

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from services.ingest.conftest import Choose
from services.ingest.fetches.selectors import fetch_by_id
from services.ingest.fetches.services import OtherFetchOpen
from services.ingest.fetches.tests.fetching import asked, fetched, make_due, requested
from services.ingest.providers.calls import Verdict
from services.ingest.providers.tests.simulator import Fault, Simulator, moved
from services.tests.pipeline import drain_everything

pytestmark = pytest.mark.usefixtures("db", "cause")


@pytest.fixture
def free(vendor: Simulator, choose: Choose) -> Simulator:
    """Give the vendor to a free key."""
    vendor.is_free, vendor.clock = True, iter(range(0, 900, 2)).__next__
    choose("alphavantage")
    return vendor


def older(until: date) -> dict[str, Any]:
    """Return a range before the last 100 sessions."""
    return {"start": until - timedelta(days=700), "end": until - timedelta(days=600)}


@pytest.mark.parametrize("provider", ["alphavantage", "auto"])
@pytest.mark.parametrize("is_stored", [False, True])
def test_a_range_that_a_free_key_never_reaches_costs_one_call_and_then_none(
    provider: str, is_stored: bool, free: Simulator, until: date
) -> None:
    if is_stored:
        fetched("alphavantage")
    free.asked.clear()

    first, second = (fetched(provider, **older(until)) for _ in range(2))

    assert asked(free) == ([] if is_stored else ["TIME_SERIES_DAILY"])
    for fetch in (first, second):
        assert (fetch.state, fetch.problem["type"]) == ("refused", "/problems/nothing-found")
        assert fetch.problem["detail"].startswith(
            "There is no bar of AAPL in the asked range. "
            "The plan of the key of alphavantage does not include older sessions."
        )


def test_a_range_that_reaches_into_the_last_hundred_sessions_is_asked_for(
    free: Simulator, until: date
) -> None:
    fetched("alphavantage", **older(until))
    free.asked.clear()

    fetch = fetched("alphavantage", start=until - timedelta(days=700), end=until - timedelta(days=100))

    assert (fetch.state, asked(free)) == ("partial", ["TIME_SERIES_DAILY", "DIVIDENDS", "SPLITS"])


def test_another_source_brings_what_a_free_key_never_reaches(
    free: Simulator, choose: Choose, until: date
) -> None:
    fetched("alphavantage", **older(until))
    choose("alphavantage", "tiingo")
    free.asked.clear()

    fetch = fetched(**older(until))

    assert (fetch.state, asked(free)) == ("succeeded", ["tiingo"])


def test_of_an_outage_every_provider_that_was_asked_is_told(
    vendor: Simulator, choose: Choose, db: psycopg.Connection[Any]
) -> None:
    choose("alphavantage", "tiingo")
    vendor.next(Fault.RESET, times=None)

    fetch = fetched()

    said = fetch.live_problem["detail"]
    assert asked(vendor) == ["TIME_SERIES_DAILY", "tiingo"]
    assert said == (
        "alphavantage gave no proper answer to TIME_SERIES_DAILY AAPL: The connection could not be made, or it broke."
        " tiingo gave no proper answer to daily/prices AAPL: The connection could not be made, or it broke."
    )


def test_while_one_source_is_out_the_other_is_asked_and_what_is_missing_says_why(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    choose("alphavantage", "tiingo")
    vendor.is_free, vendor.clock = True, iter(range(0, 900, 2)).__next__
    vendor.next(Fault.HTTP_500, function="tiingo", times=None)

    first, second = fetched(), fetched()

    for fetch in (first, second):
        assert (fetch.state, fetch.bar_count) == ("partial", 100)
    assert first.reason.endswith("tiingo gave no proper answer to daily/prices AAPL: HTTP 500.")
    assert "tiingo takes no calls until" in second.reason
    assert asked(vendor).count("tiingo") == 1


def test_an_older_range_waits_for_the_source_that_has_it_instead_of_being_refused(
    vendor: Simulator, choose: Choose, until: date, db: psycopg.Connection[Any]
) -> None:
    vendor.is_free, vendor.clock = True, iter(range(0, 900, 2)).__next__
    choose("alphavantage", "tiingo")
    vendor.next(Verdict.DAILY_LIMIT, function="tiingo", times=2)
    fetched()

    waiting = fetched(**older(until))

    assert (waiting.state, waiting.bar_count) == ("waiting_quota", None)
    assert "tiingo takes no calls until" in waiting.live_problem["detail"]


def test_an_answer_that_cannot_be_used_names_its_provider(vendor: Simulator, choose: Choose) -> None:
    choose("alphavantage", "tiingo")
    vendor.next(Fault.DUPLICATE_KEYS, function="TIME_SERIES_DAILY")
    vendor.next(Fault.NAN, function="tiingo")

    fetch = fetched()

    assert fetch.state == "failed"
    for name in ("alphavantage", "tiingo"):
        assert name in fetch.problem["detail"]


def test_a_fetch_goes_on_with_whoever_is_free_first(vendor: Simulator, choose: Choose) -> None:
    choose("alphavantage", "tiingo")
    vendor.next(Verdict.DAILY_LIMIT, function="TIME_SERIES_DAILY")
    vendor.next(Fault.HTTP_500, function="tiingo")

    fetch = fetched()

    assert (fetch.live_state, fetch.live_problem["type"]) == ("queued", "/problems/provider-unavailable")
    for said in ("alphavantage takes no calls until", "tiingo gave no proper answer"):
        assert said in fetch.live_problem["detail"]


def test_a_fetch_that_waits_for_two_sources_resumes_with_the_first_of_them(
    vendor: Simulator, choose: Choose, db: psycopg.Connection[Any]
) -> None:
    choose("alphavantage", "tiingo")
    vendor.next(Verdict.DAILY_LIMIT, function="TIME_SERIES_DAILY")
    vendor.next(Fault.HTTP_500, function="tiingo")
    fetch_id = requested("auto")
    drain_everything(("ingest",))
    make_due(db)

    drain_everything(("ingest",))

    waiting: Any = fetch_by_id(fetch_id)
    assert waiting.state == "waiting_quota"
    assert waiting.resumes_at - timezone.now() < timedelta(minutes=2)  # the outage's pause, not the day's
    assert "alphavantage takes no calls until" in waiting.live_problem["detail"]


def test_who_gave_all_there_is_of_a_young_symbol_is_not_asked_for_more(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    vendor.put(moved("AAPL", until=until, count=300, name="YOUNG"))
    choose("tiingo")

    first, second = fetched(symbol="YOUNG"), fetched(symbol="YOUNG")

    assert asked(vendor) == ["tiingo"]
    assert (first.state, second.state, second.bar_count) == ("succeeded", "succeeded", 300)


def test_a_limited_key_is_no_shortfall_of_what_is_stored_already(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    vendor.is_free, vendor.clock = True, iter(range(0, 900, 2)).__next__
    vendor.put(moved("MSFT", until=until, count=600))
    choose("tiingo")
    fetched()
    choose("alphavantage")
    fetched(symbol="MSFT")  # teaches what the key does not give

    fetch = fetched(end=until - timedelta(days=300))

    assert (fetch.state, fetch.reason) == ("succeeded", None)


def test_nothing_in_an_older_range_is_told_with_what_each_source_failed_with(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    vendor.is_free, vendor.clock = True, iter(range(0, 900, 2)).__next__
    choose("alphavantage")
    fetched()
    choose("alphavantage", "tiingo")
    vendor.next(Fault.DUPLICATE_KEYS, function="tiingo")

    fetch = fetched(**older(until))

    assert (fetch.state, fetch.problem["type"]) == ("refused", "/problems/nothing-found")
    assert "key of alphavantage does not include older sessions. tiingo " in fetch.problem["detail"]


def test_a_range_without_a_session_has_nothing_to_be_found(vendor: Simulator, choose: Choose) -> None:
    choose("alphavantage")

    fetch = fetched("alphavantage", start=date(2026, 11, 14), end=date(2026, 11, 15))

    assert (fetch.state, fetch.problem["type"]) == ("refused", "/problems/nothing-found")


def test_one_session_is_a_range(vendor: Simulator, choose: Choose, until: date) -> None:
    choose("tiingo")

    fetch = fetched("tiingo", start=until, end=until)

    assert (fetch.state, fetch.bar_count) == ("succeeded", 1)


def test_a_source_that_was_named_and_contradicts_what_is_stored_is_refused(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    choose("alphavantage", "tiingo")
    fetched("alphavantage")
    vendor.put(moved("MSFT", until=until, count=600, name="AAPL"))

    fetch = fetched("tiingo")

    assert (fetch.state, fetch.problem["type"]) == ("refused", "/problems/sources-disagree")


@pytest.mark.parametrize("other", [{"end": date(2026, 1, 5)}, {"start": date(2026, 1, 2)}])
def test_a_fetch_of_another_range_is_not_taken_for_the_one_under_way(
    other: dict[str, Any], choose: Choose
) -> None:
    choose("tiingo")
    requested("tiingo")

    with pytest.raises(OtherFetchOpen):
        requested("tiingo", **other)
