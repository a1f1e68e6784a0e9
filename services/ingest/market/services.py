"""Records what providers say; nothing known is ever overwritten."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connections

from services.ingest.providers.domain import DailySeries
from shared.contracts.prices import PricesUpdated
from shared.eventstore.append import append, stream_version

NAMED_CORRECTIONS = 1000
_COLUMNS = "open, high, low, close, volume"

# Note [Unchanged rows]
# The answer of a provider is copied into a temporary table and compared in SQL, so that a fetch that brings
# nothing new writes nothing: no row, no version, no event.


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What became of an answer. `changed` is false when all of it was known; counts are rows."""

    version: int
    changed: bool
    added_count: int
    corrected_sessions: tuple[date, ...]
    actions_changed_count: int
    first_session: date
    last_session: date
    bar_count: int


def record_series(*, series: DailySeries, fetch_id: UUID, now: datetime) -> Recording:
    """Store what is new or different in `series` as the instrument's next version and append `PricesUpdated`.

    Runs in the caller's transaction on alias `ingest`. Bars that the answer lacks stay; actions that it lacks
    within its own range are withdrawn, unless it says nothing about actions.
    """
    symbol, stream = series.symbol, f"instrument-{series.symbol}"
    with connections["ingest"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [stream])
        known = stream_version("ingest", stream)
        place = {"symbol": symbol, "version": known + 1, "provider": series.provider, "fetch_id": fetch_id}
        added, corrected = _record_bars(cursor, series, place)
        actions = _record_actions(cursor, series, place)
        cursor.execute(
            "SELECT min(session), max(session), count(*) FROM bar WHERE symbol = %s AND superseded_version IS NULL",
            [symbol],
        )
        first, last, count = cursor.fetchone()
    changed = bool(added or corrected or actions)
    recording = Recording(
        version=known + 1 if changed else known,
        changed=changed,
        added_count=added,
        corrected_sessions=tuple(corrected),
        actions_changed_count=actions,
        first_session=first,
        last_session=last,
        bar_count=count,
    )
    if changed:
        append("ingest", stream, _updated(series, recording, fetch_id), now=now, expected_version=known)
    return recording


def _updated(series: DailySeries, recording: Recording, fetch_id: UUID) -> PricesUpdated:
    return PricesUpdated(
        symbol=series.symbol,
        version=recording.version,
        provider=series.provider,
        attribution=series.attribution,
        notes=series.notes,
        fetch_id=fetch_id,
        first_session=recording.first_session,
        last_session=recording.last_session,
        bar_count=recording.bar_count,
        added_count=recording.added_count,
        corrected_count=len(recording.corrected_sessions),
        corrected_sessions=recording.corrected_sessions[:NAMED_CORRECTIONS],
        actions_changed_count=recording.actions_changed_count,
    )


def _record_bars(cursor: Any, series: DailySeries, place: dict[str, Any]) -> tuple[int, list[date]]:
    _copy(
        cursor,
        "incoming_bar (session date PRIMARY KEY, open numeric(18,6), high numeric(18,6), low numeric(18,6),"
        " close numeric(18,6), volume bigint)",
        ((bar.session, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in series.bars),
    )
    cursor.execute(
        f"UPDATE bar b SET superseded_version = %(version)s FROM incoming_bar i"
        f" WHERE b.symbol = %(symbol)s AND b.session = i.session AND b.superseded_version IS NULL"
        f" AND ({_row('b')}) IS DISTINCT FROM ({_row('i')}) RETURNING b.session",
        place,
    )
    corrected = sorted(row[0] for row in cursor.fetchall())
    cursor.execute(
        f"INSERT INTO bar (symbol, session, version, {_COLUMNS}, provider, fetch_id)"
        f" SELECT %(symbol)s, i.session, %(version)s, {_row('i')}, %(provider)s, %(fetch_id)s FROM incoming_bar i"
        f" WHERE NOT EXISTS (SELECT FROM bar b WHERE b.symbol = %(symbol)s AND b.session = i.session"
        f" AND b.superseded_version IS NULL) ORDER BY i.session",
        place,
    )
    return cursor.rowcount - len(corrected), corrected


def _record_actions(cursor: Any, series: DailySeries, place: dict[str, Any]) -> int:
    said: list[tuple[str, Iterable[tuple[date, Decimal]]]] = []
    if series.splits is not None:
        said.append(("split", ((item.ex_date, item.ratio) for item in series.splits)))
    if series.dividends is not None:
        said.append(("dividend", ((item.ex_date, item.amount) for item in series.dividends)))
    _copy(
        cursor,
        "incoming_action (kind text, ex_date date, value numeric(18,8), PRIMARY KEY (kind, ex_date))",
        ((kind, ex_date, value) for kind, rows in said for ex_date, value in rows),
    )
    place = {
        **place,
        "kinds": [kind for kind, _ in said],
        "first": series.bars[0].session,
        "last": series.bars[-1].session,
    }
    cursor.execute(
        "UPDATE action a SET superseded_version = %(version)s"
        " WHERE a.symbol = %(symbol)s AND a.superseded_version IS NULL AND a.kind = ANY(%(kinds)s)"
        " AND a.ex_date BETWEEN %(first)s AND %(last)s AND NOT EXISTS (SELECT FROM incoming_action i"
        " WHERE i.kind = a.kind AND i.ex_date = a.ex_date AND i.value = a.value)",
        place,
    )
    changed = int(cursor.rowcount)
    cursor.execute(
        "INSERT INTO action (symbol, kind, ex_date, version, value, provider, fetch_id)"
        " SELECT %(symbol)s, i.kind, i.ex_date, %(version)s, i.value, %(provider)s, %(fetch_id)s"
        " FROM incoming_action i WHERE NOT EXISTS (SELECT FROM action a WHERE a.symbol = %(symbol)s"
        " AND a.kind = i.kind AND a.ex_date = i.ex_date AND a.superseded_version IS NULL)",
        place,
    )
    return changed + int(cursor.rowcount)


def _row(alias: str) -> str:
    return ", ".join(f"{alias}.{column}" for column in _COLUMNS.split(", "))


def _copy(cursor: Any, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    name = table.split(maxsplit=1)[0]
    cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
    cursor.execute(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP")
    with cursor.copy(f"COPY pg_temp.{name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
