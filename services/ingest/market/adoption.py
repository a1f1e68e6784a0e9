"""Makes what is stored under a former name of an instrument part of its history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.ingest.market.domain import LEAST_COMPARED, MOST_DISAGREEING_RATIO, TOLERANCE_BPS
from services.ingest.market.record import NAMED_CORRECTIONS, lock_instruments, recording_times
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
# What was taken over has the fetch of a row that the former name had; it follows when that one was corrected. A
# fetch is of one symbol, so that it is nobody else's row.
_SUPERSEDE_BARS = """
UPDATE bar own SET superseded_version = %(version)s FROM bar theirs
WHERE theirs.symbol = %(former)s AND theirs.session < %(until)s AND theirs.superseded_version IS NULL
    AND own.symbol = %(symbol)s AND own.session = theirs.session AND own.superseded_version IS NULL
    AND own.version < %(version)s
    AND (own.open, own.high, own.low, own.close, own.volume, own.provider)
        <> (theirs.open, theirs.high, theirs.low, theirs.close, theirs.volume, theirs.provider)
    AND EXISTS (SELECT FROM bar was WHERE was.symbol = %(former)s AND was.session = own.session
        AND was.superseded_version IS NOT NULL AND was.provider = own.provider AND was.fetch_id = own.fetch_id)
RETURNING own.session
"""
_SUPERSEDE_ACTIONS = """
UPDATE action own SET superseded_version = %(version)s
WHERE own.symbol = %(symbol)s AND own.ex_date < %(until)s AND own.superseded_version IS NULL
    AND own.version < %(version)s
    AND EXISTS (SELECT FROM action was WHERE was.symbol = %(former)s AND was.kind = own.kind
        AND was.ex_date = own.ex_date AND was.superseded_version IS NOT NULL
        AND was.provider = own.provider AND was.fetch_id = own.fetch_id)
    AND NOT EXISTS (SELECT FROM action theirs WHERE theirs.symbol = %(former)s AND theirs.kind = own.kind
        AND theirs.ex_date = own.ex_date AND theirs.superseded_version IS NULL
        AND theirs.provider = own.provider AND theirs.value = own.value)
"""
_ADOPT_BARS = """
INSERT INTO bar (symbol, session, version, open, high, low, close, volume, provider, fetch_id)
SELECT %(symbol)s, session, %(version)s, open, high, low, close, volume, provider, fetch_id FROM bar theirs
WHERE symbol = %(former)s AND session < %(until)s AND superseded_version IS NULL
    AND NOT EXISTS (SELECT FROM bar own WHERE own.symbol = %(symbol)s AND own.session = theirs.session
        AND own.superseded_version IS NULL)
"""
# What was withdrawn, or told anew, under the name of now stays so: any version of it counts, unless this one
# follows a correction.
_ADOPT_ACTIONS = """
INSERT INTO action (symbol, kind, ex_date, version, value, provider, fetch_id)
SELECT %(symbol)s, kind, ex_date, %(version)s, value, provider, fetch_id FROM action theirs
WHERE symbol = %(former)s AND ex_date < %(until)s AND superseded_version IS NULL
    AND coalesce((
        SELECT bool_and(own.superseded_version IS NOT NULL) AND bool_or(own.superseded_version = %(version)s)
        FROM action own
        WHERE own.symbol = %(symbol)s AND own.kind = theirs.kind AND own.ex_date = theirs.ex_date
    ), true)
"""
_TOTALS = """
SELECT min(session), max(session), count(*) FROM bar
WHERE symbol = %(symbol)s AND superseded_version IS NULL
"""
# One that only withdraws has no row; then the former names' last fetch is the one that did.
_LAST_FETCH = """
SELECT coalesce((
    SELECT fetch_id FROM (
        SELECT fetch_id, session AS day FROM bar WHERE symbol = %(symbol)s AND version = %(version)s
        UNION ALL SELECT fetch_id, ex_date FROM action WHERE symbol = %(symbol)s AND version = %(version)s
    ) adopted ORDER BY day DESC LIMIT 1
), (
    SELECT fetch_id FROM instrument_version WHERE symbol = ANY(%(formers)s) ORDER BY recorded_at DESC LIMIT 1
))
"""


class OtherInstrument(BellwetherError):
    """Raised when prices under a former name contradict those of the instrument: the name had another owner."""

    status, slug, title = 409, "other-instrument", "The former name was another instrument's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """A name that an instrument had before `until`."""

    symbol: str
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class _Adopted:
    """What came of a former name; of what had come of it before, it says otherwise now."""

    added_count: int
    corrected_sessions: tuple[date, ...]
    actions_changed_count: int

    @property
    def is_empty(self) -> bool:
        return not (self.added_count or self.corrected_sessions or self.actions_changed_count)


def adopt_bars(*, symbol: str, formers: Iterable[Former], now: datetime) -> int | None:
    """Make bars and actions of former names, newest first, part of `symbol` and return its new version.

    None when there is nothing of them that it lacks, or nothing stored of itself. Only what was before the name
    changed is taken; each row keeps its provider and fetch. What `symbol` has stays, unless it had it of a former
    name that was corrected since. Runs in the caller's transaction on alias `ingest`. Raises OtherInstrument; then nothing is stored once it is rolled back.
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
        adopted = {former: found for former, found in adopted.items() if not found.is_empty}
        if not adopted:
            return None
        cursor.execute(_TOTALS, place)
        first, last, bar_count = cursor.fetchone()
        cursor.execute(_LAST_FETCH, {**place, "formers": [former.symbol for former in adopted]})
        (fetch_id,) = cursor.fetchone()
    told = [f"Prices before {former.until} were stored as {former.symbol}." for former in adopted]
    corrected = sorted(day for found in adopted.values() for day in found.corrected_sessions)
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
        added_count=sum(found.added_count for found in adopted.values()),
        corrected_count=len(corrected),
        corrected_sessions=tuple(corrected[:NAMED_CORRECTIONS]),
        actions_changed_count=sum(found.actions_changed_count for found in adopted.values()),
    )
    at = recording_times([symbol], now=now)[symbol]
    append("ingest", f"instrument-{symbol}", updated, now=at, expected_version=known)
    return int(known) + 1


def _adopt(cursor: Any, former: Former, place: dict[str, Any]) -> _Adopted:
    """Copy what is stored of a former name and return what came of it; raises OtherInstrument."""
    place = {**place, "former": former.symbol, "until": former.until}
    cursor.execute(_SUPERSEDE_BARS, place)  # before closes are compared, as they would differ
    corrected = tuple(day for (day,) in cursor.fetchall())
    cursor.execute(_SUPERSEDE_ACTIONS, place)
    superseded_count = cursor.rowcount
    cursor.execute(_CLOSES, place)
    compared, differing = cursor.fetchone()
    if compared >= LEAST_COMPARED and differing > MOST_DISAGREEING_RATIO * compared:
        raise OtherInstrument(
            f"{former.symbol} before {former.until} and {place['symbol']} differ in {differing} of {compared}"
            " closes of the same sessions."
        )
    cursor.execute(_ADOPT_BARS, place)
    added_count = cursor.rowcount - len(corrected)
    cursor.execute(_ADOPT_ACTIONS, place)
    return _Adopted(
        added_count=added_count,
        corrected_sessions=corrected,
        actions_changed_count=superseded_count + cursor.rowcount,
    )
