"""Several writers of one instrument, and of many."""

from datetime import date
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connections, transaction
from django.utils import timezone

from services.ingest.fetches.services import import_series
from services.ingest.market.columns import SeriesColumns
from services.ingest.market.models import Bar
from services.ingest.market.services import Told, record_many
from services.ingest.market.tests.answers import NOW, answer
from services.ingest.providers.domain import Bar as ProviderBar
from services.ingest.providers.domain import DailySeries
from shared.eventstore.models import Event
from shared.eventstore.tests.tally import together, wait_for_blocked
from shared.observability.correlation import Cause, caused_by

WRITERS = 8


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
