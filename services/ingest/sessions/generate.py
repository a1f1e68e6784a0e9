"""Write `xnys.csv` from exchange_calendars: `python -m services.ingest.sessions.generate`.

Run it once a year (a development dependency): closures announced since then arrive as changed rows.
"""

import warnings
from datetime import date, datetime, timedelta

from services.ingest.sessions.domain import (
    CALENDAR,
    CALENDAR_PATH,
    FIRST_DATE,
    HEADER,
    LAST_DATE,
    NEW_YORK,
    REGULAR_CLOSE,
    REGULAR_OPEN,
)


def render() -> str:
    """Return the file's text: each weekday that is closed, or opens or closes at a special New York time."""
    sessions = exchange_sessions()
    lines = [HEADER]
    for offset in range((LAST_DATE - FIRST_DATE).days + 1):
        day = FIRST_DATE + timedelta(days=offset)
        if day in sessions:
            opens, closes = (instant.astimezone(NEW_YORK).time() for instant in sessions[day])
            if (opens, closes) != (REGULAR_OPEN, REGULAR_CLOSE):
                lines.append(f"{day},special,{opens:%H:%M},{closes:%H:%M}")
        elif day.weekday() < 5:
            lines.append(f"{day},closed,,")
    return "\n".join(lines) + "\n"


def exchange_sessions() -> dict[date, tuple[datetime, datetime]]:
    """Return the open and close in UTC of each session, as exchange_calendars has them."""
    with warnings.catch_warnings():
        # exchange_calendars 4.13 uses spellings that pandas 3 has deprecated.
        warnings.simplefilter("ignore")
        from exchange_calendars import get_calendar  # type: ignore[import-untyped]

        schedule = get_calendar(CALENDAR, start=str(FIRST_DATE), end=str(LAST_DATE)).schedule
        opens, closes = (schedule[name].dt.to_pydatetime() for name in ("open", "close"))
    days = (stamp.date() for stamp in schedule.index)
    return dict(zip(days, zip(opens, closes, strict=True), strict=True))


if __name__ == "__main__":
    CALENDAR_PATH.write_text(render(), encoding="ascii")
