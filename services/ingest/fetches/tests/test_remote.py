"""Fetches from vendors: what is asked, what is recorded, and what becomes of each fault."""

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from services.ingest.conftest import Choose
from services.ingest.fetches.models import Answer
from services.ingest.fetches.selectors import fetch_by_id, stored_sessions
from services.ingest.fetches.services import OtherFetchOpen
from services.ingest.fetches.tasks import run
from services.ingest.fetches.tests.fetching import (
    asked,
    fetched,
    free_quota,
    let_outage_pass,
    make_due,
    providers_of,
    requested,
)
from services.ingest.market.selectors import instrument_named
from services.ingest.providers.calls import Verdict
from services.ingest.providers.domain import UnknownSymbol
from services.ingest.providers.faults import KeyMissing
from services.ingest.providers.tests.simulator import Fault, Simulator, moved
from services.ingest.sessions.domain import session_times, sessions_between
from services.tests.pipeline import drain_everything
from shared.eventstore.jobs import due_jobs, lease

FULL_AND_ACTIONS = ["TIME_SERIES_DAILY", "DIVIDENDS", "SPLITS"]
LIMITED = ((2, 3_600.0),)

pytestmark = pytest.mark.usefixtures("db", "cause")


def test_a_key_with_full_history_brings_prices_dividends_and_splits(
    vendor: Simulator, choose: Choose, until: date, db: psycopg.Connection[Any]
) -> None:
    choose("alphavantage")

    fetch = fetched("alphavantage")

    assert asked(vendor) == FULL_AND_ACTIONS
    assert (fetch.state, fetch.problem, fetch.reason) == ("succeeded", None, None)
    assert (fetch.bar_count, fetch.last_session, fetch.version) == (600, until, 1)
    assert [source["provider"] for source in fetch.sources] == ["alphavantage"]
    assert db.execute("SELECT DISTINCT provider, fetch_id FROM ingest.bar").fetchall() == [
        ("alphavantage", fetch.id)
    ]
    paid = db.execute("SELECT count(*) FROM ingest.action WHERE kind = 'dividend'").fetchone()
    assert paid == (len(vendor.series["AAPL"].dividends or ()),)
    assert not Answer.objects.using("ingest").exists()


def test_a_free_key_brings_the_last_hundred_sessions_says_so_and_is_remembered(
    vendor: Simulator, choose: Choose
) -> None:
    vendor.is_free, vendor.clock = True, iter(range(0, 900, 2)).__next__
    choose("alphavantage")

    fetch = fetched("alphavantage")

    assert asked(vendor) == ["TIME_SERIES_DAILY", *FULL_AND_ACTIONS]
    assert (fetch.state, fetch.bar_count) == ("partial", 100)
    assert "last 100 sessions" in fetch.reason

    again = fetched("alphavantage")
    assert asked(vendor)[4:] == FULL_AND_ACTIONS
    assert (again.state, again.changed) == ("partial", False)
    by_plan = fetched()
    assert len(vendor.asked) == 7
    assert by_plan.state == "partial"
    assert "does not include older sessions" in by_plan.reason


def test_what_one_source_lacks_the_next_one_brings_and_each_bar_names_its_own(
    vendor: Simulator, choose: Choose, db: psycopg.Connection[Any]
) -> None:
    vendor.is_free, vendor.clock = True, iter(range(0, 900, 2)).__next__
    choose("alphavantage", "tiingo")

    fetch = fetched()

    assert (fetch.state, fetch.reason, fetch.bar_count) == ("succeeded", None, 600)
    assert [source["provider"] for source in fetch.sources] == ["alphavantage", "tiingo"]
    assert providers_of("AAPL", db) == {"alphavantage": 100, "tiingo": 500}
    assert (fetch.kept_count, fetch.compared_count, fetch.disagreeing_count) == (100, 100, 0)


def test_what_is_stored_and_whole_costs_no_call(vendor: Simulator, choose: Choose) -> None:
    choose("tiingo")
    fetched()

    again = fetched()

    assert asked(vendor) == ["tiingo"]
    assert (again.state, again.changed, again.sources, again.bar_count) == ("succeeded", False, [], 600)


def test_a_series_stays_with_the_source_it_came_from(
    vendor: Simulator, choose: Choose, until: date, db: psycopg.Connection[Any]
) -> None:
    choose("tiingo")
    fetched(end=until - timedelta(days=9))
    choose("alphavantage", "tiingo")

    fetched()

    assert set(providers_of("AAPL", db)) == {"tiingo"}


def test_without_any_key_the_plan_takes_what_is_bundled(choose: Choose) -> None:
    fetch = fetched(symbol="FB")

    assert [source["provider"] for source in fetch.sources] == ["bundled"]
    with pytest.raises(UnknownSymbol):
        requested("auto", symbol="NVDA")


def test_a_provider_without_its_key_is_refused_at_once(choose: Choose) -> None:
    with pytest.raises(KeyMissing, match="ALPHAVANTAGE_API_KEY"):
        requested("alphavantage")


