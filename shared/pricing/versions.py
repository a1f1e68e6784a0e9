"""How the versions of an instrument belong together."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from django.db import connections

from shared.errors import BellwetherError

_CHANGED = """
SELECT session, min(by_version) FROM (
  SELECT session, version AS by_version FROM market.bar
  WHERE symbol = %(symbol)s AND version > %(after)s AND session BETWEEN %(first)s AND %(last)s
  UNION ALL
  SELECT session, superseded_version FROM market.bar
  WHERE symbol = %(symbol)s AND superseded_version > %(after)s AND session BETWEEN %(first)s AND %(last)s
  UNION ALL
  SELECT ex_date, version FROM market.action
  WHERE symbol = %(symbol)s AND version > %(after)s AND ex_date BETWEEN %(first)s AND %(last)s
  UNION ALL
  SELECT ex_date, superseded_version FROM market.action
  WHERE symbol = %(symbol)s AND superseded_version > %(after)s AND ex_date BETWEEN %(first)s AND %(last)s
) changed
WHERE by_version <= %(until)s
GROUP BY session ORDER BY session
"""
_LATEST = 2**31 - 1


class UnknownVersion(BellwetherError):
    """Raised when a version of a symbol is asked for that there is none of, or a moment before its first one."""

    status, slug, title = 404, "unknown-version", "Unknown version"

    @classmethod
    def of(cls, symbol: str, version: int, *, last: int) -> Self:
        """Return the error for a `version` that is not among those from 1 to the `last`."""
        known = "only version 1" if last == 1 else f"versions 1 to {last}"
        return cls(f"{symbol} has {known}, not {version}.", symbol=symbol, last_version=last)

    @classmethod
    def then(cls, symbol: str, as_of: datetime) -> Self:
        """Return the error for a symbol whose first prices were recorded after `as_of`."""
        return cls(f"Nothing was known of {symbol} at {as_of.isoformat()}: its first prices came later.")


def is_followed(alias: str, symbol: str, *, version: int, fetch_id: UUID) -> bool:
    """Return whether the fetch that made `version` made a later one too.

    Each version names one provider and its terms, so a fetch that asked two may make two at once: what it brought
    is whole with the last of them.
    """
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM market.instrument_version"
            " WHERE symbol = %s AND version > %s AND fetch_id = %s)",
            [symbol, version, fetch_id],
        )
        return bool(cursor.fetchone()[0])


def changed_sessions(
    alias: str,
    symbol: str,
    *,
    after: int,
    until: int | None = None,
    first: date = date.min,
    last: date = date.max,
) -> dict[date, int]:
    """Return the sessions from `first` to `last` whose bar or action a version behind `after` changed, in order.

    Each comes with the first version that did so; versions behind `until` do not count. New sessions and actions
    are changes too, as far as they lie in the range.
    """
    with connections[alias].cursor() as cursor:
        cursor.execute(
            _CHANGED,
            {
                "symbol": symbol,
                "after": after,
                "until": _LATEST if until is None else until,
                "first": first,
                "last": last,
            },
        )
        return dict(cursor.fetchall())
