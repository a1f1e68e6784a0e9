"""The sessions of XNYS from 1990 to 2035, rebuilt from a small file of exceptions without pandas.

`xnys.csv` names only the weekdays that are closed or keep special hours, in New York local time; every
other weekday trades from 09:30 to 16:00. `generate.py` writes it.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.errors import BellwetherError

CALENDAR = "XNYS"
CALENDAR_PATH = Path(__file__).with_name("xnys.csv")
CALENDAR_VERSION = sha256(CALENDAR_PATH.read_bytes()).hexdigest()[:12]
FIRST_DATE = date(1990, 1, 1)
LAST_DATE = date(2035, 12, 31)
HEADER = "date,kind,open,close"
NEW_YORK = ZoneInfo("America/New_York")
REGULAR_OPEN = time(9, 30)
REGULAR_CLOSE = time(16, 0)


class OutsideCalendar(BellwetherError):
    """Raised when a date lies outside the years the trading calendar covers."""

    status, slug, title = 400, "outside-calendar", "Outside the trading calendar"


class NotASession(BellwetherError):
    """Raised when the times of a day are asked on which the exchange does not trade."""

    status, slug, title = 400, "not-a-session", "Not a trading session"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTimes:
    """One trading day and its aware UTC instants; `early` when it closes before 16:00 in New York."""

    session: date
    open_at: datetime
    close_at: datetime
    early: bool


def all_sessions() -> tuple[SessionTimes, ...]:
    """Return every session of the calendar, ascending."""
    return tuple(_sessions_by_date().values())


def sessions_between(start: date, end: date) -> tuple[date, ...]:
    """Return the sessions from `start` to `end`, both included, ascending; empty when `end` is earlier.

    Raises:
        OutsideCalendar: either date is before 1990 or after 2035.
    """
    _require_covered(start)
    _require_covered(end)
    dates = _session_dates()
    return dates[bisect_left(dates, start) : bisect_right(dates, end)]


def is_session(day: date) -> bool:
    """Tell whether the exchange trades on `day`.

    Raises:
        OutsideCalendar: the day is before 1990 or after 2035.
    """
    _require_covered(day)
    return day in _sessions_by_date()


def next_sessions(after: date, count: int) -> tuple[date, ...]:
    """Return the `count` sessions that follow `after`, itself excluded.

    Raises:
        OutsideCalendar: `after` is not covered, or the calendar ends before the last of them.
        ValueError: `count` is negative.
    """
    if count < 0:
        raise ValueError(f"count {count} is negative")
    _require_covered(after)
    dates = _session_dates()
    first = bisect_right(dates, after)
    following = dates[first : first + count]
    if len(following) < count:
        raise OutsideCalendar(
            f"Only {len(following)} of {count} sessions after {after} are known: {_coverage()}."
        )
    return following


def session_times(session: date) -> SessionTimes:
    """Return when `session` opens and closes.

    Raises:
        OutsideCalendar: the day is before 1990 or after 2035.
        NotASession: the exchange does not trade on that day.
    """
    if not is_session(session):
        raise NotASession(f"{session} is not a trading session of {CALENDAR}.")
    return _sessions_by_date()[session]


def _require_covered(day: date) -> None:
    if not FIRST_DATE <= day <= LAST_DATE:
        raise OutsideCalendar(f"{day} is outside the calendar: {_coverage()}.")


def _coverage() -> str:
    return f"{CALENDAR} covers {FIRST_DATE} to {LAST_DATE}"


@cache
def _session_dates() -> tuple[date, ...]:
    return tuple(_sessions_by_date())


@cache
def _sessions_by_date() -> dict[date, SessionTimes]:
    exceptions = _exceptions()
    sessions = {}
    for offset in range((LAST_DATE - FIRST_DATE).days + 1):
        day = FIRST_DATE + timedelta(days=offset)
        hours = exceptions.get(day, (REGULAR_OPEN, REGULAR_CLOSE))
        if hours is not None and day.weekday() < 5:
            open_at, close_at = (datetime.combine(day, at, NEW_YORK).astimezone(UTC) for at in hours)
            early = hours[1] < REGULAR_CLOSE
            sessions[day] = SessionTimes(session=day, open_at=open_at, close_at=close_at, early=early)
    return sessions


def _exceptions() -> dict[date, tuple[time, time] | None]:
    """Return the special hours by date; None where the exchange is closed."""
    hours: dict[date, tuple[time, time] | None] = {}
    for line in CALENDAR_PATH.read_text(encoding="ascii").splitlines()[1:]:
        day, kind, opens, closes = line.split(",")
        closed = kind == "closed"
        hours[date.fromisoformat(day)] = (
            None if closed else (time.fromisoformat(opens), time.fromisoformat(closes))
        )
    return hours
