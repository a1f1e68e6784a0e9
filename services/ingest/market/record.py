"""The rows of bars and actions, and the event of each new version: read and written for many symbols at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import numpy as np

from services.ingest.market.columns import BAR, PRICES, Action, Bars, SeriesColumns
from services.ingest.market.copying import HEADER, TRAILER, Millionths, binary_rows
from services.ingest.market.domain import ActionChange, Held, HeldAction, Totals
from shared.contracts.prices import PricesUpdated
from shared.eventstore.append import append_each
from shared.observability.kill_points import reached
from shared.pricing.arrays import vector_cursor

NAMED_CORRECTIONS = 1000

# Note [Unchanged rows]
# What is held is read and compared with the answer in memory: so a fetch that brings nothing new writes nothing at
# all, and bars of a new symbol go straight into their table. Nothing changes in between, because every writer of an
# instrument first takes its lock.

_LOCK = """
SELECT pg_advisory_xact_lock(key)
FROM (SELECT hashtextextended('instrument-' || symbol, 0) AS key FROM unnest(%s::text[]) AS symbol ORDER BY 1) keys
"""
_TOTALS = (
    "SELECT symbol, version, first_session, last_session, bar_count FROM instrument WHERE symbol = ANY(%s)"
)
_HELD_BARS = """
SELECT asked.symbol, held.* FROM unnest(%s::text[], %s::text[], %s::date[], %s::date[])
    AS asked (symbol, provider, first, last)
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(session), '{}') AS sessions,
        coalesce(array_agg((open * 1000000)::bigint), '{}') AS opens,
        coalesce(array_agg((high * 1000000)::bigint), '{}') AS highs,
        coalesce(array_agg((low * 1000000)::bigint), '{}') AS lows,
        coalesce(array_agg((close * 1000000)::bigint), '{}') AS closes,
        coalesce(array_agg(volume), '{}') AS volumes,
        coalesce(array_agg(version::bigint), '{}') AS versions,
        coalesce(array_agg((provider = asked.provider)::integer::bigint), '{}') AS is_own
    FROM (
        SELECT * FROM bar WHERE symbol = asked.symbol AND superseded_version IS NULL
            AND session BETWEEN asked.first AND asked.last ORDER BY session
    ) known
) held
"""
_HELD_ACTIONS = """
SELECT symbol, kind, ex_date, value, version, provider FROM action
WHERE symbol = ANY(%s) AND superseded_version IS NULL ORDER BY symbol, ex_date, kind
"""
# Strictly later than what was recorded before, so that no moment is ever shown another way. The clock of the
# database counts beside `now`, which was read before the lock was waited for, unless that is no time of today.
_RECORDED_AT = """
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS here)
SELECT symbol, greatest(%(now)s, updated_at + interval '1 microsecond',
    CASE WHEN %(now)s > here - interval '1 day' THEN here END)
FROM clock, unnest(%(symbols)s::text[]) AS asked (symbol) LEFT JOIN instrument USING (symbol)
"""
_NOTES = """
SELECT notes FROM instrument_version WHERE symbol = %s AND provider = %s ORDER BY version DESC LIMIT 1
"""
_SUPERSEDE_BARS = """
UPDATE bar SET superseded_version = new.version
FROM unnest(%s::text[], %s::date[], %s::integer[]) AS new (symbol, session, version)
WHERE bar.symbol = new.symbol AND bar.session = new.session AND bar.superseded_version IS NULL
"""
_SUPERSEDE_ACTIONS = """
UPDATE action SET superseded_version = new.version
FROM unnest(%s::text[], %s::text[], %s::date[], %s::integer[]) AS new (symbol, kind, ex_date, version)
WHERE action.symbol = new.symbol AND action.kind = new.kind AND action.ex_date = new.ex_date
    AND action.superseded_version IS NULL
