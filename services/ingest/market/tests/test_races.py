"""Several writers of one instrument, and of many."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connections, transaction
from django.utils import timezone

from services.ingest.fetches import services as fetching
from services.ingest.fetches.services import import_series
from services.ingest.market.columns import SeriesColumns
from services.ingest.market.models import Bar, InstrumentVersion
from services.ingest.market.services import Recording, Told, record_many, record_series
from services.ingest.market.tests.answers import NOW, answer
from services.ingest.providers.domain import Bar as ProviderBar
from services.ingest.providers.domain import DailySeries
from shared.eventstore.models import Event
from shared.eventstore.tests.tally import together, wait_for_blocked
from shared.observability.correlation import Cause, caused_by
from shared.pricing.reader import load_history, version_at

WRITERS = 8
READS: dict[str, Callable[[datetime], int]] = {
    "history": lambda moment: load_history("analytics", "RACE", as_of=moment).version,
    "version": lambda moment: version_at("ingest", "RACE", moment),
}


def series(close: Decimal) -> DailySeries:
    bar = ProviderBar(session=date(2018, 3, 26), open=close, high=close, low=close, close=close, volume=1)
    return DailySeries(
        symbol="RACE", provider="csv", attribution="a test", bars=(bar,), splits=None, dividends=None
    )


def test_writers_that_come_at_once_leave_gap_free_versions_and_one_current_bar(
    db: psycopg.Connection[Any],
) -> None:
    start = Barrier(WRITERS)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            with caused_by(Cause(uuid4())):
                start.wait()
                import_series(fetch_id=uuid4(), series=series(Decimal(100 + number)), now=timezone.now())
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    versions = (
        Event.objects.using("ingest").filter(stream="instrument-RACE").values_list("version", flat=True)
    )
    assert sorted(versions) == list(range(1, WRITERS + 1))
    assert Bar.objects.using("ingest").filter(superseded_version=None).count() == 1
    assert Bar.objects.using("ingest").count() == WRITERS


@pytest.mark.usefixtures("cause")
def test_batches_in_opposite_orders_wait_for_each_other_and_none_is_killed(
    db: psycopg.Connection[Any],
) -> None:
    symbols = [f"S{number}" for number in range(9)]

    def record(order: list[str], close: int) -> None:
        batch = [
            Told(series=SeriesColumns.of(answer(close, symbol=name)), fetch_id=uuid4()) for name in order
        ]
        with transaction.atomic(using="ingest", durable=True):
            record_many(batch=batch, now=NOW)

    def let_go() -> None:
        wait_for_blocked(db, count=2)
        holder.rollback()

    with psycopg.connect(db.info.dsn, password=db.info.password, autocommit=False) as holder:
        # Each batch, taking its locks as they come, would by then hold what the other one wants next.
        holder.execute("SELECT pg_advisory_xact_lock(hashtextextended('instrument-S4', 0))")
        together(lambda: record(symbols, 100), lambda: record(symbols[::-1], 101), let_go)

    assert sorted(Event.objects.using("ingest").values_list("stream", "version")) == sorted(
        (f"instrument-{name}", version) for name in symbols for version in (1, 2)
    )
    assert Bar.objects.using("ingest").filter(superseded_version=None).count() == len(symbols)
    assert Bar.objects.using("ingest").count() == 2 * len(symbols)


@pytest.mark.usefixtures("cause")
def test_a_writer_that_waited_is_recorded_after_what_was_shown_meanwhile(db: psycopg.Connection[Any]) -> None:
    began = timezone.now() - timedelta(seconds=1)
    import_series(fetch_id=uuid4(), series=series(Decimal(100)), now=began)
    shown: list[datetime] = []

    def let_go() -> None:
        wait_for_blocked(db)
        shown.append(timezone.now())
        holder.rollback()

    with psycopg.connect(db.info.dsn, password=db.info.password, autocommit=False) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(hashtextextended('instrument-RACE', 0))")
        together(lambda: import_series(fetch_id=uuid4(), series=series(Decimal(101)), now=began), let_go)

    times = (
        InstrumentVersion.objects.using("ingest").order_by("version").values_list("recorded_at", flat=True)
    )
    assert times[0] < shown[0] < times[1]
    assert load_history("ingest", "RACE", as_of=shown[0]).close.tolist() == [100]


@pytest.mark.usefixtures("cause")
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_moment_is_shown_once_no_version_may_claim_it_anymore(
    db: psycopg.Connection[Any], read: Callable[[datetime], int]
) -> None:
    import_series(fetch_id=uuid4(), series=series(Decimal(100)), now=timezone.now())
    recorded, moments, shown = Barrier(2), list[datetime](), list[int]()

    def write() -> None:
        with transaction.atomic(using="ingest", durable=True):
            record_series(series=series(Decimal(101)), fetch_id=uuid4(), now=timezone.now())
            recorded.wait(20)
            wait_for_blocked(db)

    def show() -> None:
        recorded.wait(20)
        moments.append(timezone.now())
        shown.append(read(moments[0]))

    together(write, show)

    assert shown == [read(moments[0])] == [2]


@pytest.mark.usefixtures("cause")
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_moment_that_is_over_waits_for_nobody(
    db: psycopg.Connection[Any], read: Callable[[datetime], int]
) -> None:
    import_series(fetch_id=uuid4(), series=series(Decimal(100)), now=NOW)

    with psycopg.connect(db.info.dsn, password=db.info.password, autocommit=False) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(hashtextextended('instrument-RACE', 0))")

        (shown,) = together(lambda: read(timezone.now() - timedelta(minutes=3)))

    assert shown == 1


@pytest.mark.usefixtures("db", "cause")
def test_two_names_that_take_over_from_each_other_do_not_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both_recorded = Barrier(2)

    def record_and_meet(**told: Any) -> Recording:
        recording = record_series(**told)
        try:
            both_recorded.wait(0.5)
        except BrokenBarrierError:
            pass  # as it should be: the other one waits for all names
        return recording

    monkeypatch.setattr(fetching, "record_series", record_and_meet)  # FISV became FI and then FISV again

    def record(symbol: str) -> None:
        told = answer(100, 101, symbol=symbol)
        import_series(fetch_id=uuid4(), series=told, now=timezone.now())

    together(lambda: record("FI"), lambda: record("FISV"))

    assert [load_history("ingest", symbol).close.tolist() for symbol in ("FI", "FISV")] == [[100, 101]] * 2
