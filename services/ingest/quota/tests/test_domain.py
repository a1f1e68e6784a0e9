"""What answers mean for the next call, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrate_limiter import InMemoryBucket, Rate, RateItem

from services.ingest.providers.calls import Call, Reading, Verdict
from services.ingest.providers.domain import UnknownProvider
from services.ingest.quota.domain import (
    FAILING,
    LONGEST_PAUSE,
    OUTAGE_MEMORY,
    Account,
    Answered,
    Closure,
    Known,
    Waiting,
    account_of,
    fingerprint,
    lessons,
    outage_after,
    paused_until,
    windows,
    woken,
)
from shared.contracts.market_data import CapabilityLearnt, ProviderClosed, ProviderOpened

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY, HOUR, MINUTE, SECOND = (timedelta(**{unit: 1}) for unit in ("days", "hours", "minutes", "seconds"))
SETTINGS = {
    "ALPHAVANTAGE_API_KEY": "a key",
    "ALPHAVANTAGE_BASE_URL": "https://vendor.test/query",
    "ALPHAVANTAGE_LIMITS": ((1, 1.25), (25, 86_400.0)),
    "YFINANCE_ENABLED": False,
    "YFINANCE_LIMITS": ((1, 2.0),),
}
ACCOUNT = account_of("alphavantage", SETTINGS)
WHO = {"provider": "alphavantage", "key_fingerprint": ACCOUNT.fingerprint}
DAILY = Call(name="prices", function="TIME_SERIES_DAILY", subject="IBM")
FULL = Call(name="prices", function="TIME_SERIES_DAILY", subject="IBM", capability="full_history")
OVER = Closure(verdict="daily-limit", detail="", since=NOON - DAY, until=NOON - timedelta(hours=1))
OPEN_AGAIN_LATER = Closure(verdict="daily-limit", detail="", since=NOON, until=NOON + DAY)
FOR_GOOD = Closure(verdict="bad-key", detail="", since=NOON, until=None)


def answered(verdict: Verdict, *, ago: timedelta = timedelta(), took: timedelta = SECOND) -> Answered:
    return Answered(verdict=verdict, sent_at=NOON - ago - took, at=NOON - ago, detail="no answer")


def known(
    *verdicts: Verdict,
    capabilities: dict[str, bool] | None = None,
    closure: Closure | None = None,
    earlier_sent_at: datetime | None = None,
) -> Known:
    return Known(
        answered_at=NOON,
        answers=[answered(verdict) for verdict in verdicts],
        capabilities=capabilities or {},
        closure=closure,
        earlier_sent_at=earlier_sent_at,
    )


def taught(
    verdict: Verdict, call: Call = DAILY, *, found: Known | None = None, seen: Closure | None = None
) -> tuple[object, ...]:
    return lessons(
        ACCOUNT, call, Reading(verdict=verdict, detail="said"), known=found or known(verdict), seen=seen
    )


def closed(verdict: Verdict, until: datetime | None) -> tuple[ProviderClosed]:
    return (ProviderClosed(**WHO, verdict=verdict.value, detail="said", until=until),)


def test_an_account_is_read_from_the_settings_that_begin_with_the_providers_name() -> None:
    assert (ACCOUNT.base_url, ACCOUNT.key, ACCOUNT.needs_key, ACCOUNT.is_on) == (
        "https://vendor.test/query",
        "a key",
        True,
        True,
    )
    assert account_of("yfinance", SETTINGS) == Account(
        provider="yfinance", base_url="", key="", needs_key=False, is_on=False, limits=((1, 2.0),)
    )
    assert "a key" not in repr(ACCOUNT)
    assert ACCOUNT.bucket == f"alphavantage_{fingerprint('a key')}"
    assert account_of("yfinance", SETTINGS).bucket == "yfinance_keyless"


def test_a_closure_ends_at_its_instant() -> None:
    until_noon = replace(OVER, until=NOON)

    assert until_noon.holds(NOON - timedelta(microseconds=1))
    assert not until_noon.holds(NOON)
    assert FOR_GOOD.holds(NOON + 1000 * DAY)


@pytest.mark.parametrize("name", ["csv", "ALPHAVANTAGE", "", "alphavantage_api_key"])
def test_a_name_without_limits_is_no_provider_that_takes_calls(name: str) -> None:
    with pytest.raises(UnknownProvider) as unknown:
        account_of(name, SETTINGS)

    assert unknown.value.extra["known_providers"] == ["alphavantage", "yfinance"]


def test_a_fingerprint_tells_keys_apart_without_holding_one() -> None:
    assert fingerprint("demo") == "2a97516c354b"
    assert fingerprint("") == ""


@given(
    steps=st.lists(st.integers(min_value=0, max_value=3_000), max_size=40),
    limits=st.sampled_from(
        [((1, 1.25), (5, 10.0)), ((3, 2.0),), ((2, 1.0), (4, 4.0), (9, 20.0)), ((1, 0.001), (3, 5.0))]
    ),
)
def test_the_windows_say_what_the_bucket_will_do(
    steps: list[int], limits: tuple[tuple[int, float], ...]
) -> None:
    bucket = InMemoryBucket([Rate(calls, round(seconds * 1000)) for calls, seconds in limits])
    counted: list[datetime] = []
    at_ms = 1_775_000_000_000
    for step in steps:
        at_ms += step
        now = EPOCH + timedelta(milliseconds=at_ms)
        found = windows(limits, counted, now=now)
        full = [window for window in found if window.left == 0]

        decision = bucket.put_decision(RateItem("call", at_ms))

        assert decision.allowed is (not full)  # type: ignore[union-attr]
        if full:
            wait = timedelta(milliseconds=decision.retry_after_ms)  # type: ignore[union-attr, arg-type]
            assert full[0].frees_at == now + wait
        else:
            counted.insert(0, now)
    assert all(window.used + window.left == window.calls for window in windows(limits, counted, now=NOON))


def test_a_window_in_which_more_is_used_than_is_permitted_now_frees_when_a_call_is_possible() -> None:
    counted = [NOON - timedelta(minutes=minutes) for minutes in (1, 2, 3, 4)]

    (found,) = windows([(2, 3600.0)], counted, now=NOON)

    assert (found.used, found.left) == (4, 0)
    assert found.frees_at == NOON + timedelta(minutes=58, milliseconds=1)


def test_a_call_counts_until_its_window_is_over_to_the_millisecond() -> None:
    (at_its_end,) = windows([(1, 3600.0)], [NOON - HOUR], now=NOON)
    (after,) = windows([(1, 3600.0)], [NOON - HOUR], now=NOON + timedelta(milliseconds=1))

    assert (at_its_end.left, after.left) == (0, 1)


def test_an_unused_window_has_nothing_to_free() -> None:
    (found,) = windows([(2, 3600.0)], [NOON - timedelta(hours=2)], now=NOON)

    assert (found.used, found.left, found.frees_at) == (0, 2, None)


@pytest.mark.parametrize(
    ("verdicts", "seconds"),
    [
        ([], None),
        ([Verdict.DATA], None),
        ([Verdict.DATA, Verdict.BURST], None),
        ([Verdict.BURST], 1.25),
        ([Verdict.BURST, Verdict.DATA, Verdict.BURST], 1.25),
        ([Verdict.VOLUME, Verdict.BURST], 2.5),
        ([Verdict.BURST] * 3, 5.0),
        ([Verdict.BURST] * 4, None),
        ([Verdict.MINUTE_LIMIT], 60.0),
        ([Verdict.MINUTE_LIMIT, Verdict.BURST], 120.0),
        ([Verdict.MINUTE_LIMIT] * 4, 480.0),
        ([Verdict.MINUTE_LIMIT] * 9, 480.0),
        ([Verdict.DAILY_LIMIT], None),
    ],
)
def test_a_provider_that_was_asked_too_fast_is_asked_again_ever_later(
    verdicts: list[Verdict], seconds: float | None
) -> None:
    found = paused_until([answered(verdict) for verdict in verdicts])

    assert found == (None if seconds is None else NOON + timedelta(seconds=seconds))


def test_what_was_too_fast_an_hour_before_is_no_part_of_the_row() -> None:
    answers = [answered(Verdict.BURST, ago=ago) for ago in (timedelta(), HOUR - SECOND, HOUR)]

    assert paused_until(answers) == NOON + timedelta(seconds=2.5)


@pytest.mark.parametrize("verdict", [Verdict.TRANSPORT, Verdict.UNKNOWN_NOTICE])
def test_a_provider_that_fails_is_left_alone_ever_longer_and_six_hours_at_most(verdict: Verdict) -> None:
    answers = [answered(verdict, ago=number * MINUTE) for number in range(40)]

    found = [outage_after(answers[:count]) for count in (1, 2, 3, 6, 7, 40)]

    assert [each and each.failures for each in found] == [1, 2, 3, 6, 7, 40]
    minutes = [(each.until - NOON) / MINUTE for each in found if each]
    assert minutes == [1, 3, 9, 243, 360, 360]
    assert {each.detail for each in found if each} == {"no answer"}


def test_any_other_answer_ends_an_outage() -> None:
    failure = answered(Verdict.TRANSPORT)

    for other in set(Verdict) - FAILING:
        assert outage_after([answered(other), failure]) is None
        after = outage_after([failure, answered(other, ago=MINUTE), answered(Verdict.TRANSPORT, ago=HOUR)])
        assert after and after.failures == 1
    assert outage_after([]) is None


def test_calls_that_were_under_way_together_met_one_failure() -> None:
    together = [
        answered(Verdict.TRANSPORT, ago=number * SECOND, took=20 * SECOND) for number in (0, 5, 10, 20, 39)
    ]

    outage = outage_after(together)

    assert outage and outage.failures == 2


def test_a_failure_without_words_is_told_by_its_verdict() -> None:
    outage = outage_after([Answered(verdict=Verdict.TRANSPORT, sent_at=NOON, at=NOON)])

    assert outage and outage.detail == "transport"


def test_an_outage_of_a_day_takes_nine_calls() -> None:
    answers, now = list[Answered](), NOON
    while now < NOON + DAY:
        answers.insert(0, Answered(verdict=Verdict.TRANSPORT, sent_at=now, at=now))
        remembered = [answer for answer in answers if answer.sent_at > now - OUTAGE_MEMORY]
        outage = outage_after(remembered)
        assert outage
        now = outage.until

    assert len(answers) == 9


def test_a_long_outage_never_makes_the_pauses_shorter() -> None:
    answers, now = list[Answered](), NOON
    while now < NOON + 10 * DAY:
        answers.insert(0, Answered(verdict=Verdict.TRANSPORT, sent_at=now, at=now))
        outage = outage_after([answer for answer in answers if answer.sent_at > now - OUTAGE_MEMORY])
        assert outage
        now = outage.until

    assert {later.at - sooner.at for later, sooner in pairwise(answers[:30])} == {LONGEST_PAUSE}


def waits(job: int, provider: str = "auto", waits_for: str = "alphavantage", *asked: str) -> Waiting:
    return Waiting(job_id=UUID(int=job), provider=provider, waits_for=waits_for, has_asked=frozenset(asked))


@pytest.mark.parametrize(
    ("job", "is_woken"),
    [
        (waits(1, "alphavantage", "alphavantage", "alphavantage"), False),
        (waits(1, "tiingo", "tiingo", "tiingo"), True),
        (waits(1, "auto", "tiingo", "tiingo"), True),
        (waits(1, "auto", "alphavantage", "alphavantage"), True),
        (waits(1, "auto", "alphavantage", "alphavantage", "tiingo"), False),
        (waits(1, "bundled", "nobody"), False),
    ],
)
def test_a_job_goes_on_for_whom_it_waits_and_under_the_plan_for_whom_it_has_not_asked(
    job: Waiting, is_woken: bool
) -> None:
    assert bool(woken([job], {"alphavantage": 0, "tiingo": 1})) is is_woken


def test_no_more_jobs_are_woken_than_there_are_calls() -> None:
    jobs = [waits(1), waits(2), waits(3, "alphavantage"), waits(4), waits(5, "tiingo", "tiingo")]

    assert woken(jobs, {"alphavantage": 1, "tiingo": 2}) == [UUID(int=number) for number in (1, 2, 4)]


def test_data_teaches_once_what_the_call_needed() -> None:
    learnt = CapabilityLearnt(**WHO, capability="full_history", allowed=True)

    assert taught(Verdict.DATA, FULL) == (learnt,)
    assert taught(Verdict.DATA, FULL, found=known(capabilities={"full_history": True})) == ()
    assert taught(Verdict.DATA, FULL, found=known(capabilities={"full_history": False})) == (learnt,)
    assert taught(Verdict.DATA, DAILY) == ()
    compact = Reading(verdict=Verdict.DATA, shows_capability=False)
    assert lessons(ACCOUNT, FULL, compact, known=known(), seen=None) == ()


@pytest.mark.parametrize("verdict", [Verdict.PREMIUM_ENDPOINT, Verdict.PREMIUM_PARAMETER])
def test_a_refusal_for_the_plan_teaches_once_what_the_key_may_not_do(verdict: Verdict) -> None:
    learnt = CapabilityLearnt(**WHO, capability="full_history", allowed=False)

    assert taught(verdict, FULL) == (learnt,)
    assert taught(verdict, FULL, found=known(capabilities={"full_history": False})) == ()
    assert taught(verdict, DAILY) == (CapabilityLearnt(**WHO, capability="TIME_SERIES_DAILY", allowed=False),)


@pytest.mark.parametrize("verdict", [Verdict.BAD_KEY, Verdict.DEMO_KEY])
def test_a_refused_key_closes_the_provider_for_good_and_once(verdict: Verdict) -> None:
    assert taught(verdict) == closed(verdict, None)
    assert taught(verdict, found=known(verdict, closure=OPEN_AGAIN_LATER)) == closed(verdict, None)
    assert taught(verdict, found=known(verdict, closure=FOR_GOOD)) == ()


def test_a_used_up_day_closes_the_provider_until_our_oldest_call_leaves_it() -> None:
    earlier = NOON - timedelta(hours=20)

    found = known(Verdict.DAILY_LIMIT, earlier_sent_at=earlier)

    assert taught(Verdict.DAILY_LIMIT, found=found) == closed(Verdict.DAILY_LIMIT, earlier + DAY)


@pytest.mark.parametrize("hours", [None, 23.5, 24])
def test_a_used_up_day_closes_the_provider_for_an_hour_at_least(hours: float | None) -> None:
    earlier = None if hours is None else NOON - timedelta(hours=hours)

    found = known(Verdict.DAILY_LIMIT, earlier_sent_at=earlier)

    hour = NOON + timedelta(hours=1)
    assert taught(Verdict.DAILY_LIMIT, found=found) == closed(Verdict.DAILY_LIMIT, hour)


@pytest.mark.parametrize(
    ("closure", "is_closed_again"), [(OVER, True), (OPEN_AGAIN_LATER, False), (FOR_GOOD, False)]
)
def test_a_used_up_day_closes_what_is_open(closure: Closure, is_closed_again: bool) -> None:
    found = known(Verdict.DAILY_LIMIT, closure=closure)

    assert bool(taught(Verdict.DAILY_LIMIT, found=found)) is is_closed_again


@pytest.mark.parametrize("verdict", [Verdict.BURST, Verdict.VOLUME])
def test_the_fourth_time_in_a_row_that_was_too_fast_is_taken_for_a_used_up_day(verdict: Verdict) -> None:
    assert taught(verdict, found=known(verdict, Verdict.BURST, Verdict.VOLUME)) == ()
    assert taught(verdict, found=known(*[verdict] * 4)) == closed(verdict, NOON + timedelta(hours=1))


def test_a_limit_on_a_minute_or_an_hour_is_never_taken_for_a_used_up_day() -> None:
    assert taught(Verdict.MINUTE_LIMIT, found=known(*[Verdict.MINUTE_LIMIT] * 4)) == ()


def test_data_opens_a_provider_whose_closure_was_over_when_it_was_asked() -> None:
    assert taught(Verdict.DATA, found=known(closure=OVER), seen=OVER) == (ProviderOpened(**WHO),)


def test_data_opens_no_provider_that_was_closed_while_the_call_was_under_way() -> None:
    assert taught(Verdict.DATA, found=known(closure=OPEN_AGAIN_LATER), seen=None) == ()
    assert taught(Verdict.DATA, found=known(closure=OPEN_AGAIN_LATER), seen=OVER) == ()
    assert taught(Verdict.DATA, found=known(closure=None), seen=OVER) == ()


@pytest.mark.parametrize(
    "verdict",
    [
        *(Verdict.NOT_FOUND, Verdict.INVALID_CALL, Verdict.UNKNOWN_FUNCTION),
        *(Verdict.UNKNOWN_NOTICE, Verdict.TRANSPORT, Verdict.BAD_DATA),
    ],
)
def test_other_answers_teach_nothing_about_the_key(verdict: Verdict) -> None:
    assert taught(verdict, FULL, found=known(verdict, closure=OVER), seen=OVER) == ()
