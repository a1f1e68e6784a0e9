"""Bars as the API shows them: true to the digit, to the basis and to the version."""

import csv
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

import services.ingest.providers
from services.ingest.fetches.services import import_series
from services.ingest.providers.csv_import import parse_csv
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem

BARS = "/api/v1/bars/"
BUNDLED = Path(services.ingest.providers.__file__).parent / "bundled"


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


@pytest.fixture
def fetched(api: ApiClient) -> ApiClient:
    for symbol in ("FB", "AAPL"):
        api.send("/api/v1/fetches/", symbol=symbol)
    drain_everything(("ingest",))
    return api


def store(text: str) -> None:
    series = parse_csv(text.encode(), "TEST", today=date(2020, 1, 1))
    import_series(fetch_id=uuid4(), series=series, now=timezone.now())


def test_raw_bars_are_the_digits_of_the_source(fetched: ApiClient) -> None:
    with (BUNDLED / "FB.csv").open(newline="") as source:
        rows = [{name.lower(): value for name, value in row.items()} for row in csv.DictReader(source)]

    shown = fetched.show(BARS, symbol="FB", limit=10_000)

    assert (shown["basis"], shown["version"], shown["next"]) == ("raw", 1, None)
    assert len(shown["results"]) == len(rows) > 1000
    for bar, row in zip(shown["results"], rows, strict=True):
        assert bar["session"] == row["date"]
        assert bar["volume"] == int(row["volume"])
        for name in ("open", "high", "low", "close"):
            assert Decimal(bar[name]) == Decimal(row[name])
            assert bar[name] == bar[name].rstrip("0").rstrip(".") or "." not in bar[name]


def test_a_raw_volume_keeps_digits_that_a_float_has_not(api: ApiClient, cause: UUID) -> None:
    store(f"date,open,high,low,close,volume\n2019-01-02,40,44,40,42,{2**53 + 1}\n")

    assert api.show(BARS, symbol="TEST")["results"][0]["volume"] == 2**53 + 1
    assert api.show(BARS, symbol="TEST", shape="columns")["results"]["volume"] == [2**53 + 1]


def test_the_seven_for_one_split_of_apple_divides_earlier_prices(fetched: ApiClient) -> None:
    def bar(basis: str, session: str) -> dict[str, Any]:
        [found] = fetched.show(BARS, symbol="AAPL", basis=basis, start=session, end=session)["results"]
        return dict(found)

    before, on = "2014-06-06", "2014-06-09"

    assert bar("raw", before)["close"] == "645.57"
    assert bar("split", before)["close"] == "92.2242857143"
    assert bar("split", before)["volume"] == 7 * bar("raw", before)["volume"]
    assert bar("raw", on)["close"] == bar("split", on)["close"] == "93.7"
    assert (bar("raw", on)["split_ratio"], bar("split", on)["split_ratio"]) == ("7", "1")
    assert 80 < float(bar("total_return", before)["close"]) < 92


def test_a_price_does_not_depend_on_the_range_it_is_asked_in(fetched: ApiClient) -> None:
    whole = fetched.show(BARS, symbol="AAPL", basis="total_return", limit=10_000)["results"]
    part = fetched.show(BARS, symbol="AAPL", basis="total_return", start="2013-02-02", end="2013-03-03")[
        "results"
    ]

    assert part == [bar for bar in whole if "2013-02-02" <= bar["session"] <= "2013-03-03"]
    assert len(part) == 19


def test_pages_join_to_the_whole_and_lead_back(fetched: ApiClient) -> None:
    asked = {"symbol": "FB", "start": "2013-01-02", "end": "2014-12-31"}
    whole = fetched.show(BARS, **asked)
    pages = [fetched.show(BARS, **asked, limit=200)]
    while pages[-1]["next"]:
        pages.append(fetched.show(pages[-1]["next"]))

    assert [bar for page in pages for bar in page["results"]] == whole["results"]
    assert [len(page["results"]) for page in pages[:-1]] == [200, 200]
    assert pages[0]["previous"] is None
    for earlier, later in pairwise(pages):
        assert fetched.show(later["previous"])["results"] == earlier["results"]


def test_an_earlier_version_is_what_was_known_then(api: ApiClient, cause: UUID) -> None:
    store("date,open,high,low,close,volume\n2019-01-02,1,2,1,1.5,10\n2019-01-03,2,3,2,2.5,20\n")
    before = api.show(BARS, symbol="TEST")
    store("date,open,high,low,close,volume\n2019-01-03,2,3,2,2.75,20\n2019-01-04,3,4,3,3.5,30\n")

    now = api.show(BARS, symbol="TEST")
    assert (before["version"], now["version"]) == (1, 2)
    assert [bar["close"] for bar in now["results"]] == ["1.5", "2.75", "3.5"]
    assert api.show(BARS, symbol="TEST", as_of_version=1)["results"] == before["results"]
    problem = assert_problem(api.get(f"{BARS}?symbol=TEST&as_of_version=3"), 404, "unknown-version")
    assert (problem["title"], problem["last_version"]) == ("Unknown version", 2)
    assert problem["detail"] == "TEST has versions 1 to 2, not 3."


