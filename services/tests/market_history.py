"""What befalls a market in time: a vendor that refuses, a change that is held back, a watch list."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from services.ingest.fetches.domain import last_final_session
from services.ingest.fetches.services import import_series, request_fetch
from services.ingest.lookups.services import request_lookup
from services.ingest.market.services import Recording
from services.ingest.providers.calls import Verdict
from services.ingest.providers.csv_import import parse_csv
from services.ingest.providers.tests.simulator import KEY, Simulator, moved
from services.ingest.watchlists.services import save_watch_list
from services.tests.pipeline import drain_everything

BUNDLED = Path(__file__).resolve().parents[1] / "ingest/providers/bundled"


def import_lines(symbol: str, lines: list[str], *, replaces: bool = False) -> Recording:
    """Import the lines of a file."""
    now = timezone.now()
    series = parse_csv("\n".join(lines).encode(), symbol, today=now.date())
    return import_series(fetch_id=uuid4(), series=series, now=now, replaces=replaces)


def hold_back_a_change() -> None:
    """Import a file twice, the second time with a price doubled and six dividends raised."""
    lines = (BUNDLED / "AAPL.csv").read_text().splitlines()
    names = lines[0].split(",")
    import_lines("HELD", lines)
    paying = [number for number, line in enumerate(lines) if number and float(line.split(",")[6])]
    for number in paying[:6]:
        fields = line_of(names, lines[number])
        lines[number] = ",".join([*(fields | {"dividend": "9.5"}).values()])
    fields = line_of(names, lines[900])
    prices = {name: str(2 * Decimal(fields[name])) for name in ("open", "high", "low", "close")}
    lines[900] = ",".join([*(fields | prices).values()])
    assert import_lines("HELD", lines).quarantined_count == 1 + 6


def line_of(names: list[str], line: str) -> dict[str, str]:
    """Return a line's fields by the names of the columns."""
    return dict(zip(names, line.split(","), strict=True))


def keep_a_watch_list() -> None:
    """Save a watch list that nobody refreshes."""
    save_watch_list(name="core", symbols=["FB"], provider="auto", active=False, now=timezone.now())


def ask_a_vendor() -> None:
    """Ask for quotes with a key whose plan lacks them at first, then for prices until the day's calls are used up."""
    series = moved("AAPL", until=last_final_session(timezone.now()), count=120)
    with Simulator(series) as vendor, pytest.MonkeyPatch.context() as patch:
        patch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_API_KEY", KEY)
        patch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_BASE_URL", vendor.alphavantage_url)
        patch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_LIMITS", ((100, 60.0),))
        look_up("overview", "AAPL")
        vendor.next(Verdict.PREMIUM_ENDPOINT)
        look_up("quote", "AAPL")
        vendor.next(Verdict.DAILY_LIMIT, function="DIVIDENDS")
        whole: dict[str, Any] = {"start": None, "end": None}
        request_fetch(fetch_id=uuid4(), symbol="AAPL", provider="alphavantage", now=timezone.now(), **whole)
        drain_everything(("ingest",))


def look_up(kind: str, subject: str) -> None:
    """Ask the vendor, and have the job done."""
    request_lookup(
        lookup_id=uuid4(), provider="alphavantage", kind=kind, subject=subject, on=None, now=timezone.now()
    )
    drain_everything(("ingest",))