def test_over_quota_a_fetch_waits_as_a_row_and_no_call_is_made_twice(
    vendor: Simulator, choose: Choose, db: psycopg.Connection[Any]
) -> None:
    choose("alphavantage", limits=LIMITED)

    waiting = fetched("alphavantage")

    assert (waiting.state, asked(vendor)) == ("waiting_quota", FULL_AND_ACTIONS[:2])
    assert timedelta(minutes=50) < waiting.resumes_at - timezone.now() < timedelta(minutes=61)
    assert waiting.live_problem["type"] == "/problems/waiting-for-quota"
    assert stored_sessions("AAPL") == ()

    free_quota(db)
    make_due(db)
    drain_everything(("ingest",))
    assert fetch_by_id(waiting.id).state == "succeeded"
    assert asked(vendor) == FULL_AND_ACTIONS


def test_a_new_symbol_does_not_wait_for_one_source_while_another_is_free(
    vendor: Simulator, choose: Choose
) -> None:
    choose("alphavantage", "tiingo")
    vendor.next(Verdict.DAILY_LIMIT)

    fetch = fetched()

    assert asked(vendor) == ["TIME_SERIES_DAILY", "tiingo"]
    assert (fetch.state, [source["provider"] for source in fetch.sources]) == ("succeeded", ["tiingo"])


@pytest.mark.parametrize("fault", [Fault.HTML_PAGE, Fault.EMPTY, Fault.CUT, Fault.HTTP_500, Fault.RESET])
def test_a_passing_fault_is_tried_again_and_leaves_what_is_stored_alone(
    fault: Fault, vendor: Simulator, choose: Choose, db: psycopg.Connection[Any]
) -> None:
    choose("tiingo")
    fetched("tiingo")
    before = db.execute("SELECT * FROM ingest.bar ORDER BY session").fetchall()
    vendor.next(fault, times=2)

    queued = fetched("tiingo")

    assert queued.state == "queued"
    assert queued.live_problem["type"] == "/problems/provider-unavailable"
    assert db.execute("SELECT * FROM ingest.bar ORDER BY session").fetchall() == before
    for _ in range(2):
        let_outage_pass(db)
        drain_everything(("ingest",))
    assert fetch_by_id(queued.id).state == "succeeded"
    assert len(vendor.asked) == 4


def test_a_fault_that_stays_fails_the_fetch_after_three_tries(
    vendor: Simulator, choose: Choose, db: psycopg.Connection[Any]
) -> None:
    choose("tiingo")
    vendor.next(Fault.HTML_PAGE, times=None)

    fetch = fetched("tiingo")
    for _ in range(3):
        let_outage_pass(db)
        drain_everything(("ingest",))

    failed = fetch_by_id(fetch.id)
    assert (failed.state, len(vendor.asked)) == ("failed", 3)
    assert (failed.problem or {})["type"] == "/problems/provider-unavailable"
    assert stored_sessions("AAPL") == ()


@pytest.mark.parametrize("fault", [Fault.DUPLICATE_KEYS, Fault.NAN, Fault.WRONG_SYMBOL])
def test_an_answer_that_cannot_be_true_stores_nothing_and_says_why(
    fault: Fault, vendor: Simulator, choose: Choose
) -> None:
    choose("alphavantage")
    vendor.next(fault, function="TIME_SERIES_DAILY")

    fetch = fetched("alphavantage")

    assert (fetch.state, fetch.problem["type"]) == ("failed", "/problems/provider-bad-data")
    assert stored_sessions("AAPL") == ()
    assert not Answer.objects.using("ingest").exists()


def test_a_symbol_nobody_knows_is_refused(vendor: Simulator, choose: Choose) -> None:
    choose("alphavantage", "tiingo")

    fetch = fetched(symbol="NOSUCH")

    assert (fetch.state, fetch.problem["status"]) == ("refused", 404)
    assert asked(vendor) == ["TIME_SERIES_DAILY", "tiingo"]


def test_a_live_session_is_named_and_not_stored(vendor: Simulator, choose: Choose, until: date) -> None:
    choose("tiingo")
    newest = vendor.series["AAPL"].bars[-1]
    later = sessions_between(until, until + timedelta(days=9))[1]
    vendor.live["AAPL"] = type(newest)(
        session=later,
        open=newest.open,
        high=newest.high,
        low=newest.low,
        close=newest.close,
        volume=newest.volume,
    )

    fetch = fetched("tiingo")

    assert fetch.last_session == until
    assert fetch.provisional_session in (later, None)  # a session that is still to come is refused as a row


