"""Makes what is stored under a former name of an instrument part of its history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.ingest.market.domain import LEAST_COMPARED, MOST_DISAGREEING_RATIO, TOLERANCE_BPS
from services.ingest.market.record import lock_instruments
from shared.contracts.prices import PricesUpdated
from shared.errors import BellwetherError
from shared.eventstore.append import append
from shared.pricing.arrays import vector_cursor

_INSTRUMENT = "SELECT version, provider, attribution, notes FROM instrument WHERE symbol = %(symbol)s"
_CLOSES = """
SELECT count(*), count(*) FILTER (WHERE abs(theirs.close - own.close) * 10000 > own.close * %(tolerance_bps)s)
FROM bar theirs JOIN bar own ON own.symbol = %(symbol)s AND own.session = theirs.session
    AND own.superseded_version IS NULL
WHERE theirs.symbol = %(former)s AND theirs.session < %(until)s AND theirs.superseded_version IS NULL
"""
_ADOPT_BARS = """
INSERT INTO bar (symbol, session, version, open, high, low, close, volume, provider, fetch_id)
SELECT %(symbol)s, session, %(version)s, open, high, low, close, volume, provider, fetch_id FROM bar theirs
WHERE symbol = %(former)s AND session < %(until)s AND superseded_version IS NULL
    AND NOT EXISTS (SELECT FROM bar own WHERE own.symbol = %(symbol)s AND own.session = theirs.session
        AND own.superseded_version IS NULL)
"""
# What was withdrawn, or told anew, under the name of now stays so: any version of it counts.
_ADOPT_ACTIONS = """
INSERT INTO action (symbol, kind, ex_date, version, value, provider, fetch_id)
SELECT %(symbol)s, kind, ex_date, %(version)s, value, provider, fetch_id FROM action theirs
WHERE symbol = %(former)s AND ex_date < %(until)s AND superseded_version IS NULL
    AND NOT EXISTS (SELECT FROM action own WHERE own.symbol = %(symbol)s AND own.kind = theirs.kind
        AND own.ex_date = theirs.ex_date)
"""
_TOTALS = """
SELECT min(session), max(session), count(*) FROM bar
WHERE symbol = %(symbol)s AND superseded_version IS NULL
"""
_LAST_FETCH = """
SELECT fetch_id FROM (
    SELECT fetch_id, session AS day FROM bar WHERE symbol = %(symbol)s AND version = %(version)s
    UNION ALL SELECT fetch_id, ex_date FROM action WHERE symbol = %(symbol)s AND version = %(version)s
) adopted ORDER BY day DESC LIMIT 1
"""


class OtherInstrument(BellwetherError):
    """Raised when prices under a former name contradict those of the instrument: the name had another owner."""

    status, slug, title = 409, "other-instrument", "The former name was another instrument's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """A name that an instrument had before `until`."""

    symbol: str
    until: date


def adopt_bars(*, symbol: str, formers: Iterable[Former], now: datetime) -> int | None:
    """Make bars and actions of former names, newest first, part of `symbol` and return its new version.

    None when there is nothing of them that it lacks, or nothing stored of itself. Only what was before the name
    changed is taken; each row keeps its provider and fetch, and what `symbol` has stays. Runs in the caller's
    transaction on alias `ingest`. Raises OtherInstrument; then nothing is stored once it is rolled back.
    """
    lock_instruments([symbol])
    with vector_cursor("ingest") as cursor:
        cursor.execute(_INSTRUMENT, {"symbol": symbol})
        row = cursor.fetchone()
        if row is None:
            return None
        known, provider, attribution, notes = row
        place = {"symbol": symbol, "version": known + 1, "tolerance_bps": TOLERANCE_BPS}
        adopted = {former: _adopt(cursor, former, place) for former in formers}
        bars, actions = (sum(counts[kind] for counts in adopted.values()) for kind in (0, 1))
        if not bars and not actions:
            return None
        cursor.execute(_TOTALS, place)
        first, last, bar_count = cursor.fetchone()
        cursor.execute(_LAST_FETCH, place)
        (fetch_id,) = cursor.fetchone()
    told = [
        f"Prices before {former.until} were stored as {former.symbol}."
        for former, counts in adopted.items()
        if any(counts)
    ]
    updated = PricesUpdated(
        symbol=symbol,
        version=known + 1,
        provider=provider,
        attribution=attribution,
        notes=tuple(dict.fromkeys([*notes, *told])),
        fetch_id=fetch_id,
        first_session=first,
        last_session=last,
        bar_count=bar_count,
        added_count=bars,
        corrected_count=0,
        corrected_sessions=(),
        actions_changed_count=actions,
    )
    append("ingest", f"instrument-{symbol}", updated, now=now, expected_version=known)
    return int(known) + 1


def _adopt(cursor: Any, former: Former, place: dict[str, Any]) -> tuple[int, int]:
    """Copy what is stored of a former name and return how many bars and actions; raises OtherInstrument."""
    place = {**place, "former": former.symbol, "until": former.until}
    cursor.execute(_CLOSES, place)
    compared, differing = cursor.fetchone()
    if compared >= LEAST_COMPARED and differing > MOST_DISAGREEING_RATIO * compared:
        raise OtherInstrument(
            f"{former.symbol} before {former.until} and {place['symbol']} differ in {differing} of {compared}"
            " closes of the same sessions."
        )
    cursor.execute(_ADOPT_BARS, place)
    bars = cursor.rowcount
    cursor.execute(_ADOPT_ACTIONS, place)
    return bars, cursor.rowcount
