"""Many symbols at once come to the same as each alone, in a few statements, and to nothing when nothing is new."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from django.db import connections, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.postgres.owner import as_owner
from services.ingest.market.columns import LARGEST_PRICE, SeriesColumns, bars_of, millionths, price_of
from services.ingest.market.copying import HEADER, TRAILER, Millionths, binary_rows
from services.ingest.market.domain import SourcesDisagree
from services.ingest.market.models import Bar
from services.ingest.market.services import Recording, Told, record_many
from services.ingest.market.tests.answers import NOW, SESSIONS, answer, known_bars, tell
from services.ingest.providers.domain import DailySeries
from shared.eventstore.models import Outbox
from shared.eventstore.rebuild import differences

FETCH = UUID(int=9)
RECORD = ("bar", "action", "instrument", "instrument_version", "quarantine", "quarantined_bar")


def tell_all(answers: Iterable[DailySeries]) -> tuple[Any, ...]:
    batch = [Told(series=SeriesColumns.of(series), fetch_id=FETCH) for series in answers]
    with transaction.atomic(using="ingest", durable=True):
        return record_many(batch=batch, now=NOW)


def first_answers() -> list[DailySeries]:
    return [
        answer(100, 101, 102, symbol="AAA", dividends=[(SESSIONS[1], "0.25")], notes=("a gap",)),
        answer("7.000001", symbol="BBB", provider="tiingo"),
        answer(*range(50, 90), symbol="CCC", first=3, splits=[(SESSIONS[9], 2)]),
    ]


def second_answers() -> list[DailySeries]:
    return [
        answer("100.5", 101, 102, 103, symbol="AAA", dividends=[(SESSIONS[1], "0.26")]),
        answer("7.000001", 8, symbol="BBB"),
        answer(*range(50, 80), 10, symbol="CCC", first=3),
        answer(1, 2, symbol="DDD"),
    ]


def shown(owner: psycopg.Connection) -> Any:
    """Return the record without what numbers and names each row."""
    rows = {
        name: owner.execute(f"SELECT t::text FROM ingest.{name} t ORDER BY 1").fetchall() for name in RECORD
    }
    events = owner.execute("SELECT stream, version, type, data FROM ingest.event ORDER BY 1, 2").fetchall()
    return rows, events


@pytest.mark.usefixtures("cause")
def test_a_batch_leaves_what_its_answers_leave_one_by_one(db: psycopg.Connection) -> None:
    for series in [*first_answers(), *second_answers()]:
        tell(series, fetch_id=FETCH)
    one_by_one = shown(db)
    sent = Outbox.objects.using("ingest").count()
    tables = ", ".join(f"ingest.{name}" for name in (*RECORD, "event", "outbox"))
    db.execute(f"TRUNCATE {tables} RESTART IDENTITY")

    tell_all(first_answers())
    outcomes = tell_all(second_answers())

    assert shown(db) == one_by_one
    assert Outbox.objects.using("ingest").count() == sent == 6
    assert [(outcome.version, outcome.added_count) for outcome in outcomes] == [
        (2, 1),
        (2, 1),
        (1, 0),
        (1, 2),
    ]
    assert [outcome.quarantined_count for outcome in outcomes] == [0, 0, 1, 0]
    with as_owner():
        found = differences("ingest")
    assert {found[name] for name in ("instrument", "instrument_version", "quarantine")} == {0}


@pytest.mark.usefixtures("cause")
def test_an_unchanged_batch_writes_nothing_at_all(db: psycopg.Connection) -> None:
    tell_all(first_answers())
    batch = [Told(series=SeriesColumns.of(series), fetch_id=FETCH) for series in first_answers()]

    with transaction.atomic(using="ingest"):
        outcomes = record_many(batch=batch, now=NOW)
        with connections["ingest"].cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id_if_assigned()")
            (number_of_a_transaction_that_wrote,) = cursor.fetchone()

    assert number_of_a_transaction_that_wrote is None
    assert [isinstance(outcome, Recording) and outcome.changed for outcome in outcomes] == [False] * 3


@pytest.mark.usefixtures("cause")
def test_an_answer_that_is_refused_leaves_the_others_of_its_batch_alone(db: psycopg.Connection) -> None:
    tell(answer(*[100] * 6, symbol="AAA"))

    outcomes = tell_all(
        [
            answer(*[50] * 6, symbol="AAA", provider="tiingo"),
            answer(symbol="NONE", dividends=[(SESSIONS[0], 1)]),
            answer(1, symbol="BBB"),
        ]
    )

    assert [type(outcome).__name__ for outcome in outcomes] == ["SourcesDisagree", "NoPrices", "Recording"]
    assert isinstance(outcomes[0], SourcesDisagree)
    assert {row[0] for row in known_bars("AAA")} == {"csv"}
    assert set(Bar.objects.using("ingest").values_list("symbol", flat=True)) == {"AAA", "BBB"}


@pytest.mark.usefixtures("db", "cause")
def test_a_batch_has_one_answer_of_each_symbol() -> None:
    with pytest.raises(ValueError, match="one answer of each symbol"):
        tell_all([answer(1), answer(2)])


@pytest.mark.usefixtures("db", "cause")
def test_thirty_symbols_take_as_many_statements_as_three() -> None:
    def statements(answers: list[DailySeries]) -> list[str]:
        sent: list[str] = []

        def note(execute: Any, statement: Any, *rest: Any) -> Any:
            sent.append(str(statement).split()[0])
            return execute(statement, *rest)

        with connections["ingest"].execute_wrapper(note):
            tell_all(answers)
        return sent

    few = statements([answer(1, 2, symbol=f"A{n}", dividends=[(SESSIONS[0], 1)]) for n in range(3)])
    many = statements([answer(1, 2, symbol=f"B{n}", dividends=[(SESSIONS[0], 1)]) for n in range(30)])
    changed = statements(
        [answer("1.1", 2, 3, symbol=f"B{n}", dividends=[(SESSIONS[0], 2)]) for n in range(30)]
    )

    assert many == few
    assert len(changed) < len(few) + 10


_PRICE = st.integers(1, LARGEST_PRICE - 1).map(lambda number: Decimal(number).scaleb(-6))


@settings(deadline=None)  # a server answers in between
@given(prices=st.lists(_PRICE, min_size=1, max_size=60), volume=st.integers(0, 2**63 - 1))
def test_every_price_that_can_be_stored_is_stored_and_read_to_the_last_digit(
    owner: psycopg.Connection, prices: list[Decimal], volume: int
) -> None:
    day = SESSIONS[0]
    numbers = np.array([millionths(price) for price in prices], np.int64)
    places = np.arange(len(prices), dtype=np.int32)
    rows = binary_rows(
        len(prices),
        places,
        Millionths(numbers),
        np.full(len(prices), volume, np.int64),
        np.full(len(prices), day, "<M8[D]"),
        "TÉST".encode(),
        FETCH.bytes,
        None,
    )

    with owner.transaction(), owner.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE copied (place integer, price numeric(18,6), volume bigint, day date,"
            " symbol text, told_by uuid, nothing integer) ON COMMIT DROP"
        )
        with cursor.copy("COPY copied FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(HEADER + rows + TRAILER)
        cursor.execute("SELECT price, volume, day, symbol, told_by, nothing FROM copied ORDER BY place")
        stored = cursor.fetchall()
        cursor.execute("SELECT (price * 1000000)::bigint FROM copied ORDER BY place")
        read = [row[0] for row in cursor.fetchall()]

    assert stored == [(price, volume, day, "TÉST", FETCH, None) for price in prices]
    assert read == numbers.tolist()
    assert [price_of(number) for number in read] == prices


@pytest.mark.parametrize("price", ["0.0000001", "1.1234567"])
def test_a_price_with_more_than_six_decimals_is_no_price(price: str) -> None:
    with pytest.raises(ValueError, match="more than 6 decimals"):
        millionths(Decimal(price))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([(date(2018, 3, 26), 1), (date(2018, 3, 26), 1)], "ascend"),
        ([(date(2018, 3, 27), 1), (date(2018, 3, 26), 1)], "ascend"),
        ([(date(2018, 3, 26), 0)], "between 0 and 10"),
        ([(date(2018, 3, 26), 10**12)], "between 0 and 10"),
    ],
)
def test_columns_that_cannot_be_bars_are_refused(rows: list[tuple[date, int]], why: str) -> None:
    bars = bars_of([(day, *[Decimal(price)] * 4, 5) for day, price in rows])

    with pytest.raises(ValueError, match=why):
        SeriesColumns(symbol="TEST", provider="csv", attribution="", bars=bars)


def test_bars_of_another_layout_are_refused() -> None:
    with pytest.raises(ValueError, match="dtype BAR"):
        SeriesColumns(symbol="TEST", provider="csv", attribution="", bars=np.zeros(3, [("close", "<i8")]))


@pytest.mark.usefixtures("cause")
def test_a_vendors_long_split_ratio_is_stored_with_eight_decimals(db: psycopg.Connection) -> None:
    told = answer(100, 101, splits=[(SESSIONS[1], "7.00000700001")])

    assert tell(told).actions_changed_count == 1
    assert tell(told).changed is False

    assert db.execute("SELECT value FROM ingest.action").fetchall() == [(Decimal("7.00000700"),)]
