"""The rebuilt calendar equals exchange_calendars and answers at its edges."""

from datetime import UTC, date, datetime

import pytest

from services.ingest.sessions import generate
from services.ingest.sessions.domain import (
    CALENDAR_PATH,
    CALENDAR_VERSION,
    FIRST_DATE,
    LAST_DATE,
    NotASession,
    OutsideCalendar,
    all_sessions,
    is_session,
    next_sessions,
    session_times,
    sessions_between,
)


def test_sessions_and_their_times_equal_exchange_calendars() -> None:
    ours = {times.session: (times.open_at, times.close_at) for times in all_sessions()}

    assert len(ours) == 11_577
    assert ours == generate.exchange_sessions()


def test_the_committed_file_is_what_the_generator_writes() -> None:
    assert CALENDAR_PATH.read_text(encoding="ascii") == generate.render()
    assert len(CALENDAR_VERSION) == 12


@pytest.mark.parametrize(
    "closed",
    [
        date(2001, 9, 11),
        date(2001, 9, 14),
        date(2004, 6, 11),
        date(2007, 1, 2),
        date(2012, 10, 29),
        date(2018, 12, 5),
        date(2025, 1, 9),
        date(2024, 6, 19),
        date(2026, 11, 21),
    ],
)
def test_closures_of_the_past_are_no_sessions(closed: date) -> None:
    assert not is_session(closed)


def test_juneteenth_was_a_session_until_2021() -> None:
    assert is_session(date(2020, 6, 19))
    assert not is_session(date(2023, 6, 19))


def test_hours_follow_daylight_saving_and_early_closes() -> None:
    winter, summer = session_times(date(2026, 11, 20)), session_times(date(2026, 7, 1))
    early = session_times(date(2026, 11, 27))

    assert winter.open_at == datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    assert summer.close_at == datetime(2026, 7, 1, 20, 0, tzinfo=UTC)
    assert early.close_at == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    assert (winter.early, summer.early, early.early) == (False, False, True)


def test_thirty_sessions_after_a_friday_in_november_end_in_january() -> None:
    horizon = next_sessions(date(2026, 11, 20), 30)

    assert (len(horizon), horizon[0], horizon[-1]) == (30, date(2026, 11, 23), date(2027, 1, 6))
    assert len(sessions_between(date(2026, 11, 21), date(2026, 12, 20))) == 19


def test_both_ends_of_a_range_are_included() -> None:
    friday, monday = date(2026, 11, 20), date(2026, 11, 23)

    assert sessions_between(friday, monday) == (friday, monday)
    assert sessions_between(monday, friday) == ()
    assert next_sessions(friday, 0) == ()


def test_dates_beyond_the_calendar_are_refused() -> None:
    for beyond in (date(1989, 12, 31), date(2036, 1, 1)):
        with pytest.raises(OutsideCalendar, match="1990-01-01 to 2035-12-31"):
            is_session(beyond)
        with pytest.raises(OutsideCalendar):
            sessions_between(beyond, beyond)
    with pytest.raises(OutsideCalendar, match="Only 0 of 1"):
        next_sessions(LAST_DATE, 1)
    assert len(sessions_between(FIRST_DATE, LAST_DATE)) == 11_577


def test_the_times_of_a_holiday_are_refused() -> None:
    with pytest.raises(NotASession, match="2026-12-25"):
        session_times(date(2026, 12, 25))


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        next_sessions(date(2026, 11, 20), -1)
