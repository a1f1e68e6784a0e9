"""A database that held versions before they had times gets them from its record."""

from datetime import UTC, date, datetime
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import psycopg

from services.ingest.fetches.services import import_series
from services.ingest.market.models import InstrumentVersion
from services.ingest.providers.csv_import import parse_csv

MIGRATION = import_module("services.ingest.market.migrations.0003_version_times")
FIRST_AT = datetime(2020, 3, 2, 12, tzinfo=UTC)


def test_the_rows_made_from_the_record_are_those_that_were_projected(
    db: psycopg.Connection[Any], cause: UUID
) -> None:
    for hour, close in ((12, "1.5"), (13, "1.6")):
        text = f"date,open,high,low,close,volume,dividend\n2019-01-02,1,2,1,{close},10,0.25\n"
        series = parse_csv(text.encode(), "TEST", today=date(2020, 1, 1))
        import_series(fetch_id=uuid4(), series=series, now=FIRST_AT.replace(hour=hour))
    versions = InstrumentVersion.objects.using("ingest").order_by("version")
    before = list(versions.values())

    db.execute("DELETE FROM ingest.instrument_version")
    db.execute(MIGRATION.REFILL)

    assert list(versions.values()) == before
    assert [row["recorded_at"].hour for row in before] == [12, 13]
