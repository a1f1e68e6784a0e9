"""How the versions of an instrument belong together."""

from datetime import datetime
from typing import Self
from uuid import UUID

from django.db import connections

from shared.errors import BellwetherError


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
