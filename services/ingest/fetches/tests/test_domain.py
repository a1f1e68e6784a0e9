"""What a fetch still lacks, and how it says so."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from services.ingest.fetches.domain import (
    WANTED_SESSIONS,
    Asked,
    Gathered,
    coverage_of,
    lacks_history,
    lacks_recent,
    last_final_session,
    shortfall_of,
    shows_jump,
    told_of,
    within,
)
from services.ingest.providers.domain import Bar, DailySeries
from services.ingest.sessions.domain import sessions_between

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # 12:00 in New York, on a Friday
LAST_TWO_YEARS = sessions_between(date(2024, 11, 1), date(2026, 11, 19))


def asked(start: date | None = None, end: date | None = None) -> Asked:
    return Asked(symbol="ACME", provider="auto", start=start, end=end, with_actions=True)


def series(*closes: str) -> DailySeries:
    days = LAST_TWO_YEARS[-len(closes) :]
    bars = tuple(
        Bar(session=day, open=price, high=price, low=price, close=price, volume=1)
        for day, price in zip(days, map(Decimal, closes), strict=True)
    )
    return DailySeries(
        symbol="ACME",
        provider="alphavantage",
        attribution="a test",
        bars=bars,
        splits=None,
        dividends=None,
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOON, date(2026, 11, 19)),
        (datetime(2026, 11, 20, 21, 29, tzinfo=UTC), date(2026, 11, 19)),
        (datetime(2026, 11, 20, 21, 30, tzinfo=UTC), date(2026, 11, 20)),  # the close is at 21:00
        (datetime(2026, 11, 22, 12, 0, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 27, 18, 30, tzinfo=UTC), date(2026, 11, 27)),  # closes early, at 18:00
        (datetime(2026, 11, 21, 2, 0, tzinfo=UTC), date(2026, 11, 20)),  # still the 20th in New York
    ],
)
def test_a_session_is_final_half_an_hour_after_its_close(now: datetime, expected: date) -> None:
    assert last_final_session(now) == expected


def test_stored_rows_up_to_the_last_final_session_lack_nothing_recent() -> None:
    assert not lacks_recent(LAST_TWO_YEARS, asked(), now=NOON)
    assert lacks_recent(LAST_TWO_YEARS[:-1], asked(), now=NOON)
    assert lacks_recent((), asked(), now=NOON)


def test_a_range_that_ends_before_the_newest_row_lacks_nothing_recent() -> None:
    assert not lacks_recent(LAST_TWO_YEARS[:-9], asked(end=LAST_TWO_YEARS[-10]), now=NOON)
    assert lacks_recent(LAST_TWO_YEARS[:-10], asked(end=LAST_TWO_YEARS[-10]), now=NOON)


def test_history_is_lacking_before_the_oldest_row_and_without_dates_below_two_years() -> None:
    assert lacks_history(LAST_TWO_YEARS, asked(start=date(2024, 10, 31)))
    assert not lacks_history(LAST_TWO_YEARS, asked(start=date(2024, 11, 1)))
    assert lacks_history(LAST_TWO_YEARS[-WANTED_SESSIONS + 1 :], asked())
    assert not lacks_history(LAST_TWO_YEARS[-WANTED_SESSIONS:], asked())


def test_only_a_new_move_of_more_than_a_quarter_is_a_jump() -> None:
    split = series("400", "404", "101", "102")

    assert shows_jump(split, since=None)
    assert shows_jump(split, since=split.bars[1].session)
    assert not shows_jump(split, since=split.bars[2].session)
    assert not shows_jump(series("100", "124", "100"), since=None)


def test_what_is_whole_has_no_shortfall() -> None:
    coverage = coverage_of(LAST_TWO_YEARS, asked(), now=NOON)

    assert (coverage.missing_before, coverage.missing_after, coverage.inner_gaps) == (None, None, ())
    assert (
        shortfall_of(coverage, Gathered(series=(series("1"),), kept_back=("x",)), asked(), now=NOON) is None
    )


def test_a_range_whose_ends_are_missing_says_which() -> None:
    wanted = asked(start=date(2024, 10, 1), end=date(2026, 11, 30))

    coverage = coverage_of(LAST_TWO_YEARS[:-1], wanted, now=NOON)

    assert (coverage.missing_before, coverage.missing_after) == (date(2024, 10, 1), date(2026, 11, 19))
    reason = shortfall_of(coverage, Gathered(series=(), shortfalls=("tiingo needs a key",)), wanted, now=NOON)
    assert reason is not None
    assert "from 2024-10-01 to 2024-11-01" in reason
    assert "up to 2026-11-19" in reason
    assert reason.endswith("tiingo needs a key.")


def test_an_end_that_is_to_come_is_not_missing() -> None:
    coverage = coverage_of(LAST_TWO_YEARS, asked(end=date(2026, 12, 31)), now=NOON)

    assert coverage.missing_after is None


def test_a_hole_of_a_month_makes_a_series_partial_and_single_days_do_not() -> None:
    gathered = Gathered(series=())
    gaps = coverage_of(LAST_TWO_YEARS[:100] + LAST_TWO_YEARS[120:], asked(), now=NOON)
    hole = coverage_of(LAST_TWO_YEARS[:100] + LAST_TWO_YEARS[121:], asked(), now=NOON)

    assert gaps.inner_gaps == LAST_TWO_YEARS[100:120]
    assert shortfall_of(gaps, gathered, asked(), now=NOON) is None
    assert shortfall_of(hole, gathered, asked(), now=NOON) == "21 sessions in a row are missing inside."


def test_a_source_that_keeps_older_sessions_back_is_named() -> None:
    coverage = coverage_of(LAST_TWO_YEARS[-100:], asked(), now=NOON)
    cut = Gathered(series=(), kept_back=("alphavantage gave the last 100 sessions only",))

    assert shortfall_of(coverage, cut, asked(), now=NOON) == "alphavantage gave the last 100 sessions only."


def test_who_is_current_and_has_no_newest_session_leaves_something_missing() -> None:
    coverage = coverage_of(LAST_TWO_YEARS[:-1], asked(), now=NOON)

    reason = shortfall_of(
        coverage, Gathered(series=(), shortfalls=("x failed",), is_current=True), asked(), now=NOON
    )
    assert reason == "Nothing is stored after 2026-11-18, and 2026-11-19 is over. x failed."
    assert shortfall_of(coverage, Gathered(series=()), asked(), now=NOON) is None


def test_a_long_hole_and_a_range_without_any_row_lack_history() -> None:
    holed = LAST_TWO_YEARS[:5] + LAST_TWO_YEARS[26:]

    assert lacks_history(holed, asked())
    assert lacks_history(holed, asked(start=LAST_TWO_YEARS[8], end=LAST_TWO_YEARS[20]))
    assert not lacks_history(holed, asked(start=LAST_TWO_YEARS[30]))
    assert not lacks_history(LAST_TWO_YEARS[:5] + LAST_TWO_YEARS[25:], asked(start=LAST_TWO_YEARS[0]))


def test_a_range_that_begins_with_its_first_bar_has_nothing_missing_before() -> None:
    coverage = coverage_of(LAST_TWO_YEARS, asked(start=LAST_TWO_YEARS[0]), now=NOON)

    assert coverage.missing_before is None


def test_two_years_are_enough_whatever_is_kept_back() -> None:
    cut = Gathered(series=(), kept_back=("alphavantage gave the last 100 sessions only",))
    enough, short = (
        coverage_of(LAST_TWO_YEARS[-count:], asked(), now=NOON)
        for count in (WANTED_SESSIONS, WANTED_SESSIONS - 1)
    )

    assert shortfall_of(enough, cut, asked(), now=NOON) is None
    assert shortfall_of(short, cut, asked(), now=NOON)


def test_an_end_that_is_missing_is_told_once() -> None:
    wanted = asked(end=date(2026, 11, 30))
    coverage = coverage_of(LAST_TWO_YEARS[:-1], wanted, now=NOON)

    reason = shortfall_of(coverage, Gathered(series=(), is_current=True), wanted, now=NOON)

    assert reason == "Nothing is stored after 2026-11-18, up to 2026-11-19."


def test_both_ends_belong_to_a_range() -> None:
    days = LAST_TWO_YEARS[:5]

    assert within(days, asked(start=days[1], end=days[3])) == list(days[1:4])
    assert within(days, asked()) == list(days)


def test_what_happened_to_a_provider_names_it() -> None:
    assert (
        told_of("tiingo", "The answer is no list of rows.") == "tiingo failed: The answer is no list of rows"
    )
    assert told_of("tiingo", "tiingo was asked too fast.") == "tiingo was asked too fast"
