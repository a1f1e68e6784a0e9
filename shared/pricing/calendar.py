"""Reads the trading sessions that ingest publishes, from any service's alias."""

from datetime import date
from typing import Any

import numpy as np
from django.db import connections
from numpy.typing import NDArray


def calendar_version(alias: str, calendar: str = "XNYS") -> str:
    """Return the version of the sessions table that is stored."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT version FROM market.calendar WHERE calendar = %s", [calendar])
        return str(cursor.fetchone()[0])


def sessions_after(alias: str, session: date, count: int, calendar: str = "XNYS") -> tuple[date, ...]:
    """Return the `count` trading sessions that follow `session`."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT session FROM market.session WHERE calendar = %s AND session > %s ORDER BY session LIMIT %s",
            [calendar, session, count],
        )
        return tuple(row[0] for row in cursor.fetchall())


def session_before(alias: str, session: date, calendar: str = "XNYS") -> date | None:
    """Return the last trading session before `session`, None at the calendar's beginning."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT max(session) FROM market.session WHERE calendar = %s AND session < %s",
            [calendar, session],
        )
        found: date | None = cursor.fetchone()[0]
        return found


def sessions_between(
    alias: str, first: date, last: date, calendar: str = "XNYS"
) -> NDArray[np.datetime64[Any]]:
    """Return the trading sessions from `first` to `last`, (n,) datetime64[D]."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT session FROM market.session WHERE calendar = %s AND session BETWEEN %s AND %s ORDER BY session",
            [calendar, first, last],
        )
        return np.array([row[0] for row in cursor.fetchall()], dtype="datetime64[D]")
