"""Coverage is counted against the calendar of the exchange."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.coverage.domain import Coverage, LargeMove, coverage_of
from services.ingest.sessions.domain import is_session, sessions_between
from shared.pricing.history import PriceHistory, Split

MONDAY, FRIDAY = date(2019, 3, 4), date(2019, 3, 8)
WEEK = sessions_between(MONDAY, FRIDAY)


def history(
    days: list[date], closes: list[float], *, volumes: list[int] | None = None, splits: tuple[Split, ...] = ()
) -> PriceHistory:
    prices = np.array(closes, np.float64)
    return PriceHistory(
        symbol="TEST",
        version=1,
        sessions=np.array(days, "datetime64[D]"),
        open=prices,
        high=prices,
        low=prices,
        close=prices,
        volume=np.array(volumes or [1] * len(days), np.int64),
        splits=splits,
    )


def flat(days: list[date], *, last_final: date = FRIDAY) -> Coverage:
    return coverage_of(history(days, [10.0] * len(days)), last_final=last_final)


def test_a_whole_week_lacks_nothing() -> None:
    found = flat(list(WEEK))

    assert found == Coverage(
        first_session=MONDAY,
        last_session=FRIDAY,
        session_count=5,
        missing=(),
        extra=(),
        zero_volume=(),
        large_moves=(),
        stale_sessions=0,
    )


@given(st.sets(st.dates(date(2001, 8, 1), date(2001, 11, 1)), min_size=1))
def test_each_day_between_the_ends_is_stored_or_missing_and_a_session_or_extra(stored: set[date]) -> None:
    found = flat(sorted(stored), last_final=max(stored))

    sessions = set(sessions_between(min(stored), max(stored)))
    assert set(found.missing) == sessions - stored
    assert set(found.extra) == {day for day in stored if not is_session(day)}
    assert list(found.missing) == sorted(found.missing)
    assert list(found.extra) == sorted(found.extra)


def test_days_that_no_calendar_knows_are_extra() -> None:
    found = flat([date(1989, 12, 29), date(1990, 1, 2)], last_final=date(1990, 1, 2))

    assert (found.extra, found.missing) == ((date(1989, 12, 29),), ())
    assert flat([date(1980, 1, 2)]).extra == (date(1980, 1, 2),)


@pytest.mark.parametrize(
    ("last_final", "stale"),
    [
        (MONDAY, 0),
        (MONDAY - timedelta(days=30), 0),
        (MONDAY + timedelta(days=1), 1),
        (FRIDAY, 4),
        (FRIDAY + timedelta(days=2), 4),
        (FRIDAY + timedelta(days=3), 5),
    ],
)
def test_a_series_is_behind_by_the_sessions_that_are_final_since(last_final: date, stale: int) -> None:
    assert flat([MONDAY], last_final=last_final).stale_sessions == stale


def test_sessions_without_trade_are_named() -> None:
    found = coverage_of(history(list(WEEK), [10.0] * 5, volumes=[1, 0, 7, 0, 2]), last_final=FRIDAY)

    assert found.zero_volume == (WEEK[1], WEEK[3])


def test_a_move_of_more_than_a_fifth_is_named_and_one_of_a_fifth_is_not() -> None:
    closes = [10.0, 12.0, 9.6, 9.6 * 1.21, 9.6 * 1.21 * 0.75]

    found = coverage_of(history(list(WEEK), closes), last_final=FRIDAY)

    assert [move.session for move in found.large_moves] == [WEEK[3], WEEK[4]]
    assert [move.change_ratio for move in found.large_moves] == pytest.approx([0.21, -0.25])


def test_a_split_is_no_move_and_one_that_is_unknown_is_named() -> None:
    closes = [40.0, 40.0, 10.1, 10.0, 10.0]
    split = (Split(ex_date=WEEK[2], ratio=4.0),)

    with_split = coverage_of(history(list(WEEK), closes, splits=split), last_final=FRIDAY)
    without = coverage_of(history(list(WEEK), closes), last_final=FRIDAY)

    assert with_split.large_moves == ()
    assert without.large_moves == (LargeMove(session=WEEK[2], change_ratio=10.1 / 40 - 1),)