"""
_COPY_BARS = (
    "COPY bar (symbol, session, version, open, high, low, close, volume, provider, fetch_id)"
    " FROM STDIN (FORMAT BINARY)"
)
_COPY_ACTIONS = "COPY action (symbol, kind, ex_date, version, value, provider, fetch_id) FROM STDIN"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewVersion:
    """What a new version of an instrument adds and corrects, beside what was known of it before."""

    symbol: str
    provider: str
    attribution: str
    notes: tuple[str, ...]
    fetch_id: UUID
    before: Totals | None
    added: Bars
    corrected: Bars
    actions: tuple[ActionChange, ...]

    @property
    def is_empty(self) -> bool:
        """Return whether it changes nothing, so that there is no such version."""
        return not (len(self.added) or len(self.corrected) or self.actions)

    @property
    def number(self) -> int:
        """Return the version's number."""
        return (self.before.version if self.before else 0) + 1

    @property
    def actions_changed_count(self) -> int:
        """Return how many action rows it supersedes and introduces."""
        return sum((change.held is not None) + (change.told is not None) for change in self.actions)

    def totals(self) -> Totals:
        """Return what is known with it; one that changes nothing leaves it as it was.

        Raises ValueError for an instrument without a bar.
        """
        if self.before and self.is_empty:
            return self.before
        sessions = [*self.added["session"][:1].tolist(), *self.added["session"][-1:].tolist()]
        if self.before:
            sessions += [self.before.first_session, self.before.last_session]
        return Totals(
            version=self.number,
            first_session=min(sessions),
            last_session=max(sessions),
            bar_count=(self.before.bar_count if self.before else 0) + len(self.added),
        )

    def event(self) -> PricesUpdated:
        """Return the event that announces it."""
        totals = self.totals()
        return PricesUpdated(
            symbol=self.symbol,
            version=self.number,
            provider=self.provider,
            attribution=self.attribution,
            notes=self.notes,
            fetch_id=self.fetch_id,
            first_session=totals.first_session,
            last_session=totals.last_session,
            bar_count=totals.bar_count,
            added_count=len(self.added),
            corrected_count=len(self.corrected),
            corrected_sessions=tuple(self.corrected["session"][:NAMED_CORRECTIONS].tolist()),
            actions_changed_count=self.actions_changed_count,
        )


def lock_instruments(symbols: Sequence[str]) -> None:
    """Wait until nobody else records prices of these symbols, until the transaction ends; in one order for all."""
    with vector_cursor("ingest") as cursor:
        cursor.execute(_LOCK, [list(symbols)])


def recording_times(symbols: Sequence[str], *, now: datetime) -> dict[str, datetime]:
    """Return when a next version of each of these symbols, which are locked, is recorded: after its last one."""
    with vector_cursor("ingest") as cursor:
        cursor.execute(_RECORDED_AT, {"symbols": list(symbols), "now": now})
        return dict(cursor.fetchall())


def held_for(told: Sequence[SeriesColumns]) -> list[Held]:
    """Return what is known in the range of each answer; each is of another symbol."""
    symbols = [each.symbol for each in told]
    with vector_cursor("ingest") as cursor:
        cursor.execute(_TOTALS, [symbols])
        totals = {symbol: _totals(*numbers) for symbol, *numbers in cursor.fetchall()}
        known = [each for each in told if each.symbol in totals]
        bars = _held_bars(cursor, [each for each in known if len(each.bars)])
        actions = _held_actions(cursor, {each.symbol: each.provider for each in known})
    return [
        Held(
            totals=totals.get(symbol),
            actions=tuple(actions.get(symbol, ())),
            **bars.get(symbol, {}),
        )
        for symbol in symbols
    ]


def notes_of(symbol: str, *, provider: str) -> tuple[str, ...]:
    """Return the faults that a provider last named with prices of the symbol."""
    with vector_cursor("ingest") as cursor:
        cursor.execute(_NOTES, [symbol, provider])
        row = cursor.fetchone()
    return tuple(row[0]) if row else ()