def test_a_refresh_takes_one_call_and_asks_for_splits_when_a_price_jumps(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    choose("alphavantage")
    fetched("alphavantage", end=until - timedelta(days=9))
    vendor.asked.clear()
    fetched("alphavantage", with_actions=False)
    assert asked(vendor) == ["TIME_SERIES_DAILY"]

    vendor.put(moved("AAPL", until=until, count=1400, name="NEW"))  # has the 7:1 split of 2014
    vendor.asked.clear()
    fetched("alphavantage", symbol="NEW", with_actions=False)
    assert asked(vendor) == FULL_AND_ACTIONS


def test_a_second_source_that_contradicts_the_first_is_left_out_and_named(
    vendor: Simulator, choose: Choose, until: date, db: psycopg.Connection[Any]
) -> None:
    vendor.is_free, vendor.clock = True, iter(range(0, 900, 2)).__next__
    choose("alphavantage", "tiingo")
    fetched("alphavantage")
    vendor.put(moved("MSFT", until=until, count=600, name="AAPL"))

    fetch = fetched(start=until - timedelta(days=700))

    assert fetch.state == "partial"
    assert "tiingo" in fetch.reason
    assert providers_of("AAPL", db) == {"alphavantage": 100}


def test_every_call_is_on_the_ledger_with_what_it_was_for(
    vendor: Simulator, choose: Choose, db: psycopg.Connection[Any]
) -> None:
    choose("alphavantage")

    fetch = fetched("alphavantage")

    calls = db.execute("SELECT function, verdict, asked_by FROM ingest.provider_call ORDER BY id").fetchall()
    assert calls == [(function, "data", fetch.id) for function in FULL_AND_ACTIONS]


def test_a_renamed_symbol_is_asked_by_its_new_name_and_keeps_its_older_history(
    vendor: Simulator, choose: Choose, until: date, db: psycopg.Connection[Any]
) -> None:
    fetched("bundled", symbol="FB")
    vendor.put(moved("AAPL", until=until, count=600, name="META"))
    choose("tiingo")

    fetch = fetched("tiingo", symbol="FB")

    assert (fetch.symbol, [one.symbol for one in vendor.asked]) == ("META", ["META"])
    assert providers_of("META", db) == {"tiingo": 600, "bundled": providers_of("FB", db)["bundled"]}
    assert stored_sessions("META")[0] == date(2012, 5, 18)


def test_what_waited_for_other_answers_is_no_more_final_than_when_it_came(
    vendor: Simulator, choose: Choose, until: date, db: psycopg.Connection[Any]
) -> None:
    choose("tiingo")
    fetch_id = requested("tiingo")
    [job_id] = due_jobs("ingest", limit=9)
    job = lease("ingest", job_id, lease_seconds=60)
    assert job is not None
    open_at = session_times(until).open_at + timedelta(hours=2)
    clock = iter([open_at] * 4 + [open_at + timedelta(days=3)] * 4).__next__

    run(job, clock=clock)

    fetch = fetch_by_id(fetch_id)
    assert fetch.provisional_session == until
    assert (fetch.last_session or until) < until


def test_a_hole_between_two_sources_is_filled_by_a_third(
    vendor: Simulator, choose: Choose, until: date, db: psycopg.Connection[Any]
) -> None:
    choose("tiingo")
    fetched("tiingo", end=until - timedelta(days=700))
    choose("alphavantage")
    vendor.is_free, vendor.clock = True, iter(range(0, 900, 2)).__next__
    assert "missing inside" in (fetched().reason or "")

    choose("alphavantage", "tiingo")
    fetch = fetched(start=vendor.series["AAPL"].bars[0].session)

    assert (fetch.state, fetch.bar_count) == ("succeeded", 600)


@pytest.mark.parametrize("fault", [Verdict.PREMIUM_ENDPOINT, Verdict.INVALID_CALL, Fault.DUPLICATE_KEYS])
def test_prices_are_good_without_an_answer_on_dividends(
    fault: Fault | Verdict, vendor: Simulator, choose: Choose
) -> None:
    choose("alphavantage")
    vendor.next(fault, function="DIVIDENDS")

    fetch = fetched("alphavantage")

    assert (fetch.state, fetch.bar_count) == ("succeeded", 600)
    assert asked(vendor) == FULL_AND_ACTIONS
    assert instrument_named("AAPL").notes == ["alphavantage did not tell dividends"]


def test_a_source_that_must_wait_long_gives_way_to_one_that_is_free(
    vendor: Simulator, choose: Choose, until: date
) -> None:
    choose("alphavantage")
    fetched(end=until - timedelta(days=9))
    choose("alphavantage", "tiingo")
    vendor.next(Verdict.DAILY_LIMIT)

    fetch = fetched()

    assert (fetch.state, fetch.last_session) == ("succeeded", until)


def test_a_fetch_that_waits_for_its_quota_says_so_to_whoever_asks_another_source(
    vendor: Simulator, choose: Choose
) -> None:
    choose("alphavantage", "tiingo", limits=LIMITED)
    waiting = fetched("alphavantage")

    with pytest.raises(OtherFetchOpen, match="waits for its quota until") as caught:
        requested("tiingo")

    assert caught.value.extra["fetch_id"] == str(waiting.id)
