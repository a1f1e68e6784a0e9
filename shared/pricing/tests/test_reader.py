"""Histories are read as they were stored and known, for one symbol and for many."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from shared.pricing import reader
from shared.pricing.history import Dividend, Split
from shared.pricing.reader import NoPrices, load_histories, load_history, version_at
from shared.pricing.versions import UnknownVersion

FIRST = date(2020, 1, 2)
NOON = datetime(2020, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
COLUMNS = ("open", "high", "low", "close", "volume")
# Prices whose digits a float cannot all hold, and the largest and smallest that are permitted.
PRICES = ("161.059998", "0.000001", "999999999999.999999", "100", "33.333333", "0.1", "70.7")

type Fact = tuple[int, int, int | None, str, int]  # days after FIRST, version, superseded by, price, volume

pytestmark = pytest.mark.usefixtures("db")


def store(owner: psycopg.Connection[Any], symbol: str, facts: Iterable[Fact], *, versions: int = 1) -> None:
    for day, version, superseded, price, volume in facts:
        owner.execute(
            "INSERT INTO ingest.bar (symbol, session, version, superseded_version, open, high, low, close,"
            " volume, provider, fetch_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'told', %s)",
            [symbol, FIRST + timedelta(day), version, superseded, *[price] * 4, volume, UUID(int=version)],
        )
    owner.execute(
        "INSERT INTO ingest.instrument (symbol, version, first_session, last_session, bar_count, provider,"
        " attribution, notes, updated_at) VALUES (%s, %s, %s, %s, 1, 'told', 'by a test', '[]', %s)",
        [symbol, versions, FIRST, FIRST, NOON],
    )
    for version in range(1, versions + 1):
        owner.execute(
            "INSERT INTO ingest.instrument_version (symbol, version, provider, attribution, notes, fetch_id,"
            " added_count, corrected_count, actions_changed_count, recorded_at)"
            " VALUES (%s, %s, 'told', 'by a test', '[]', %s, 1, 0, 0, %s)",
            [symbol, version, UUID(int=version), NOON + version * HOUR],
        )


def act(owner: psycopg.Connection[Any], symbol: str, *rows: tuple[str, int, int, int | None, str]) -> None:
    for kind, day, version, superseded, value in rows:
        owner.execute(
            "INSERT INTO ingest.action (symbol, kind, ex_date, version, superseded_version, value, provider,"
            " fetch_id) VALUES (%s, %s, %s, %s, %s, %s, 'told', %s)",
            [symbol, kind, FIRST + timedelta(day), version, superseded, value, UUID(int=version)],
        )


def test_numbers_are_the_nearest_floats_of_the_stored_digits(db: psycopg.Connection[Any]) -> None:
    store(db, "TEST", [(day, 1, None, price, day * 2**50) for day, price in enumerate(PRICES)])

    history = load_history("ingest", "TEST")

    assert history.sessions.tolist() == [FIRST + timedelta(day) for day in range(len(PRICES))]
    for name in ("open", "high", "low", "close"):
        assert [value.hex() for value in getattr(history, name).tolist()] == [
            float(Decimal(price)).hex() for price in PRICES
        ]
    assert history.volume.tolist() == [day * 2**50 for day in range(len(PRICES))]


def test_each_version_has_its_own_bars_in_order_however_they_lie_in_the_table(
    db: psycopg.Connection[Any],
) -> None:
    store(
        db,
        "TEST",
        [
            (4, 1, None, "5", 1),
            (0, 2, 3, "11", 1),
            (0, 1, 2, "10", 1),
            (1, 1, None, "20", 1),
            (0, 3, None, "12", 1),
            (2, 3, None, "30", 1),
        ],
        versions=3,
    )
    act(db, "TEST", ("dividend", 4, 1, 2, "0.5"), ("dividend", 4, 2, None, "0.6"), ("split", 1, 3, None, "4"))

    known = [load_history("ingest", "TEST", version=version) for version in (1, 2, 3)]

    assert [history.close.tolist() for history in known] == [[10, 20, 5], [11, 20, 5], [12, 20, 30, 5]]
    assert [history.version for history in known] == [1, 2, 3]
    assert np.array_equal(load_history("ingest", "TEST").close, known[2].close)
    fourth = FIRST + timedelta(4)
    paid = [(Dividend(ex_date=fourth, amount=amount),) for amount in (0.5, 0.6, 0.6)]
    assert [history.dividends for history in known] == paid
    split = Split(ex_date=FIRST + timedelta(1), ratio=4.0)
    assert [history.splits for history in known] == [(), (), (split,)]


def test_a_range_bounds_the_bars_and_not_the_actions(db: psycopg.Connection[Any]) -> None:
    store(db, "TEST", [(day, 1, None, "1", 1) for day in range(5)])
    act(db, "TEST", ("split", 0, 1, None, "2"))

    part = load_history("ingest", "TEST", start=FIRST + timedelta(1), end=FIRST + timedelta(3))
    none = load_history("ingest", "TEST", start=FIRST + timedelta(9))

    assert part.sessions.tolist() == [FIRST + timedelta(day) for day in (1, 2, 3)]
    assert len(part.splits) == len(none.splits) == 1
    assert len(none.sessions) == len(none.close) == len(none.volume) == 0


def test_many_histories_come_in_the_order_asked_with_a_query_for_each_hundred(
    db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    symbols = ["C", "A", "E", "B", "D"]
    for number, symbol in enumerate(symbols):
        store(db, symbol, [(0, 1, 2, str(10 + number), 1), (0, 2, None, str(20 + number), 1)], versions=2)
    asked = {"C": 1, "A": None, "E": 2, "B": 1, "D": None}
    monkeypatch.setattr(reader, "SYMBOLS_PER_QUERY", 2)

    with CaptureQueriesContext(connections["ingest"]) as statements:
        found = list(load_histories("ingest", asked))

    assert [(history.symbol, history.version, history.close.tolist()) for history in found] == [
        ("C", 1, [10.0]),
        ("A", 2, [21.0]),
        ("E", 2, [22.0]),
        ("B", 1, [13.0]),
        ("D", 2, [24.0]),
    ]
    assert len(statements) == 3
    assert list(load_histories("ingest", {})) == []


def test_a_symbol_or_version_that_is_not_there_is_named_when_its_turn_comes(
    db: psycopg.Connection[Any],
) -> None:
    store(db, "TEST", [(0, 1, None, "1", 1)])
    histories = load_histories("ingest", {"TEST": 1, "NOPE": None})

    assert next(histories).symbol == "TEST"
    with pytest.raises(NoPrices, match="No prices of NOPE"):
        next(histories)
    for version in (0, 2, -1):
        with pytest.raises(UnknownVersion, match=f"TEST has only version 1, not {version}"):
            load_history("ingest", "TEST", version=version)


def test_the_version_at_a_moment_is_the_last_recorded_until_then(db: psycopg.Connection[Any]) -> None:
    store(db, "TEST", [(0, 1, 2, "1", 1), (0, 2, 3, "2", 1), (0, 3, None, "3", 1)], versions=3)
    instant = timedelta(microseconds=1)

    for moment, version in (
        (NOON + HOUR, 1),
        (NOON + 2 * HOUR - instant, 1),
        (NOON + 2 * HOUR, 2),
        (NOON + 99 * HOUR, 3),
    ):
        history = load_history("ingest", "TEST", as_of=moment)
        assert version_at("ingest", "TEST", moment) == history.version == version
        assert history.close.tolist() == [float(version)]
    for read in (version_at, lambda alias, symbol, at: load_history(alias, symbol, as_of=at)):
        with pytest.raises(UnknownVersion, match="Nothing was known of TEST at 2020-03-02T12:59:59"):
            read("ingest", "TEST", NOON + HOUR - instant)
        with pytest.raises(NoPrices, match="No prices of NOPE"):
            read("ingest", "NOPE", NOON + HOUR)


def test_many_histories_are_of_one_moment_unless_a_version_is_named(db: psycopg.Connection[Any]) -> None:
    for symbol in ("A", "B"):
        store(db, symbol, [(0, 1, 2, "1", 1), (0, 2, None, "2", 1)], versions=2)

    found = load_histories("ingest", {"A": None, "B": 2}, as_of=NOON + HOUR)

    assert [(history.version, history.close.tolist()) for history in found] == [(1, [1.0]), (2, [2.0])]
