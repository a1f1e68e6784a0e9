"""A series with a long hole is two: nothing is tested or forecast across it."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from services.ingest.fetches.services import import_series
from services.ingest.providers.csv_import import parse_csv
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient

BUNDLED = Path(__file__).resolve().parents[1] / "ingest/providers/bundled"

pytestmark = pytest.mark.usefixtures("db", "cause")


def imported(without: slice) -> None:
    header, *rows = (BUNDLED / "FB.csv").read_text().splitlines()
    del rows[without]
    now = timezone.now()
    series = parse_csv("\n".join([header, *rows]).encode(), "FB", today=now.date())
    import_series(fetch_id=uuid4(), series=series, now=now)
    drain_everything(("ingest", "analytics"))


def standing(api: ApiClient) -> dict[str, Any]:
    [run] = api.show("/api/v1/backtests/", symbol="FB")["results"]
    found: dict[str, Any] = run
    return found


def test_the_standing_run_begins_after_the_hole(token: str) -> None:
    rows = (BUNDLED / "FB.csv").read_text().splitlines()[1:]
    imported(without=slice(300, 360))

    run = standing(ApiClient(token))

    assert (run["status"], run["first_session"]) == ("succeeded", rows[360].split(",")[0])
    assert run["session_count"] == len(rows) - 360


def test_single_missing_sessions_are_no_hole(token: str) -> None:
    imported(without=slice(300, 310))

    assert standing(ApiClient(token))["first_session"] == "2012-05-18"


def test_what_follows_the_hole_may_be_too_little_and_that_is_said(token: str) -> None:
    rows = (BUNDLED / "FB.csv").read_text().splitlines()[1:]
    imported(without=slice(len(rows) - 130, len(rows) - 30))

    run = standing(ApiClient(token))

    assert run["status"] == "refused"
    assert run["error"]["present_sessions"] == 30
