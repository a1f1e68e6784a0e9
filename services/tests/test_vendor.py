"""The main job on prices of vendors that answer over HTTP, through a real worker process."""

import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.utils import timezone

from services.ingest.fetches.domain import last_final_session
from services.ingest.providers.tests.simulator import KEY, Fault, Simulator, moved
from services.tests.processes import wait_until, worker_process
from shared.http.tests.api_client import ApiClient
from shared.settings.env import read

type Owner = psycopg.Connection[Any]


@pytest.fixture
def until() -> date:
    """Give the last session that is over."""
    return last_final_session(timezone.now())


@pytest.fixture
def vendor(until: date, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """Give a vendor with a free key, known to this process and to the workers it starts."""
    with Simulator(moved("AAPL", until=until, count=600), is_free=True) as running:
        chosen = {
            "ALPHAVANTAGE_API_KEY": KEY,
            "ALPHAVANTAGE_BASE_URL": running.alphavantage_url,
            "ALPHAVANTAGE_LIMITS": "1/2s,25/24h",  # a second beyond the vendor's own, as busy machines need
            "TIINGO_API_KEY": KEY,
            "TIINGO_BASE_URL": running.tiingo_url,
        }
        values = read(chosen)
        for name, text in chosen.items():
            monkeypatch.setenv(name, text)
            monkeypatch.setitem(settings.BELLWETHER, name, values[name])
        yield running


def in_state(api: ApiClient, address: str, *states: str) -> bool:
    return api.show(address)["status"] in states


def newest_report(api: ApiClient) -> dict[str, Any]:
    """Return the report on the second version: each source brings one."""
    reports = api.show("/api/v1/reports/")["results"]
    return next((report for report in reports if report["data_cut"] == {"AAPL": 2}), {"status": "not yet"})


def test_a_free_key_and_a_history_source_lead_to_a_report_that_names_both(
    db: Owner, token: str, vendor: Simulator, tmp_path: Path
) -> None:
    api = ApiClient(token)
    made = api.send("/api/v1/fetches/", symbol="AAPL")

    with worker_process(broker_url=None, log=tmp_path / "worker.log"):
        wait_until(lambda: in_state(api, made["Location"], "succeeded"), saying="the fetch")
        wait_until(lambda: newest_report(api)["status"] == "succeeded", saying="the report on both")
    report = newest_report(api)

    # One a second is the simulator's rule, and ours never breaks it: no call was refused as a burst.
    assert [asked.function for asked in vendor.asked] == [
        *("TIME_SERIES_DAILY", "TIME_SERIES_DAILY", "DIVIDENDS", "SPLITS", "tiingo")
    ]
    verdicts = db.execute("SELECT verdict FROM ingest.provider_call ORDER BY id").fetchall()
    assert [verdict for (verdict,) in verdicts] == ["premium-parameter", *["data"] * 4]
    document = api.get(f"/api/v1/reports/{report['id']}.json").content.decode()
    assert "Tiingo" in document
    assert "Alpha Vantage" in document
    assert KEY not in document
    assert api.get(f"/api/v1/reports/{report['id']}.pdf").content.startswith(b"%PDF-")


def test_a_worker_killed_while_a_call_is_out_leaves_it_counted_and_nothing_stored(
    db: Owner, token: str, vendor: Simulator, tmp_path: Path
) -> None:
    api = ApiClient(token)
    vendor.next(Fault.SLOW_HEADERS)
    made = api.send("/api/v1/fetches/", symbol="AAPL", provider="tiingo")

    with worker_process(broker_url=None, log=tmp_path / "first.log") as first:
        wait_until(lambda: len(vendor.asked) == 1, saying="a call")
        first.send_signal(signal.SIGKILL)
        first.wait()
    stored = db.execute(
        "SELECT (SELECT count(*) FROM ingest.bar), (SELECT count(*) FROM ingest.event WHERE type = 'PricesUpdated'),"
        " (SELECT count(*) FROM ingest.provider_call WHERE verdict IS NULL)"
    ).fetchone()
    assert stored == (0, 0, 1)

    with worker_process(broker_url=None, log=tmp_path / "second.log"):
        wait_until(lambda: in_state(api, made["Location"], "succeeded"), saying="the fetch")
    counted = db.execute("SELECT count(*) FROM ingest.provider_call").fetchone()
    assert counted == (len(vendor.asked),) == (2,)