def write_versions(versions: Sequence[NewVersion], *, now: datetime) -> None:
    """Store the rows of new versions and append their events; what was known is superseded and kept."""
    if not versions:
        return
    with vector_cursor("ingest") as cursor:
        _supersede(cursor, versions)
        _copy_bars(cursor, [each for each in versions if len(each.added) or len(each.corrected)])
        _copy_actions(cursor, versions)
    reached("fetch.written")
    times = recording_times([each.symbol for each in versions], now=now)
    for at, together in groupby(versions, lambda each: times[each.symbol]):  # mostly all of them
        entries = ((f"instrument-{each.symbol}", each.event(), each.number - 1) for each in together)
        append_each("ingest", entries, now=at)
    reached("fetch.recorded")


def _totals(version: int, first: Any, last: Any, bar_count: int) -> Totals:
    return Totals(version=version, first_session=first, last_session=last, bar_count=bar_count)


def _held_bars(cursor: Any, told: Sequence[SeriesColumns]) -> dict[str, dict[str, Any]]:
    """Return bars, versions and ownership by symbol."""
    if not told:
        return {}
    sessions = [each.bars["session"] for each in told]
    cursor.execute(
        _HELD_BARS,
        [
            [each.symbol for each in told],
            [each.provider for each in told],
            [column[0].item() for column in sessions],
            [column[-1].item() for column in sessions],
        ],
    )
    found = {}
    for symbol, days, *prices, volumes, versions, is_own in cursor:
        bars = np.empty(len(days), BAR)
        bars["session"], bars["volume"] = days, volumes
        for name, column in zip(PRICES, prices, strict=True):
            bars[name] = column
        found[symbol] = {"bars": bars, "versions": versions, "is_own": is_own.astype(np.bool_)}
    return found


def _held_actions(cursor: Any, providers: dict[str, str]) -> dict[str, list[HeldAction]]:
    found: dict[str, list[HeldAction]] = {}
    if providers:
        cursor.execute(_HELD_ACTIONS, [list(providers)])
        for symbol, kind, ex_date, value, version, provider in cursor:
            action = Action(kind=kind, ex_date=ex_date, value=value)
            item = HeldAction(action=action, version=version, is_own=provider == providers[symbol])
            found.setdefault(symbol, []).append(item)
    return found


def _supersede(cursor: Any, versions: Iterable[NewVersion]) -> None:
    bars = [
        (each.symbol, session, each.number)
        for each in versions
        for session in each.corrected["session"].tolist()
    ]
    actions = [
        (each.symbol, change.kind, change.ex_date, each.number)
        for each in versions
        for change in each.actions
        if change.held
    ]
    for statement, rows in ((_SUPERSEDE_BARS, bars), (_SUPERSEDE_ACTIONS, actions)):
        if rows:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])


def _copy_bars(cursor: Any, versions: Sequence[NewVersion]) -> None:
    if versions:
        with cursor.copy(_COPY_BARS) as copy:
            copy.write(HEADER)
            for version in versions:
                for bars in filter(len, (version.added, version.corrected)):
                    copy.write(_bar_rows(version, bars))
            copy.write(TRAILER)


def _bar_rows(version: NewVersion, bars: Bars) -> bytes:
    return binary_rows(
        len(bars),
        version.symbol.encode(),
        bars["session"],
        np.full(len(bars), version.number, np.int32),
        *(Millionths(bars[name]) for name in PRICES),
        bars["volume"],
        version.provider.encode(),
        version.fetch_id.bytes,
    )


def _copy_actions(cursor: Any, versions: Iterable[NewVersion]) -> None:
    rows = [
        (each.symbol, change.kind, change.ex_date, each.number, change.told, each.provider, each.fetch_id)
        for each in versions
        for change in each.actions
        if change.told is not None
    ]
    if rows:
        with cursor.copy(_COPY_ACTIONS) as copy:
            for row in rows:
                copy.write_row(row)
