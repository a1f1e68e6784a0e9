"""Coverage as the API shows it: who told which range, and what is missing as of a version."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.utils import timezone

from services.ingest.coverage import api as coverage_api
from services.ingest.coverage.selectors import coverage_at
from services.ingest.fetches.services import import_series
from services.ingest.providers.csv_import import parse_csv
from services.ingest.sessions.domain import CALENDAR_VERSION, sessions_between
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem

COVERAGE = "/api/v1/instruments/TEST/coverage/"
WEEK = sessions_between(date(2019, 3, 4), date(2019, 3, 15))


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def store(days: list[date], *, close: str = "10", volume: int = 7) -> None:
    rows = "".join(f"{day},10,11,5,{close},{volume}\n" for day in days)
    series = parse_csv(f"date,open,high,low,close,volume\n{rows}".encode(), "TEST", today=date(2020, 1, 1))
    import_series(fetch_id=uuid4(), series=series, now=timezone.now())


def told_by(owner: psycopg.Connection[Any], provider: str, *days: date) -> None:
    """Let another provider have told some bars, in a version of its own."""
    owner.execute(
        "INSERT INTO ingest.instrument_version (symbol, version, provider, attribution, notes, fetch_id,"
        " added_count, corrected_count, actions_changed_count, recorded_at)"
        " SELECT symbol, max(version) + 1, %s, %s, '[]', %s, 1, 0, 0, now() FROM ingest.instrument_version"
        " GROUP BY symbol",
        [provider, f"Terms of {provider}", uuid4()],
    )
    owner.execute(
        "UPDATE ingest.bar SET provider = %s, version = (SELECT max(version) FROM ingest.instrument_version)"
        " WHERE session = ANY(%s)",
        [provider, list(days)],
    )
    owner.execute("UPDATE ingest.instrument SET version = version + 1")


def test_what_is_missing_silent_or_moved_is_counted_and_named(api: ApiClient, cause: UUID) -> None:
    store([WEEK[0], WEEK[1], WEEK[4]])
    store([WEEK[1]], volume=0)
    store([WEEK[5]], close="7.5")

    shown = api.show(COVERAGE)

    assert (shown["first_session"], shown["last_session"]) == ("2019-03-04", "2019-03-11")
    assert (shown["session_count"], shown["version"]) == (4, 3)
    assert (shown["missing_count"], shown["missing"]) == (2, ["2019-03-06", "2019-03-07"])
    assert (shown["extra_count"], shown["extra"]) == (0, [])
    assert (shown["zero_volume_count"], shown["zero_volume"]) == (1, ["2019-03-05"])
    assert shown["large_moves"] == [{"session": "2019-03-11", "change_ratio": "-0.25"}]
    assert shown["stale_sessions"] > 1800
    assert (shown["calendar"], shown["calendar_version"]) == ("XNYS", CALENDAR_VERSION)
    assert (shown["split_count"], shown["dividend_count"]) == (0, 0)


def test_coverage_of_a_version_knows_nothing_of_later_ones(api: ApiClient, cause: UUID) -> None:
    store([WEEK[0], WEEK[3]])
    before = api.show(COVERAGE)
    store([WEEK[1], WEEK[5]], volume=0)

    assert api.show(COVERAGE, as_of_version=1) == before
    assert api.show(COVERAGE)["missing"] == ["2019-03-06", "2019-03-08"]
    assert before["missing"] == ["2019-03-05", "2019-03-06"]
    assert_problem(api.get(f"{COVERAGE}?as_of_version=9"), 404, "unknown-version")
    assert_problem(api.get("/api/v1/instruments/NOPE/coverage/"), 404, "unknown-symbol")


def test_each_range_of_bars_names_its_one_provider(
    api: ApiClient, cause: UUID, db: psycopg.Connection[Any]
) -> None:
    store(list(WEEK[:8]))
    told_by(db, "tiingo", WEEK[2], WEEK[3])
    told_by(db, "alphavantage", WEEK[7])

    ranges = api.show(COVERAGE)["sources"]

    assert [
        (part["provider"], part["first_session"], part["last_session"], part["session_count"])
        for part in ranges
    ] == [
        ("csv", "2019-03-04", "2019-03-05", 2),
        ("tiingo", "2019-03-06", "2019-03-07", 2),
        ("csv", "2019-03-08", "2019-03-12", 3),
        ("alphavantage", "2019-03-13", "2019-03-13", 1),
    ]
    assert [part["attribution"] for part in ranges][1::2] == ["Terms of tiingo", "Terms of alphavantage"]


def test_a_series_is_stale_from_half_an_hour_after_the_close(
    db: psycopg.Connection[Any], cause: UUID
) -> None:
    store(list(WEEK[:4]))

    def stale(day: int, hour: int, minute: int) -> int:
        now = datetime(2019, 3, day, hour, minute, tzinfo=UTC)
        return coverage_at("TEST", version=1, now=now).coverage.stale_sessions

    assert stale(7, 23, 0) == 0
    assert (stale(8, 21, 29), stale(8, 21, 30)) == (0, 1)
    assert stale(10, 12, 0) == 1
    # From the 10th New York keeps summer time.
    assert (stale(11, 20, 29), stale(11, 20, 30)) == (1, 2)


def test_a_long_list_is_cut_and_counted_whole(
    api: ApiClient, cause: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage_api, "MOST_NAMED", 3)
    store([WEEK[0], WEEK[8]])

    shown = api.show(COVERAGE)

    assert (shown["missing_count"], len(shown["missing"])) == (7, 3)


def test_the_bundled_prices_are_all_there_and_from_one_source(api: ApiClient) -> None:
    api.send("/api/v1/fetches/", symbol="AAPL", provider="bundled")
    drain_everything(("ingest",))

    shown = api.show("/api/v1/instruments/AAPL/coverage/")

    [source] = shown["sources"]
    assert (source["provider"], source["session_count"]) == ("bundled", shown["session_count"])
    assert shown["extra"] == shown["zero_volume"] == shown["large_moves"] == []
    assert shown["split_count"] == 2
