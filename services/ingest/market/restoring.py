"""Writes the rows of an earlier version once more, under a new one; those in between stay what they were."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.pricing.arrays import vector_cursor

# A row of the old version counts as known still when the same provider tells the same now. Others are superseded,
# and those that are gone come back with the provider and fetch that they had.
_SUPERSEDE_BARS = """
UPDATE bar own SET superseded_version = %(version)s
WHERE own.symbol = %(symbol)s AND own.superseded_version IS NULL AND NOT EXISTS (
    SELECT FROM bar was WHERE was.symbol = own.symbol AND was.session = own.session
        AND was.version <= %(restored)s
        AND (was.superseded_version IS NULL OR was.superseded_version > %(restored)s)
        AND (was.open, was.high, was.low, was.close, was.volume, was.provider)
            = (own.open, own.high, own.low, own.close, own.volume, own.provider)
)
RETURNING own.session
"""
_RETURN_BARS = """
INSERT INTO bar (symbol, session, version, open, high, low, close, volume, provider, fetch_id)
SELECT symbol, session, %(version)s, open, high, low, close, volume, provider, fetch_id FROM bar was
WHERE symbol = %(symbol)s AND version <= %(restored)s
    AND (superseded_version IS NULL OR superseded_version > %(restored)s)
    AND NOT EXISTS (SELECT FROM bar own WHERE own.symbol = was.symbol AND own.session = was.session
        AND own.superseded_version IS NULL)
RETURNING session
"""
_SUPERSEDE_ACTIONS = """
UPDATE action own SET superseded_version = %(version)s
WHERE own.symbol = %(symbol)s AND own.superseded_version IS NULL AND NOT EXISTS (
    SELECT FROM action was WHERE was.symbol = own.symbol AND was.kind = own.kind AND was.ex_date = own.ex_date
        AND was.version <= %(restored)s
        AND (was.superseded_version IS NULL OR was.superseded_version > %(restored)s)
        AND (was.value, was.provider) = (own.value, own.provider)
)
"""
_RETURN_ACTIONS = """
INSERT INTO action (symbol, kind, ex_date, version, value, provider, fetch_id)
SELECT symbol, kind, ex_date, %(version)s, value, provider, fetch_id FROM action was
WHERE symbol = %(symbol)s AND version <= %(restored)s
    AND (superseded_version IS NULL OR superseded_version > %(restored)s)
    AND NOT EXISTS (SELECT FROM action own WHERE own.symbol = was.symbol AND own.kind = was.kind
        AND own.ex_date = was.ex_date AND own.superseded_version IS NULL)
"""
_TOTALS = """
SELECT min(session), max(session), count(*) FROM bar WHERE symbol = %(symbol)s AND superseded_version IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """What the new `version` of an instrument changes so that it shows what version `restored` showed.

    Of sessions `added_count` come back, `corrected_count` change and `removed_count`, which only later versions
    had, are no more.
    """

    symbol: str
    restored: int
    version: int
    added_count: int
    corrected_count: int
    removed_count: int
    actions_changed_count: int
    first_session: date
    last_session: date
    bar_count: int


def bring_back(place: dict[str, Any]) -> tuple[Restoring, tuple[date, ...]]:
    """Write the rows, and return what that changed with the sessions whose bar is another one or no more."""
    with vector_cursor("ingest") as cursor:
        cursor.execute(_SUPERSEDE_BARS, place)
        superseded = {day for (day,) in cursor.fetchall()}
        cursor.execute(_RETURN_BARS, place)
        returned = {day for (day,) in cursor.fetchall()}
        cursor.execute(_SUPERSEDE_ACTIONS, place)
        actions_changed_count = cursor.rowcount
        cursor.execute(_RETURN_ACTIONS, place)
        actions_changed_count += cursor.rowcount
        cursor.execute(_TOTALS, place)
        first, last, bar_count = cursor.fetchone()
    return Restoring(
        **place,
        added_count=len(returned - superseded),
        corrected_count=len(returned & superseded),
        removed_count=len(superseded - returned),
        actions_changed_count=actions_changed_count,
        first_session=first,
        last_session=last,
        bar_count=bar_count,
    ), tuple(sorted(superseded))
