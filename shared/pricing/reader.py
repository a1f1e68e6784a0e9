"""Reads the `market` views that ingest publishes, from any service's alias."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import batched
from typing import Any, Self

from django.db import connections

from shared.errors import BellwetherError
from shared.pricing.arrays import vector_cursor
from shared.pricing.history import Dividend, PriceHistory, Split
from shared.pricing.names import require_current_name
from shared.pricing.versions import UnknownVersion

SYMBOLS_PER_QUERY = 100

# Note [One query for many histories]
# For each symbol asked the index gives its bars in order of their session, and the sub-select that asks for
# that order keeps it for `array_agg`, at no sort. One statement sees one state of the database, so that the
# last version and its bars belong together. A query takes so many symbols and no more: that bounds the memory.
# OFFSET 0 has the version found once for each symbol, and not again beside each bar.
_HISTORIES = """
SELECT asked.symbol, i.version, at.version, b.*, a.*
FROM unnest(%(symbols)s::text[], %(versions)s::int[]) WITH ORDINALITY AS asked (symbol, version, position)
LEFT JOIN market.instrument i ON i.symbol = asked.symbol
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN asked.version IS NOT NULL THEN asked.version
    WHEN %(as_of)s::timestamptz IS NULL THEN i.version
    ELSE (
      SELECT max(v.version) FROM market.instrument_version v
      WHERE v.symbol = asked.symbol AND v.recorded_at <= %(as_of)s
    )
  END
  OFFSET 0
) AS at (version)
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(session), '{}'), coalesce(array_agg(open::float8), '{}'),
         coalesce(array_agg(high::float8), '{}'), coalesce(array_agg(low::float8), '{}'),
         coalesce(array_agg(close::float8), '{}'), coalesce(array_agg(volume), '{}')
  FROM (
    SELECT session, open, high, low, close, volume FROM market.bar
    WHERE symbol = asked.symbol AND version <= at.version
      AND (superseded_version IS NULL OR superseded_version > at.version)
      AND session BETWEEN %(start)s AND %(end)s
    ORDER BY session
  ) known
) AS b
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(kind), '{}'), coalesce(array_agg(ex_date), '{}'),
         coalesce(array_agg(value::float8), '{}')
  FROM (
    SELECT kind, ex_date, value FROM market.action
    WHERE symbol = asked.symbol AND version <= at.version
      AND (superseded_version IS NULL OR superseded_version > at.version)
    ORDER BY ex_date, kind
  ) known
) AS a
ORDER BY asked.position
"""

# Note [A moment that is not over]
# A version has its time before others see it, and until then its recorder holds the instrument's lock. A reader
# that asks for a moment which such a version may still claim therefore waits for it; so what is shown of a moment
# stays. The statement is a transaction of its own, and lets the locks go as soon as it has them all.
_WAIT_FOR_RECORDERS = """
SELECT pg_advisory_xact_lock_shared(key)
FROM (SELECT hashtextextended('instrument-' || symbol, 0) AS key FROM unnest(%(symbols)s::text[]) AS symbol
    WHERE %(as_of)s > clock_timestamp() - interval '2 minutes' ORDER BY 1) keys
"""

# A bar or action names its provider and fetch. Terms come with a version: one of this instrument, or, of what was
# taken over from a former name of it, the one that the same fetch brought there.
_SOURCES = """
WITH known AS (
  SELECT provider, fetch_id, session FROM market.bar
  WHERE symbol = %(symbol)s AND version <= %(version)s
    AND (superseded_version IS NULL OR superseded_version > %(version)s)
  UNION ALL
  SELECT provider, fetch_id, NULL FROM market.action
  WHERE symbol = %(symbol)s AND version <= %(version)s
    AND (superseded_version IS NULL OR superseded_version > %(version)s)
), share AS (
  SELECT provider, count(session) AS session_count, max(session) AS last_session,
         array_agg(DISTINCT fetch_id) AS fetches
  FROM known GROUP BY provider
)
SELECT share.provider, terms.attribution, terms.notes, session_count, last_session,
  first_noted_session, last_noted_session
