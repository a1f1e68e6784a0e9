"""Dividends and splits of Alpha Vantage are read whole, the declared ones of the future too."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.ingest.providers.alphavantage import AlphaVantage
from services.ingest.providers.alphavantage.actions import dividends_of, splits_of
from services.ingest.providers.calls import SeriesRequest
from services.ingest.providers.domain import DailySeries, DividendAction, SplitAction
from services.ingest.providers.faults import BadProviderData

NOW = datetime(2020, 9, 1, 22, tzinfo=UTC)


def answer(*rows: Any, symbol: str = "AAPL") -> bytes:
    return json.dumps({"symbol": symbol, "data": rows}).encode()


def paid(day: str, amount: str, **others: str) -> dict[str, str]:
    dates = {"declaration_date": "None", "record_date": "None", "payment_date": "None"}
    return {"ex_dividend_date": day, **dates, "amount": amount, **others}


def split(day: str, factor: str) -> dict[str, str]:
    return {"effective_date": day, "split_factor": factor}


def dividends(*rows: Any) -> list[tuple[str, str]]:
    found = dividends_of(answer(*rows), symbol="AAPL").found
    return [(str(item.ex_date), str(item.amount)) for item in found]


def splits(*rows: Any) -> list[tuple[str, str]]:
    found = splits_of(answer(*rows), symbol="AAPL").found
    return [(str(item.ex_date), str(item.ratio)) for item in found]


def test_dividends_are_ascending_and_dates_that_are_none_do_not_matter() -> None:
    assert dividends(paid("2020-08-07", "0.82", payment_date="2020-08-13"), paid("1999-02-08", "0.22")) == [
        ("1999-02-08", "0.22"),
        ("2020-08-07", "0.82"),
    ]


def test_a_declared_dividend_of_the_future_is_kept_with_its_day() -> None:
    assert dividends(paid("2030-11-08", "0.205")) == [("2030-11-08", "0.205")]


def test_a_dividend_without_a_day_or_of_before_the_calendar_is_passed_over() -> None:
    assert dividends(paid("None", "1.40"), paid("1987-05-11", "0.12"), paid("2020-08-07", "0.82")) == [
        ("2020-08-07", "0.82")
    ]


def test_a_regular_and_a_special_dividend_on_one_day_are_one_sum() -> None:
    # Microsoft's 3.00 and 0.08, both ex on 2004-11-15.
    assert dividends(paid("2004-11-15", "3.00"), paid("2004-11-15", "0.08")) == [("2004-11-15", "3.08")]


def test_splits_are_ascending_as_stated() -> None:
    assert splits(split("2020-08-31", "4.0000"), split("2014-06-09", "7.00000700001")) == [
        ("2014-06-09", "7.000007"),
        ("2020-08-31", "4.0000"),
    ]


def test_a_spin_off_and_a_reverse_split_are_kept_and_a_ratio_of_one_is_none() -> None:
    assert splits(
        split("2021-11-04", "1.0460"), split("2021-08-02", "0.1250"), split("2020-08-31", "1.0")
    ) == [
        ("2021-08-02", "0.1250"),
        ("2021-11-04", "1.0460"),
    ]


def test_an_empty_answer_says_that_there_are_none() -> None:
    assert dividends() == []
    assert splits() == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (paid("2020-08-08", "0.82"), "not a trading session"),
        (paid("08/07/2020", "0.82"), "not of the form"),
        (paid("2020-08-07", "None"), "not a plain number"),
        (paid("2020-08-07", "0"), "above zero"),
        (paid("2020-08-07", "-0.82"), "not a plain number"),
        (paid("2020-08-07", "0.82000000x"), "not a plain number"),
        (paid("2020-08-07", "1000001"), "above 1000000"),
        ({"ex_dividend_date": "2020-08-07"}, "amount missing"),
        ({"amount": "0.82"}, "ex_dividend_date missing"),
        ({"ex_dividend_date": None, "amount": "0.82"}, "texts"),
        ("gone", "texts"),
        (paid("2019-11-07", "0.77"), "the same row again"),
    ],
)
def test_a_dividend_that_cannot_be_true_is_set_aside(row: Any, reason: str) -> None:
    good = [paid(f"{year}-11-07", "0.77") for year in (2002, 2003, 2005, 2006, 2007, 2008, 2011, 2012, 2013)]
    good += [paid(f"{year}-08-07", "0.77") for year in (2001, 2002, 2003, 2006, 2007, 2008, 2009, 2012, 2013)]
    good += [paid("2019-11-07", "0.77"), paid("2018-11-07", "0.77")]

    read = dividends_of(answer(*good, row), symbol="AAPL")

    assert len(read.found) == len(good) == 20
    assert [(row.line, reason in row.reason) for row in read.rejected] == [(22, True)]


def test_too_many_bad_rows_refuse_the_answer() -> None:
    with pytest.raises(BadProviderData, match="1 of 2 rows"):
        dividends(paid("2020-08-07", "0.82"), paid("2020-08-08", "0.82"))
    with pytest.raises(BadProviderData, match="2020-08-31 has a split already"):
        splits(split("2020-08-31", "4"), split("2020-08-31", "2"))
    with pytest.raises(BadProviderData, match="above zero"):
        splits(split("2020-08-31", "0.0000"))


@pytest.mark.parametrize(
    "content",
    [b"{}", b"[]", b'{"symbol": "AAPL"}', b'{"symbol": "AAPL", "data": {}}', b'{"data": []}', b"x", b""],
)
def test_what_is_no_list_of_the_symbol_is_refused(content: bytes) -> None:
    for read in (dividends_of, splits_of):
        with pytest.raises(BadProviderData):
            read(content, symbol="AAPL")


def test_an_answer_about_another_symbol_is_refused() -> None:
    with pytest.raises(BadProviderData, match="AAPL was asked for"):
        dividends_of(answer(symbol="IBM"), symbol="AAPL")
    assert dividends_of(answer(symbol="brk-b"), symbol="BRK.B").found == ()


PRICES = {
    "1. open": "132.76",
    "2. high": "134.8",
    "3. low": "130.53",
    "4. close": "134.18",
    "5. volume": "152470100",
}


def series(*, dividends: bytes, splits: bytes, **values: Any) -> DailySeries:
    told = {"2. Symbol": "AAPL", "3. Last Refreshed": "2020-09-01"}
    rows = {"2020-09-01": PRICES, "2020-08-28": PRICES}
    daily = json.dumps({"Meta Data": told, "Time Series (Daily)": rows}).encode()
    whole: dict[str, Any] = {"start": None, "end": None, "with_actions": True, **values}
    return AlphaVantage().read_series(
        SeriesRequest(symbol="AAPL", **whole),
        {"daily": daily, "dividends": dividends, "splits": splits},
        now=NOW,
    )


PAID = answer(paid("2012-08-09", "2.65"), paid("2020-08-31", "0.205"), paid("2030-11-08", "0.3"))
SPLIT = answer(split("2014-06-09", "7.0"), split("2020-08-31", "4.0"))


def ex_dates(actions: tuple[DividendAction, ...] | tuple[SplitAction, ...] | None) -> list[int]:
    return [item.ex_date.year for item in actions or ()]


def test_actions_apart_join_the_bars_from_the_oldest_session_on() -> None:
    told = series(dividends=PAID, splits=SPLIT)

    assert ex_dates(told.dividends) == [2020, 2030]
    assert told.splits == (SplitAction(ex_date=date(2020, 8, 31), ratio=Decimal("4.0")),)


def test_actions_reach_back_as_far_as_stored_sessions_do() -> None:
    told = series(dividends=PAID, splits=SPLIT, held_from=date(2013, 1, 2), held_to=date(2020, 8, 27))

    assert ex_dates(told.splits) == [2014, 2020]
    assert ex_dates(told.dividends) == [2020, 2030]


def test_an_asked_range_cuts_the_actions_too() -> None:
    told = series(
        dividends=PAID,
        splits=SPLIT,
        start=date(2020, 9, 1),
        end=date(2020, 9, 30),
        held_from=date(2013, 1, 2),
    )

    assert (told.dividends, told.splits) == ((), ())


def test_rejected_rows_of_all_answers_are_told() -> None:
    good = [paid(f"{year}-11-07", "0.77") for year in (2002, 2003, 2005, 2006, 2007, 2008, 2011, 2012, 2013)]
    good += [paid(f"{year}-08-07", "0.77") for year in (2001, 2002, 2003, 2006, 2007, 2008, 2009, 2012, 2013)]
    good += [paid("2019-11-07", "0.77"), paid("2018-11-07", "0.77")]

    told = series(dividends=answer(*good, "gone"), splits=SPLIT)

    assert [row.text for row in told.rejected] == ["gone"]
