"""Indexes as the API shows them."""

from datetime import date
from uuid import uuid4

import pytest
from django.utils import timezone

from services.ingest.fetches.services import import_series
from services.ingest.indexes.domain import DATA_VERSION, indexes, renames
from services.ingest.indexes.models import IndexMembership, TickerRename
from services.ingest.market.tests.answers import answer
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem

INDEXES = "/api/v1/indexes/"
SP500, NASDAQ = f"{INDEXES}sp500/", f"{INDEXES}nasdaq100/"


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def test_indexes_are_listed_with_coverage_source_and_licence(api: ApiClient) -> None:
    nasdaq, sp500 = api.show(INDEXES)["results"]

    assert {name: sp500[name] for name in sp500 if name != "notes"} == {
        "name": "sp500",
        "title": "S&P 500",
        "first_date": "1996-01-02",
        "last_date": "2025-11-11",
        "member_count": 503,
        "attribution": "fja05680/sp500",
        "licence": "MIT",
        "version": DATA_VERSION,
    }
    assert "2022-01-20 instead of 2022-01-10" in " ".join(sp500["notes"])
    assert (nasdaq["name"], nasdaq["member_count"]) == ("nasdaq100", 101)


@pytest.mark.usefixtures("db")
def test_the_tables_hold_what_the_files_say() -> None:
    rows = IndexMembership.objects.using("ingest").values_list("index", "symbol", "start_date", "end_date")
    renamed = TickerRename.objects.using("ingest").values_list("old", "new", "on_date")

    assert set(rows) == {
        (name, spell.symbol, spell.start_date, spell.end_date)
        for name, index in indexes().items()
        for spell in index.spells
    }
    assert set(renamed) == {(rename.old, rename.new, rename.on) for rename in renames()}


def test_members_are_those_of_the_day_by_the_names_of_the_day(api: ApiClient) -> None:
    before, after = (api.show(f"{SP500}members/", on=day) for day in ("2022-06-08", "2022-06-09"))

    assert (before["index"], before["on"], before["licence"]) == ("sp500", "2022-06-08", "MIT")
    assert before["member_count"] == len(before["results"]) == 504
    symbols = [[row["symbol"] for row in shown["results"]] for shown in (before, after)]
    assert [symbol[0] for symbol in symbols[0]] == sorted(symbol[0] for symbol in symbols[0])
    assert (set(symbols[0]) - set(symbols[1]), set(symbols[1]) - set(symbols[0])) == ({"FB"}, {"META"})
    [facebook] = [row for row in before["results"] if row["symbol"] == "FB"]
    assert facebook == {
        "symbol": "FB",
        "current_symbol": "META",
        "start_date": "2013-12-23",
        "end_date": "2022-06-09",
        "stored_as": None,
    }


def test_a_member_names_the_symbol_under_which_its_prices_are_stored(api: ApiClient) -> None:
    for symbol in ("FB", "AAPL"):
        api.send("/api/v1/fetches/", symbol=symbol, provider="bundled")
    drain_everything(("ingest",))

    rows = api.show(f"{NASDAQ}members/", on="2026-01-01")["results"]

    stored = {row["symbol"]: row["stored_as"] for row in rows if row["stored_as"]}
    assert stored == {"META": "FB", "AAPL": "AAPL"}


def test_without_a_day_members_are_those_of_the_last_day_that_is_covered(api: ApiClient) -> None:
    assert timezone.now().date() > date(2025, 11, 11)

    shown = api.show(f"{SP500}members/")

    assert (shown["on"], shown["member_count"]) == ("2025-11-11", 503)
    assert {"FISV"} == {row["symbol"] for row in shown["results"]} & {"FI", "FISV"}


@pytest.mark.parametrize("after", ["2025-11-12", "2026-01-02", "today"])
def test_a_day_after_the_last_one_that_is_covered_is_as_good_as_none(api: ApiClient, after: str) -> None:
    on = str(timezone.now().date()) if after == "today" else after

    assert api.show(f"{SP500}members/", on=on) == api.show(f"{SP500}members/")


def test_a_day_before_the_first_one_that_is_covered_is_refused_with_the_range(api: ApiClient) -> None:
    body = assert_problem(api.get(f"{NASDAQ}members/?on=2014-12-31"), 400, "outside-coverage")

    assert (body["first_date"], body["last_date"]) == ("2015-01-01", "2026-06-22")


@pytest.mark.usefixtures("cause")
def test_a_member_whose_ticker_is_another_companys_by_now_is_followed_from_its_own_day(
    api: ApiClient,
) -> None:
    for symbol in ("ARNC", "HCP", "PEAK"):  # the first two as Arconic Corporation and HashiCorp
        import_series(fetch_id=uuid4(), series=answer(1, 2, symbol=symbol), now=timezone.now())

    rows = {row["symbol"]: row for row in api.show(f"{SP500}members/", on="2019-01-18")["results"]}

    shown = {
        symbol: (rows[symbol]["current_symbol"], rows[symbol]["stored_as"]) for symbol in ("ARNC", "HCP")
    }
    assert shown == {"ARNC": ("HWM", None), "HCP": ("DOC", "PEAK")}


@pytest.mark.parametrize("place", ["members/", "changes/"])
def test_an_unknown_index_is_not_found_and_the_known_ones_are_named(api: ApiClient, place: str) -> None:
    body = assert_problem(api.get(f"{INDEXES}dax/{place}"), 404, "unknown-index")

    assert body["known_indexes"] == ["nasdaq100", "sp500"]


def test_a_day_that_is_none_is_refused(api: ApiClient) -> None:
    for day in ("yesterday", "2024-02-30", "2999-01-01"):
        assert_problem(api.get(f"{SP500}members/?on={day}"), 400, "validation-error")


def test_changes_are_listed_by_day_in_pages(api: ApiClient) -> None:
    first = api.show(f"{NASDAQ}changes/", start="2025-10-01", limit=2)
    second = api.show(first["next"])

    assert first["results"] == [
        {"date": "2025-10-30", "added": ["SOLS"], "removed": []},
        {"date": "2025-11-06", "added": [], "removed": ["SOLS"]},
    ]
    assert second["results"][0]["date"] == "2025-12-22"
    assert second["results"][0]["removed"] == ["BIIB", "CDW", "GFS", "LULU", "ON", "TTD"]
    assert api.show(second["previous"])["results"] == first["results"]


def test_the_changes_lead_from_the_first_members_to_the_last(api: ApiClient) -> None:
    for place, index in ((NASDAQ, indexes()["nasdaq100"]), (SP500, indexes()["sp500"])):
        days = api.show(f"{place}changes/", limit=10000)["results"]
        members = {row["symbol"] for row in api.show(f"{place}members/", on=str(index.first_date))["results"]}
        for day in days:
            assert set(day["removed"]) <= members
            members = (members - set(day["removed"])) | set(day["added"])

        assert days[0]["date"] > str(index.first_date)
        assert members == {row["symbol"] for row in api.show(f"{place}members/")["results"]}


def test_a_caller_who_has_the_members_is_told_that_they_hold(api: ApiClient) -> None:
    for path in (INDEXES, f"{SP500}members/?on=2020-01-02", f"{SP500}changes/?limit=5"):
        tag = api.get(path)["ETag"]

        assert api.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_parameters_that_are_not_known_are_refused(api: ApiClient) -> None:
    for path in (f"{INDEXES}?limit=1", f"{SP500}members/?at=2020-01-02", f"{SP500}changes/?shape=columns"):
        assert_problem(api.get(path), 400, "validation-error")