FROM share LEFT JOIN LATERAL (
  SELECT attribution, notes, fetch_id FROM market.instrument_version v
  WHERE v.provider = share.provider
    AND (v.symbol = %(symbol)s AND v.version <= %(version)s OR v.fetch_id = ANY(share.fetches))
  ORDER BY v.symbol = %(symbol)s AND v.version <= %(version)s DESC, v.recorded_at DESC, v.symbol LIMIT 1
) AS terms ON true
LEFT JOIN LATERAL (
  SELECT min(session) AS first_noted_session, max(session) AS last_noted_session FROM known
  WHERE known.provider = share.provider AND known.fetch_id = terms.fetch_id
) AS noted ON true
ORDER BY session_count DESC, share.provider
"""


class NoPrices(BellwetherError):
    """Raised when no price of a symbol is stored."""

    status, slug, title = 404, "unknown-symbol", "Unknown symbol"

    @classmethod
    def of(cls, symbol: str, *, stored_as: str | None = None) -> Self:
        """Return the error for a symbol without any price, but perhaps with some under another of its names."""
        fetch = f"/fetch/{symbol}/"
        if stored_as is not None:
            return cls(
                f"No prices of {symbol} are stored, but of {stored_as}, which is the same instrument.",
                fetch=fetch,
                stored_as=stored_as,
            )
        return cls(
            f"No prices of {symbol} are stored. Fetch them first: POST /api/v1/fetches/ or {fetch}.",
            fetch=fetch,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSource:
    """One provider's share of what is known at a version, on the terms it last gave.

    `session_count` counts its bars and `last_session` is the last of them: 0 and None where only splits or
    dividends are its own. `notes` came with the bars from `first_noted_session` to `last_noted_session`.
    """

    provider: str
    attribution: str
    notes: tuple[str, ...]
    session_count: int
    last_session: date | None
    first_noted_session: date | None
    last_noted_session: date | None


def latest_version(alias: str, symbol: str) -> int:
    """Return the last version of `symbol` that is stored.

    Raises RenamedSymbol, and NoPrices naming the address that fetches some.
    """
    require_current_name(alias, symbol)
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT version FROM market.instrument WHERE symbol = %s", [symbol])
        row = cursor.fetchone()
    if row is None:
        raise NoPrices.of(symbol)
    return int(row[0])


def latest_versions(alias: str, symbols: Sequence[str]) -> dict[str, int]:
    """Return the last version of each of these symbols of which prices are stored."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT symbol, version FROM market.instrument WHERE symbol = ANY(%s)", [list(symbols)]
        )
        return dict(cursor.fetchall())


def price_sources(alias: str, symbol: str, *, version: int) -> tuple[PriceSource, ...]:
    """Return whose bars, splits and dividends make up `symbol` at `version`, the most bars first."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_SOURCES, {"symbol": symbol, "version": version})
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return tuple(PriceSource(**{**row, "notes": tuple(json.loads(row["notes"]))}) for row in rows)


def version_at(alias: str, symbol: str, as_of: datetime) -> int:
    """Return the version of `symbol` that was the last one recorded at `as_of`.

    Raises NoPrices, and UnknownVersion when its first one came later.
    """
    with connections[alias].cursor() as cursor:
        cursor.execute(_WAIT_FOR_RECORDERS, {"symbols": [symbol], "as_of": as_of})
        cursor.execute(
            "SELECT max(version) FROM market.instrument_version WHERE symbol = %s AND recorded_at <= %s",
            [symbol, as_of],
        )
        found: int | None = cursor.fetchone()[0]
    if found is None:
        latest_version(alias, symbol)
        raise UnknownVersion.then(symbol, as_of)
    return found


def load_history(
    alias: str,
    symbol: str,
    *,
    version: int | None = None,
    as_of: datetime | None = None,
    start: date | None = None,
    end: date | None = None,
) -> PriceHistory:
    """Return bars and actions of `symbol` exactly as known at `version`.

    Without one it is the last version that was recorded at `as_of`, or now. `start` and `end` bound the bars,
    both included; actions always come whole. Raises NoPrices and UnknownVersion.
    """
    [history] = load_histories(alias, {symbol: version}, as_of=as_of, start=start, end=end)
    return history


def load_histories(
    alias: str,
    versions: Mapping[str, int | None],
    *,
    as_of: datetime | None = None,
    start: date | None = None,
    end: date | None = None,
) -> Iterator[PriceHistory]:
    """Give the history of each symbol in turn, each as `load_history` returns it at its version.

    At most SYMBOLS_PER_QUERY of them are held at a time, and those are of one state of the database.

    Raises:
        NoPrices: a symbol is not stored, once its turn comes.
        UnknownVersion: it is, but not at that version or moment.
    """
    span = {"start": start or date.min, "end": end or date.max, "as_of": as_of}
    for asked in batched(versions.items(), SYMBOLS_PER_QUERY):
        symbols, at = (list(column) for column in zip(*asked, strict=True))
        with vector_cursor(alias) as cursor:
            if as_of is not None:
                cursor.execute(_WAIT_FOR_RECORDERS, {"symbols": symbols, "as_of": as_of})
            cursor.execute(_HISTORIES, {"symbols": symbols, "versions": at, **span})
            rows = cursor.fetchall()
        for symbol, known, version, *columns in rows:
            if known is None:
                raise NoPrices.of(symbol)
            if version is None and as_of is not None:
                raise UnknownVersion.then(symbol, as_of)
            if not 1 <= version <= known:
                raise UnknownVersion.of(symbol, version, last=known)
            yield _history(symbol, version, columns[:6], columns[6:])


def _history(symbol: str, version: int, bars: Sequence[Any], actions: Sequence[Any]) -> PriceHistory:
    sessions, opens, highs, lows, closes, volumes = bars
    kinds, days, values = actions
    told = list(zip(kinds, days.tolist(), values.tolist(), strict=True))
    return PriceHistory(
        symbol=symbol,
        version=version,
        sessions=sessions,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=volumes,
        splits=tuple(Split(ex_date=day, ratio=value) for kind, day, value in told if kind == "split"),
        dividends=tuple(
            Dividend(ex_date=day, amount=value) for kind, day, value in told if kind == "dividend"
        ),
    )


def first_session(alias: str, symbol: str) -> date:
    """Return the first session of which a bar of `symbol` is stored. Raises NoPrices."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT first_session FROM market.instrument WHERE symbol = %s", [symbol])
        row = cursor.fetchone()
    if row is None:
        raise NoPrices.of(symbol)
    found: date = row[0]
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