def test_the_pages_of_a_list_stay_at_the_version_of_the_first(api: ApiClient, cause: UUID) -> None:
    store("date,open,high,low,close,volume\n2019-01-02,1,2,1,1.5,10\n2019-01-03,2,3,2,2.5,20\n")
    first = api.show(BARS, symbol="TEST", limit=1)
    store("date,open,high,low,close,volume\n2019-01-03,2,3,2,2.75,20\n")

    second = api.show(first["next"])

    assert (second["version"], second["results"][0]["close"]) == (1, "2.5")


def test_a_range_without_sessions_is_an_empty_page(fetched: ApiClient) -> None:
    shown = fetched.show(BARS, symbol="FB", start="1999-01-04", end="1999-12-31")

    assert (shown["results"], shown["next"], shown["previous"]) == ([], None, None)


def test_instruments_are_listed_by_symbol_and_shown_in_any_case(fetched: ApiClient) -> None:
    pages = [fetched.show("/api/v1/instruments/", limit=1)]
    pages.append(fetched.show(pages[0]["next"]))

    assert [row["symbol"] for page in pages for row in page["results"]] == ["AAPL", "FB"]
    assert fetched.show("/api/v1/instruments/fb/") == pages[1]["results"][0]


@pytest.mark.parametrize("basis", ["raw", "split", "total_return"])
def test_columns_hold_the_numbers_of_the_rows(fetched: ApiClient, basis: str) -> None:
    asked = {"symbol": "AAPL", "basis": basis, "start": "2014-01-02", "limit": 150}
    rows, columns = fetched.show(BARS, **asked), fetched.show(BARS, **asked, shape="columns")
    table = columns["results"]

    assert {len(column) for column in table.values()} == {150}
    assert table["session"] == [row["session"] for row in rows["results"]]
    assert table["volume"] == [row["volume"] for row in rows["results"]]
    for name in ("open", "high", "low", "close", "dividend", "split_ratio"):
        assert all(type(value) in (int, float) for value in table[name])
        assert table[name] == [float(row[name]) for row in rows["results"]]
    assert {name: columns[name] for name in ("symbol", "basis", "version")} == {
        name: rows[name] for name in ("symbol", "basis", "version")
    }
    following = fetched.show(columns["next"])["results"]
    assert following["session"][0] == fetched.show(rows["next"])["results"][0]["session"]


def test_a_price_with_more_digits_than_a_float_holds_is_shown_with_all(api: ApiClient, cause: UUID) -> None:
    store("date,open,high,low,close,volume\n2019-01-02,1,900000000000.123456,1,800000000000.654321,7\n")

    [row] = api.show(BARS, symbol="TEST")["results"]
    columns = api.get(f"{BARS}?symbol=TEST&shape=columns").content

    assert (row["high"], row["close"], row["volume"]) == ("900000000000.123456", "800000000000.654321", 7)
    assert b'"high":[900000000000.123456]' in columns


def test_a_range_without_sessions_has_empty_columns(fetched: ApiClient) -> None:
    shown = fetched.show(BARS, symbol="FB", start="1999-01-04", end="1999-12-31", shape="columns")

    assert set(map(len, shown["results"].values())) == {0}
    assert (shown["next"], shown["previous"]) == (None, None)


def test_a_cursor_of_one_symbol_is_none_of_another(fetched: ApiClient) -> None:
    address = fetched.show(BARS, symbol="FB", limit=2)["next"]

    assert_problem(fetched.get(f"{BARS}?symbol=FB&cursor=2013-01-02"), 400, "validation-error")
    assert_problem(fetched.get(address.replace("symbol=FB", "symbol=AAPL")), 400, "validation-error")
    assert_problem(fetched.get(address.replace("limit=2", "limit=2&basis=split")), 400, "validation-error")


def test_instruments_are_found_by_symbol_and_sorted_either_way(fetched: ApiClient) -> None:
    address = "/api/v1/instruments/"

    def symbols(**query: Any) -> list[str]:
        return [row["symbol"] for row in fetched.show(address, **query)["results"]]

    assert symbols(symbol="fb,NOPE") == ["FB"]
    assert (symbols(sort="symbol"), symbols(sort="-symbol")) == (["AAPL", "FB"], ["FB", "AAPL"])
    assert (symbols(sort="updated_at"), symbols(sort="-updated_at")) == (["FB", "AAPL"], ["AAPL", "FB"])
    newest = fetched.show(address, sort="-updated_at", limit=1)
    assert [row["symbol"] for row in fetched.show(newest["next"])["results"]] == ["FB"]
    for query in ("symbol=FB,", "symbol=" + ",".join(f"A{number}" for number in range(51)), "sort=version"):
        assert_problem(fetched.get(f"{address}?{query}"), 400, "validation-error")
