"""The edges of what is read of an import file, each from both of its sides."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.ingest.providers.domain import ImportRejected, SplitsUnclear
from services.ingest.providers.files.reading import FileReport, read_file
from services.ingest.sessions.domain import sessions_between

NOW = datetime(2020, 12, 31, 23, tzinfo=UTC)
HEADER = "date,open,high,low,close,volume"
DAYS = sessions_between(date(2020, 8, 3), date(2020, 8, 31))


def read(data: str | bytes, **options: Any) -> FileReport:
    content = data.encode() if isinstance(data, str) else data
    return read_file(content, **{"symbol": "AAPL", "now": NOW, **options})


def lines(*rows: str) -> str:
    return "\n".join([HEADER, *rows])


def rejected(report: FileReport) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in report.series.rejected]


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(("count", "words"), [(100, "unclear"), (101, "more than 100 columns")])
def test_a_hundred_columns_are_read_and_no_more(as_json: bool, count: int, words: str) -> None:
    names = [f"column{number}" for number in range(count)]
    data = json.dumps([dict.fromkeys(names, "1")]) if as_json else ",".join(names)

    with pytest.raises(Exception) as refused:
        read(data)

    assert words in str(refused.value) or words in type(refused.value).__name__.lower()


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\xd0\xcf\x11\xe0\xa1"])
def test_archives_and_workbooks_are_named_as_what_they_are(start: bytes) -> None:
    with pytest.raises(ImportRejected, match="an archive or an Excel workbook"):
        read(start + lines().encode())


def test_a_carriage_return_inside_a_line_is_named() -> None:
    ((line, reason),) = rejected(read(lines("2020-08-03,1,1,1,1,1\r", "2020-08-04,1,1,1,1,1\r2020-08-05")))

    assert (line, reason) == (3, "a carriage return stands inside the line; save the file with newlines")


@pytest.mark.parametrize(("year", "meant"), [("69", "2069"), ("70", "1970"), ("99", "1999")])
def test_two_digits_of_a_year_mean_the_years_from_1970_on(year: str, meant: str) -> None:
    report = read(lines(f"8/31/{year},1,1,1,1,1"))

    assert meant in str([*report.series.bars, *report.series.rejected])


def test_a_split_of_zero_is_none_only_where_one_stands_beside_every_session() -> None:
    report = read(f"{HEADER},split_ratio\n2020-08-03,1,1,1,1,1,0\n")

    assert rejected(report) == [(2, "split_ratio must be above zero")]


def test_commas_are_no_decimal_points() -> None:
    report = read(f'{HEADER}\n2020-08-03,"1,23","1,23","1,23","1,23",1\n')

    assert [line for line, _ in rejected(report)] == [2]


def test_a_weekly_file_is_refused_with_all_its_bad_rows_in_their_order() -> None:
    weekly = [f"{day},1,1,1,1,1" for day in DAYS[::5]]

    with pytest.raises(ImportRejected) as refused:
        read(lines(*weekly, "8/9/20,1,1,1,1,1", "2020-08-04,1", "soon,1,1,1,1,1"))

    assert [row.line for row in refused.value.rejected] == [1, 7, 8, 9]
    assert "no daily prices" in refused.value.rejected[0].reason


def test_every_second_session_is_no_daily_file_but_a_bad_row_in_between_is_one() -> None:
    with pytest.raises(ImportRejected, match="no daily prices"):
        read(lines(*(f"{day},1,1,1,1,1" for day in DAYS[:6:2])))

    rows = [f"{day},1,1,1,1,{'x' if number % 2 else 1}" for number, day in enumerate(DAYS[:5])]
    assert [line for line, _ in rejected(read(lines(*rows)))] == [3, 5]


def test_a_file_that_shows_its_splits_is_fresh_for_seven_days() -> None:
    text = (
        "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits\n"
        "2020-08-31,127,131,126,129,1,225702700,0.0,4.0\n"
    )

    assert len(read(text, now=datetime(2020, 9, 7, 23, tzinfo=UTC)).series.bars) == 1
    with pytest.raises(SplitsUnclear):
        read(text, now=datetime(2020, 9, 8, 1, tzinfo=UTC))
