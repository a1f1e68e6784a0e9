"""A correction is a new version; what was known before stays to the byte."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from django.utils import timezone

from services.ingest.fetches.services import import_series
from services.ingest.market.models import Bar
from services.ingest.providers.csv_import import parse_csv
from shared.eventstore.models import Event
from shared.pricing.adjustment import Basis, adjust
from shared.pricing.reader import load_history

AAPL = Path(__file__).resolve().parents[2] / "providers/bundled/AAPL.csv"
CORRECTED = {"2009-03-09": "83.12", "2014-06-06": "645.00", "2018-03-26": "172.00"}
DIVIDEND = {"2013-02-07": "2.60"}

pytestmark = pytest.mark.usefixtures("db", "cause")


def import_text(text: str) -> Any:
    now = timezone.now()
    return import_series(fetch_id=uuid4(), series=parse_csv(text.encode(), "AAPL", today=now.date()), now=now)


def corrected(text: str) -> str:
    """Return the file with three closes and one dividend changed."""
    lines = text.splitlines()
    names = lines[0].split(",")
    for number, line in enumerate(lines):
        fields = line.split(",")
        if fields[0] in CORRECTED:
            fields[names.index("close")] = CORRECTED[fields[0]]
            lines[number] = ",".join(fields)
        if fields[0] in DIVIDEND:
            fields[names.index("dividend")] = DIVIDEND[fields[0]]
            lines[number] = ",".join(fields)
    return "\n".join(lines)


def adjusted_bytes(version: int) -> dict[Basis, tuple[bytes, ...]]:
    history = load_history("ingest", "AAPL", version=version)
    found = {}
    for basis in Basis:
        bars = adjust(history, basis)
        columns = (bars.open, bars.high, bars.low, bars.close, bars.volume, bars.dividend, bars.split_ratio)
        found[basis] = tuple(np.ascontiguousarray(column).tobytes() for column in columns)
    return found


def test_version_one_is_the_same_to_the_byte_after_a_correction() -> None:
    import_text(AAPL.read_text())
    before = adjusted_bytes(1)

    recording = import_text(corrected(AAPL.read_text()))

    assert (recording.version, recording.changed) == (2, True)
    assert adjusted_bytes(1) == before


def test_version_two_differs_only_where_it_must() -> None:
    import_text(AAPL.read_text())
    import_text(corrected(AAPL.read_text()))

    first, second = (load_history("ingest", "AAPL", version=version) for version in (1, 2))
    days = np.array([np.datetime64(day) for day in sorted(CORRECTED)])
    assert list(first.sessions[first.close != second.close]) == list(days)
    for name in ("open", "high", "low", "volume"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    changed = set(first.dividends) ^ set(second.dividends)
    assert {item.ex_date for item in changed} == {date(2013, 2, 7)}
    # Adjusted prices change before a corrected dividend and before one whose ex-date close was corrected.
    raw, total = (
        (adjust(first, basis), adjust(second, basis)) for basis in (Basis.SPLIT, Basis.TOTAL_RETURN)
    )
    assert np.count_nonzero(raw[0].close != raw[1].close) == len(days)
    after = first.sessions >= np.datetime64("2013-02-07")
    moved = total[0].close != total[1].close
    assert list(first.sessions[after & moved]) == [day for day in days if day >= np.datetime64("2013-02-07")]
    assert moved[~after].all()


def test_the_event_names_what_was_corrected() -> None:
    import_text(AAPL.read_text())
    import_text(corrected(AAPL.read_text()))

    events = list(Event.objects.using("ingest").filter(type="PricesUpdated").order_by("version"))
    first, second = (event.data for event in events)
    assert (first["added_count"], first["corrected_count"]) == (3581, 0)
    assert second["added_count"] == 0
    assert second["corrected_sessions"] == sorted(CORRECTED)
    assert second["actions_changed_count"] == 2  # the old amount withdrawn, the new one added


def test_an_unchanged_file_writes_no_row_no_version_and_no_event(db: psycopg.Connection[Any]) -> None:
    import_text(AAPL.read_text())
    before = db.execute("SELECT count(*), max(xmin::text::bigint) FROM ingest.bar").fetchone()

    recording = import_text(AAPL.read_text())

    assert (recording.version, recording.changed) == (1, False)
    assert db.execute("SELECT count(*), max(xmin::text::bigint) FROM ingest.bar").fetchone() == before
    assert Event.objects.using("ingest").filter(type="PricesUpdated").count() == 1


def test_a_file_without_action_columns_withdraws_no_action() -> None:
    import_text(AAPL.read_text())
    lines = [",".join(line.split(",")[:6]) for line in AAPL.read_text().splitlines()]

    recording = import_text("\n".join(lines))

    assert recording.changed is False


def test_a_shorter_file_deletes_nothing() -> None:
    import_text(AAPL.read_text())
    lines = AAPL.read_text().splitlines()

    recording = import_text("\n".join(lines[:300]))

    assert recording.changed is False
    assert Bar.objects.using("ingest").filter(superseded_version=None).count() == 3581


def test_prices_are_stored_as_the_decimals_they_were_told_in() -> None:
    import_text("date,open,high,low,close,volume\n2018-03-26,161.059998,162,160.000001,161.5,7\n")

    bar = Bar.objects.using("ingest").get()
    assert (bar.open, bar.low) == (Decimal("161.059998"), Decimal("160.000001"))
