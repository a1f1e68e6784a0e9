"""However many bars are stored, what is read of one symbol is found by an index."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections

from services.ingest.coverage.selectors import source_ranges
from services.ingest.market.selectors import actions_of, instrument_at, stored_prices
from services.ingest.sessions.domain import sessions_between
from shared.pricing.reader import (
    load_histories,
    load_history,
    missing_sessions,
    price_sources,
    version_at,
)

SYMBOLS, BARS = 200, 250
SESSIONS = sessions_between(date(2018, 1, 2), date(2019, 12, 31))[:BARS]
CORRECTED = range(0, BARS, 20)  # 5 %, each of them twice
AT = datetime(2020, 3, 2, tzinfo=UTC)
ONE = "S100"

READS: dict[str, Callable[[], Any]] = {
    "one history": lambda: load_history("ingest", ONE),
    "one history as known before": lambda: load_history("ingest", ONE, version=1),
    "one history at a moment": lambda: load_history("ingest", ONE, as_of=AT),
    "a part of one history": lambda: load_history("ingest", ONE, start=SESSIONS[50], end=SESSIONS[60]),
    "many histories": lambda: list(load_histories("ingest", {f"S{n:03}": None for n in range(50, 90)})),
    "the version at a moment": lambda: version_at("ingest", ONE, AT),
    "an instrument at a moment": lambda: instrument_at(ONE, instant=AT),
    "stored digits": lambda: stored_prices(ONE, version=2, sessions=SESSIONS),
    "actions": lambda: actions_of(ONE, version=2),
    "ranges of sources": lambda: source_ranges(ONE, version=2),
    "sources": lambda: price_sources("ingest", ONE, version=2),
    "missing sessions": lambda: missing_sessions("ingest", ONE, version=2),
}


@pytest.fixture(scope="module")
def filled(owner: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Store some symbols as a bulk import would, one in twenty bars corrected twice, and have them counted."""
    with owner.cursor() as cursor, cursor.copy("COPY ingest.bar FROM STDIN") as copy:
        for number in range(SYMBOLS):
            for row in bars(f"S{number:03}"):
                copy.write_row(row)
    symbols = f"SELECT 'S' || lpad(n::text, 3, '0') AS symbol FROM generate_series(0, {SYMBOLS - 1}) n"
    owner.execute(
        "INSERT INTO ingest.instrument (symbol, version, first_session, last_session, bar_count, provider,"
        " attribution, notes, updated_at)"
        f" SELECT symbol, 3, %s, %s, {BARS}, 'told', '', '[]', %s FROM ({symbols}) s",
        [SESSIONS[0], SESSIONS[-1], AT],
    )
    owner.execute(
        "INSERT INTO ingest.instrument_version (symbol, version, provider, attribution, notes, fetch_id,"
        " added_count, corrected_count, actions_changed_count, recorded_at)"
        " SELECT symbol, v, 'told', '', '[]', gen_random_uuid(), 1, 0, 0, %s"
        f" FROM ({symbols}) s, generate_series(1, 3) v",
        [AT],
    )
    owner.execute(
        "INSERT INTO ingest.action (symbol, kind, ex_date, version, value, provider, fetch_id)"
        " SELECT symbol, 'dividend', date '2018-01-02' + 90 * n, 1, 0.25, 'told', gen_random_uuid()"
        f" FROM ({symbols}) s, generate_series(1, 40) n"
    )
    owner.execute("VACUUM ANALYZE ingest.bar, ingest.action, ingest.instrument, ingest.instrument_version")
    yield owner
    connections.close_all()
    owner.execute("TRUNCATE ingest.bar, ingest.action, ingest.instrument, ingest.instrument_version")
    owner.execute("VACUUM ANALYZE ingest.bar, ingest.action, ingest.instrument, ingest.instrument_version")


def bars(symbol: str) -> Iterator[tuple[Any, ...]]:
    prices = (10, 11, 9, 10, 1000, "told", UUID(int=1))
    for place, session in enumerate(SESSIONS):
        if place in CORRECTED:
            yield symbol, session, 1, 2, *prices
            yield symbol, session, 2, 3, *prices
            yield symbol, session, 3, None, *prices
        else:
            yield symbol, session, 1, None, *prices


@contextmanager
def explained(owner: psycopg.Connection[Any], mode: str) -> Iterator[list[dict[str, Any]]]:
    """Collect the plan of each statement that is run inside, as it is made for prepared ones in `mode`."""
    plans: list[dict[str, Any]] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        options = f"-c search_path=ingest -c plan_cache_mode={mode}"
        with psycopg.connect(owner.info.dsn, options=options, cursor_factory=psycopg.ClientCursor) as other:
            statement, values = numbered(sql, params)
            other.execute(f"PREPARE asked AS {statement}")
            given = f"({', '.join(['%s'] * len(values))})" if values else ""
            row = other.execute(f"EXPLAIN (FORMAT JSON) EXECUTE asked{given}", values).fetchone()
            assert row is not None
            plans.append(row[0][0]["Plan"])
        return execute(sql, params, many, context)

    with connections["ingest"].execute_wrapper(explain):
        yield plans


def numbered(sql: str, params: Any) -> tuple[str, list[Any]]:
    """Return the statement with its parameters as `$1` and so on, and their values."""
    if isinstance(params, dict):
        for number, name in enumerate(params, start=1):
            sql = sql.replace(f"%({name})s", f"${number}")
        return sql, list(params.values())
    numbers = count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", sql), list(params or ())


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_read_of_bars_and_actions_goes_by_an_index(
    filled: psycopg.Connection[Any], read: Callable[[], Any], mode: str
) -> None:
    with explained(filled, mode) as plans:
        read()

    scanned = [
        node for plan in plans for node in nodes(plan) if node.get("Relation Name") in {"bar", "action"}
    ]
    assert plans
    assert [node["Node Type"] for node in scanned if node["Node Type"] == "Seq Scan"] == []
    assert all("symbol" in _condition(node) for node in scanned)


def _condition(node: dict[str, Any]) -> str:
    """Return by what the index is entered, which for a bitmap stands in the node below."""
    return str(node.get("Index Cond") or [part.get("Index Cond") for part in node.get("Plans", ())])
