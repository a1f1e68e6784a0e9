"""Under which name the prices of an instrument are asked for, now that its ticker may have changed."""

from dataclasses import dataclass
from datetime import date

from django.db import connections

from shared.errors import BellwetherError

# A ticker that was renamed may be another company's since `reused_on`: its own prices then go on after the renaming,
# and where there are none, nothing tells which of the two is meant. What the later name does not cover (its prices
# contradicted these, or were fetched from later on) is nowhere else, and stays to be asked for by the old one.
_LATER_NAMES = """
WITH RECURSIVE later (symbol, on_date) AS (
    (SELECT new, on_date FROM market.rename WHERE old = %(symbol)s ORDER BY on_date DESC LIMIT 1)
    UNION ALL
    SELECT next.new, next.on_date
    FROM later JOIN market.rename next ON next.old = later.symbol AND next.on_date > later.on_date
)
SELECT later.symbol, renamed.on_date, i.symbol IS NOT NULL
    AND coalesce(i.first_session <= own.first_session AND i.last_session >= own.last_session, true)
FROM later
CROSS JOIN (
    SELECT on_date, reused_on FROM market.rename WHERE old = %(symbol)s ORDER BY on_date DESC LIMIT 1
) AS renamed
LEFT JOIN market.instrument own ON own.symbol = %(symbol)s
LEFT JOIN market.instrument i ON i.symbol = later.symbol
WHERE %(symbol)s NOT IN (SELECT symbol FROM later)
    AND CASE WHEN own.symbol IS NULL THEN renamed.reused_on IS NULL ELSE own.last_session < renamed.on_date END
ORDER BY later.on_date DESC
"""


class RenamedSymbol(BellwetherError):
    """Raised when prices are asked for by a former name, and are stored under a later one: ask for `renamed_to`."""

    status, slug, title = 404, "renamed-symbol", "The symbol has another name now"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterName:
    """A name that an instrument has since it lost the one it is asked by, on `renamed_on`.

    `has_all` says whether all prices of the former name, which may be none, are stored under this one too.
    """

    symbol: str
    renamed_on: date
    has_all: bool


def later_names(alias: str, symbol: str) -> tuple[LaterName, ...]:
    """Return the names that the instrument called `symbol` got since, newest first; none when `symbol` is its last."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_LATER_NAMES, {"symbol": symbol})
        return tuple(
            LaterName(symbol=later, renamed_on=renamed_on, has_all=has_all)
            for later, renamed_on, has_all in cursor.fetchall()
        )


def require_current_name(alias: str, symbol: str) -> None:
    """Accept a symbol unless all its prices are stored under a later name, which goes on.

    Raises:
        RenamedSymbol: they are.
    """
    for name in later_names(alias, symbol):
        if name.has_all:
            raise RenamedSymbol(
                f"{symbol} has another name since {name.renamed_on}, and its prices are part of those of"
                f" {name.symbol}: ask for {name.symbol}.",
                symbol=symbol,
                renamed_to=name.symbol,
                renamed_on=name.renamed_on.isoformat(),
            )
