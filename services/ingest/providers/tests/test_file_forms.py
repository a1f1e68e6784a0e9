"""Files of all known forms are read as what they say, however they were saved, and others are not taken for them."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.ingest.providers.domain import (
    Bar,
    DividendAction,
    ImportRejected,
    SplitAction,
    SplitsUnclear,
    SymbolUnclear,
    UnclearForm,
    UnknownForm,
)
from services.ingest.providers.files.reading import FileReport, read_file

NOW = datetime(2020, 12, 31, 23, tzinfo=UTC)
SPLIT = SplitAction(ex_date=date(2020, 8, 31), ratio=Decimal(4))
FRIDAY, MONDAY = (
    Bar(
        session=date(2020, 8, 28),
        open=Decimal("504.05"),
        high=Decimal("505.77"),
        low=Decimal("498.31"),
        close=Decimal("499.23"),
        volume=46907479,
    ),
    Bar(
        session=date(2020, 8, 31),
        open=Decimal("127.58"),
        high=Decimal(131),
        low=Decimal(126),
        close=Decimal("129.04"),
        volume=225702700,
    ),
)

PLAIN = "date,open,high,low,close,volume"
ALPHAVANTAGE = (
    "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\r\n"
    "2020-08-31,127.5800,131.0000,126.0000,129.0400,129.0400,225702700,0.0000,4.0000\r\n"
    "2020-08-28,504.0500,505.7700,498.3100,499.2300,124.8075,46907479,0.0000,1.0000\r\n"
)
NASDAQ = (
    "Date,Close/Last,Volume,Open,High,Low\n"
    '08/31/2020,$129.04,"225,702,700",$127.58,$131.00,$126.00\n'
    '08/28/2020,$124.8075,"187,629,916",$126.0125,$126.4425,$124.5775\n'
)
YAHOO = (
    "Date,Open,High,Low,Close,Adj Close,Volume\n"
    "2020-08-28,126.012497,126.442497,124.577499,124.807503,122.561531,187629916\n"
    "2020-08-31,127.580002,131.000000,126.000000,129.039993,126.717857,225702700\n"
)
WIKI = (
    "ticker,date,open,high,low,close,volume,ex-dividend,split_ratio,adj_open,adj_high,adj_low,adj_close,adj_volume\n"
    "AAPL,2020-08-28,504.05,505.77,498.31,499.23,46907479.0,0.0,1.0,1,1,1,1,1\n"
    "AAPL,2020-08-31,127.58,131.0,126.0,129.04,225702700.0,0.0,4.0,1,1,1,1,1\n"
)
RECORDS = [
    {
        "date": "2020-08-28",
        "open": 504.05,
        "high": 505.77,
        "low": 498.31,
        "close": 499.23,
        "volume": 46907479,
    },
    {"date": "2020-08-31", "open": "127.58", "high": 131, "low": 126.0, "close": 129.04, "volume": 225702700},
]
SERIES = {
    "2020-08-31": {"1. open": "127.58", "2. high": "131", "3. low": "126", "4. close": "129.04", "5. volume": "225702700"},
    "2020-08-28": {"1. open": "504.05", "2. high": "505.77", "3. low": "498.31", "4. close": "499.23", "5. volume": "46907479"},
}  # fmt: skip


def read(text: str, **options: Any) -> FileReport:
    return read_file(text.encode(), **{"symbol": "aapl", "now": NOW, **options})


def alphavantage(series: Any, **meta: str) -> str:
    return json.dumps({"Meta Data": {"2. Symbol": "AAPL", **meta}, "Time Series (Daily)": series})


@pytest.mark.parametrize(
    ("text", "form", "splits"),
    [
        (ALPHAVANTAGE, "alphavantage", (SPLIT,)),
        (alphavantage(SERIES), "alphavantage", None),
        (WIKI, "wiki", (SPLIT,)),
        (json.dumps(RECORDS), "plain", None),
    ],
)
def test_a_form_with_prices_as_traded_is_known_by_its_columns(text: str, form: str, splits: Any) -> None:
    report = read(text)

    assert (report.form, report.row_count, report.missing_sessions) == (form, 2, ())
    assert report.series.bars == (FRIDAY, MONDAY)
    assert (report.series.symbol, report.series.splits, report.series.rejected) == ("AAPL", splits, ())


@pytest.mark.parametrize(("text", "form"), [(NASDAQ, "nasdaq"), (YAHOO, "yahoo")])
def test_prices_that_were_divided_by_splits_are_rebuilt_as_traded(text: str, form: str) -> None:
    report = read(text, splits=[SPLIT])

    assert report.form == form
    assert report.series.bars == (FRIDAY, MONDAY)
    assert report.series.splits == (SPLIT,)
    assert report.series.notes == (
        "prices were divided by later splits and are rebuilt as traded with 2020-08-31 4:1",
    )


@pytest.mark.parametrize("text", [NASDAQ, YAHOO])
def test_prices_that_were_divided_are_refused_until_somebody_says_by_what(text: str) -> None:
    with pytest.raises(SplitsUnclear, match=r"after 2020-08-28: name each \(--split 2020-08-31=4\)"):
        read(text)

    as_traded = read(text, splits=())

    assert as_traded.series.bars[1] == MONDAY
    assert as_traded.series.bars[0].close == Decimal("124.8075")
    assert (as_traded.series.splits, as_traded.series.notes) == (None, ())


def test_a_split_after_the_last_row_counts_too_and_is_no_action_of_the_file() -> None:
    later = SplitAction(ex_date=date(2020, 12, 1), ratio=Decimal(2))

    series = read(YAHOO, splits=[SPLIT, later]).series

    assert [bar.close for bar in series.bars] == [Decimal("998.46"), Decimal("258.08")]
    assert series.splits == (SPLIT,)


def test_a_file_of_yahoo_that_shows_its_splits_is_rebuilt_with_them_while_it_is_fresh() -> None:
    lines = [
        f"{line},0.0,{split}" for line, split in zip(YAHOO.splitlines()[1:], ("0.0", "4.0"), strict=True)
    ]
    text = "\n".join(["Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits", *lines])
    text = text.replace("2020-08-28,", "2020-08-28 00:00:00-04:00,")

    fresh = read(text, now=datetime(2020, 9, 5, tzinfo=UTC))

    assert (fresh.series.bars, fresh.series.splits, fresh.series.dividends) == (
        (FRIDAY, MONDAY),
        (SPLIT,),
        (),
    )
    with pytest.raises(SplitsUnclear, match="after 2020-08-31"):
        read(text)
    assert read(text, splits=()).series.bars == (FRIDAY, MONDAY)
    with pytest.raises(SplitsUnclear, match="two different splits on 2020-08-31"):
        read(text, splits=[SplitAction(ex_date=date(2020, 8, 31), ratio=Decimal(3))])


def test_a_dividend_in_divided_terms_is_returned_as_it_was_paid() -> None:
    text = (
        "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits\n"
        "2020-08-07,113.205002,113.675003,110.292503,111.112503,1,198045600,0.205,0\n"
        "2020-08-10,112.599998,113.775002,110.000000,112.727501,1,212403600,0,0\n"
    )

    series = read(text, splits=[SPLIT]).series

    assert series.dividends == (DividendAction(ex_date=date(2020, 8, 7), amount=Decimal("0.82")),)
    assert series.bars[0].close == Decimal("444.45")
    assert series.bars[0].volume == 49511400


def test_dates_of_a_spreadsheet_and_lost_zeros_are_read() -> None:
    text = (
        "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\r\n"
        "8/31/20,127.58,131,126,129.04,129.04,225702700,0,4\r\n"
        "8/28/20,504.05,505.77,498.31,499.23,124.8,46907479,0,1\r\n"
    )

    assert read(text).series.bars == (FRIDAY, MONDAY)
    assert read(text.replace("/20,", "/2020,")).series.bars == (FRIDAY, MONDAY)


DAY_FIRST, UNCLEAR = "the date has the day first", "nothing shows whether the month or the day is first"


@pytest.mark.parametrize(
    ("dates", "refused"),
    [
        (("28/8/20", "31/8/20"), {2: DAY_FIRST, 3: DAY_FIRST}),
        (("9/8/20", "9/9/20"), {2: UNCLEAR, 3: UNCLEAR}),
        (("09/08/2020", "09/09/2020"), {2: UNCLEAR, 3: UNCLEAR}),
        (("9/8/20", "31/8/20"), {2: UNCLEAR, 3: DAY_FIRST}),
        (("9/8/20", "8/31/20", "31/8/20"), {2: UNCLEAR, 4: DAY_FIRST}),
        (("9/8/20", "8/31/20", "8/32/20"), {4: "date '8/32/20' is not of the form YYYY-MM-DD"}),
        (("2020-09-08", "99/99/20"), {3: "date '99/99/20' is not of the form YYYY-MM-DD"}),
        (("2020-09-08", "0/8/20"), {3: "date '0/8/20' is not of the form YYYY-MM-DD"}),
        (("2020-09-08", "31/8/20"), {3: DAY_FIRST}),
        (("9/8/20", "12/31/20", "12/12/20"), {4: "date 2020-12-12 is not a trading session"}),
        (("9/12/20", "8/13/20"), {2: "date 2020-09-12 is not a trading session"}),
    ],
)
def test_dates_that_may_be_day_first_are_bad_rows_and_hide_no_other_one(
    dates: tuple[str, ...], refused: dict[int, str]
) -> None:
    text = "\n".join([PLAIN, *(f"{day},1,1,1,1,1" for day in dates), "2020-09-09,1,1,1,1,x"])

    rejected = {row.line: row.reason for row in read(text).series.rejected}

    wrong_volume = rejected.pop(len(dates) + 2)
    assert wrong_volume == "volume 'x' is not a whole number of shares"
    assert set(rejected) == set(refused)
    assert all(reason in rejected[line] for line, reason in refused.items())


@pytest.mark.parametrize(
    ("others", "lines"), [((), [3]), (("08/31/2020",), [3]), (("28/08/2020",), [2, 3, 4])]
)
def test_an_odd_date_among_those_of_nasdaq_is_one_bad_row(others: tuple[str, ...], lines: list[int]) -> None:
    dates = ("09/08/2020", "31/12/2020" if others else "13/40/2020", *others)
    rows = [f"{day},$2,3,$2,$2,$2" for day in dates]

    report = read("\n".join(["Date,Close/Last,Volume,Open,High,Low", *rows]), splits=())

    assert [row.line for row in report.series.rejected] == lines


def test_dates_as_nasdaq_writes_them_need_no_proof() -> None:
    report = read("Date,Close/Last,Volume,Open,High,Low\n09/08/2020,$2,3,$2,$2,$2\n", splits=())

    assert report.series.bars[0].session == date(2020, 9, 8)


def test_what_floats_left_behind_is_taken_off_and_a_long_ratio_is_cut() -> None:
    text = (
        "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n"
        "2020-11-25,485.13,486.9,478.91900000000004,485.0,485.0,3598629,0.0,7.00000700001\n"
    )

    series = read(text).series

    assert series.bars[0].low == Decimal("478.919")
    assert series.splits == (SplitAction(ex_date=date(2020, 11, 25), ratio=Decimal("7.000007")),)
    assert "more than 6 decimals" in read(text.replace("00000000004", "00001")).series.rejected[0].reason


@pytest.mark.parametrize("number", ["1,23", "$", "1,234,56", "12,34.5", "$-1", "1$"])
def test_commas_where_they_do_not_belong_make_a_bad_row(number: str) -> None:
    report = read(f'Date,Close/Last,Volume,Open,High,Low\n09/08/2020,"{number}",3,$2,$2,$2\n', splits=())

    assert [row.line for row in report.series.rejected] == [2]


def test_two_forms_that_mean_different_prices_are_told_apart_by_name_only() -> None:
    text = "date,open,high,low,close,adj_close,volume\n2020-08-28,504.05,505.77,498.31,499.23,120,46907479\n"

    with pytest.raises(UnclearForm, match="may be of the forms plain and yahoo") as unclear:
        read(text)

    assert unclear.value.extra["forms"] == ["plain", "yahoo"]
    assert read(text, form="plain").series.bars == (FRIDAY,)
    assert read(text, form="yahoo", splits=()).form == "yahoo"


@pytest.mark.parametrize(
    ("text", "form", "error", "words"),
    [
        (
            PLAIN.replace("volume", "vwap"),
            None,
            UnclearForm,
            "of no known form; known are plain, alphavantage",
        ),
        (PLAIN, "moon", UnknownForm, "no form moon"),
        (PLAIN, "alphavantage", ImportRejected, "no rows"),
        (PLAIN.replace("volume", "vwap"), "plain", ImportRejected, "has volume too"),
        (f"{PLAIN},vwap", "plain", ImportRejected, "has no column 'vwap'"),
        (f"{PLAIN},close/last", "nasdaq", ImportRejected, "twice"),
        (f"{PLAIN},Volume", None, ImportRejected, "twice"),
        ("", None, ImportRejected, "no comma"),
        ('{"Information": "our standard rate for KEY123"}', None, ImportRejected, "no list of records"),
        ('{"Time Series (Daily)": []}', None, ImportRejected, "no list of records"),
        ("[]", None, ImportRejected, "no list of records"),
        ("[1]", None, ImportRejected, "no list of records"),
        ("[" * 10_000, None, ImportRejected, "nested too deeply"),
        ('[{"date": 1, "date": 2}]', None, ImportRejected, "'date' twice"),
        ('[{"open": NaN}]', None, ImportRejected, "NaN"),
        ('[{"open": 1}', None, ImportRejected, "not JSON"),
        (
            alphavantage(SERIES, **{"3. Last Refreshed": "2020-08-31 99:00"}),
            None,
            ImportRejected,
            "is no time",
        ),
    ],
)
def test_a_file_of_no_known_form_is_refused_whole(
    text: str, form: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        read(text, form=form).accepted(partial=True)


def test_a_refusal_of_a_vendor_s_notice_does_not_quote_it() -> None:
    with pytest.raises(ImportRejected) as refused:
        read('{"Information": "We have detected your API key as KEY123"}')

    assert "KEY123" not in json.dumps(refused.value.as_problem())


def test_weekly_prices_are_not_taken_for_daily_ones() -> None:
    fridays = ("2020-08-14", "2020-08-21", "2020-08-28")

    with pytest.raises(ImportRejected, match="no daily prices"):
        read("\n".join(["timestamp,open,high,low,close,volume", *(f"{day},1,1,1,1,1" for day in fridays)]))


@pytest.mark.parametrize(
    ("text", "symbol", "words"),
    [
        (NASDAQ, None, "does not say whose"),
        (WIKI, "MSFT", "AAPL, MSFT"),
        (WIKI.replace("AAPL,2020-08-31", "FB,2020-08-31"), None, "AAPL, FB"),
        (alphavantage(SERIES), "IBM", "AAPL, IBM"),
    ],
)
def test_prices_of_an_unclear_symbol_are_refused(text: str, symbol: str | None, words: str) -> None:
    with pytest.raises(SymbolUnclear, match=words):
        read(text, symbol=symbol, splits=())


def test_the_symbol_may_be_said_by_the_file_alone() -> None:
    assert read(WIKI, symbol=None).series.symbol == "AAPL"
    assert read(alphavantage(SERIES), symbol=None).series.symbol == "AAPL"
