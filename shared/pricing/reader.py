"""Reads the `market` views that ingest publishes, from any service's alias."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
from django.db import connections

from shared.errors import BellwetherError
from shared.pricing.history import Dividend, PriceHistory, Split

_BARS = """
SELECT array_agg(session - date '1970-01-01' ORDER BY session), array_agg(open::float8 ORDER BY session),
       array_agg(high::float8 ORDER BY session), array_agg(low::float8 ORDER BY session),
       array_agg(close::float8 ORDER BY session), array_agg(volume ORDER BY session)
FROM market.bar
WHERE symbol = %(symbol)s AND version <= %(version)s
  AND (superseded_version IS NULL OR superseded_version > %(version)s)
  AND session BETWEEN %(start)s AND %(end)s
"""
_ACTIONS = """
SELECT kind, ex_date, value::float8 FROM market.action
WHERE symbol = %(symbol)s AND version <= %(version)s
  AND (superseded_version IS NULL OR superseded_version > %(version)s)
ORDER BY ex_date, kind
"""

# Each bar and action that is known names the version that introduced it, and that version its provider.
_SOURCES = """
WITH known AS (
  SELECT version, session FROM market.bar
  WHERE symbol = %(symbol)s AND version <= %(version)s
    AND (superseded_version IS NULL OR superseded_version > %(version)s)
  UNION ALL
  SELECT version, NULL FROM market.action
  WHERE symbol = %(symbol)s AND version <= %(version)s
    AND (superseded_version IS NULL OR superseded_version > %(version)s)
)
SELECT v.provider, (array_agg(v.attribution ORDER BY v.version DESC))[1],
       (array_agg(v.notes ORDER BY v.version DESC))[1], count(k.session), max(k.session)
FROM known k JOIN market.instrument_version v ON v.symbol = %(symbol)s AND v.version = k.version
GROUP BY v.provider ORDER BY count(k.session) DESC, v.provider
"""


class NoPrices(BellwetherError):
    """Raised when no price of a symbol is stored, or not at the asked version."""

    status, slug, title = 404, "unknown-symbol", "Unknown symbol"

    @classmethod
    def of(cls, symbol: str) -> Self:
        """Return the error for a symbol without any price."""
        return cls(
            f"No prices of {symbol} are stored. Fetch them first: POST /api/v1/fetches/ or /fetch/{symbol}/.",
            fetch=f"/fetch/{symbol}/",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSource:
    """One provider's share of what is known at a version, on the terms it last gave with any of it.

    `session_count` counts its bars and `last_session` is the last of them: 0 and None where only splits or
    dividends are its own.
    """

    provider: str
    attribution: str
    notes: tuple[str, ...]
    session_count: int
    last_session: date | None


def latest_version(alias: str, symbol: str) -> int:
    """Return the last version of `symbol` that is stored. Raises NoPrices naming the address that fetches some."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT version FROM market.instrument WHERE symbol = %s", [symbol])
        row = cursor.fetchone()
    if row is None:
        raise NoPrices.of(symbol)
    return int(row[0])


def price_sources(alias: str, symbol: str, *, version: int) -> tuple[PriceSource, ...]:
    """Return whose bars, splits and dividends make up `symbol` at `version`, the most bars first."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_SOURCES, {"symbol": symbol, "version": version})
        return tuple(
            PriceSource(
                provider=provider,
                attribution=attribution,
                notes=tuple(json.loads(notes)),
                session_count=session_count,
                last_session=last_session,
            )
            for provider, attribution, notes, session_count, last_session in cursor.fetchall()
        )


def load_history(
    alias: str, symbol: str, *, version: int | None = None, start: date | None = None, end: date | None = None
) -> PriceHistory:
    """Return bars and actions of `symbol` exactly as known at `version` (None: the last one).

    `start` and `end` bound the bars, both included; actions always come whole. Raises NoPrices.
    """
    known = latest_version(alias, symbol)
    if version is None:
        version = known
    if not 1 <= version <= known:
        raise NoPrices(f"{symbol} has versions 1 to {known}, not {version}.")
    place: dict[str, Any] = {
        "symbol": symbol,
        "version": version,
        "start": start or date.min,
        "end": end or date.max,
    }
    with connections[alias].cursor() as cursor:
        cursor.execute(_BARS, place)
        days, opens, highs, lows, closes, volumes = (column or [] for column in cursor.fetchone())
        cursor.execute(_ACTIONS, place)
        actions = cursor.fetchall()
    return PriceHistory(
        symbol=symbol,
        version=version,
        sessions=np.array(days, dtype="datetime64[D]"),
        open=np.array(opens, dtype=np.float64),
        high=np.array(highs, dtype=np.float64),
        low=np.array(lows, dtype=np.float64),
        close=np.array(closes, dtype=np.float64),
        volume=np.array(volumes, dtype=np.int64),
        splits=tuple(Split(ex_date=day, ratio=value) for kind, day, value in actions if kind == "split"),
        dividends=tuple(
            Dividend(ex_date=day, amount=value) for kind, day, value in actions if kind == "dividend"
        ),
    )


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


def missing_sessions(alias: str, symbol: str, *, version: int, calendar: str = "XNYS") -> tuple[date, ...]:
    """Return the trading sessions between the first and the last bar of `symbol` that have none."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "WITH known AS (SELECT session FROM market.bar WHERE symbol = %(symbol)s AND version <= %(version)s"
            " AND (superseded_version IS NULL OR superseded_version > %(version)s))"
            " SELECT s.session FROM market.session s WHERE s.calendar = %(calendar)s"
            " AND s.session BETWEEN (SELECT min(session) FROM known) AND (SELECT max(session) FROM known)"
            " AND NOT EXISTS (SELECT FROM known k WHERE k.session = s.session) ORDER BY s.session",
            {"symbol": symbol, "version": version, "calendar": calendar},
        )
        return tuple(row[0] for row in cursor.fetchall())
