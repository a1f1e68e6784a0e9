"""Two writers of one instrument."""

from datetime import date
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import psycopg
from django.db import connections
from django.utils import timezone

from services.ingest.fetches.services import import_series
from services.ingest.market.models import Bar
from services.ingest.providers.domain import Bar as ProviderBar
from services.ingest.providers.domain import DailySeries
from shared.eventstore.models import Event
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
