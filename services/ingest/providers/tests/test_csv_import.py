"""A file nobody has checked gives a true series or the list of its bad rows, and never another exception."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.providers.csv_import import parse_csv
from services.ingest.providers.domain import Bar, DailySeries, DividendAction, ImportRejected, SplitAction
from services.ingest.providers.files import table
from services.ingest.sessions.domain import sessions_between

TODAY = date(2020, 12, 31)
HEADER = "date,open,high,low,close,volume"
GOOD = "2020-08-31,127.58,131,126,129.04,225702700"
NEXT = "2020-09-01,132.76,134.8,130.53,134.18,152470100"


def parse(*lines: str) -> DailySeries:
    return parse_csv("\n".join(lines).encode(), "aapl", today=TODAY)


def reasons(*lines: str) -> list[tuple[int, str]]:
    with pytest.raises(ImportRejected) as refused:
        parse(*lines)
    return [(row.line, row.reason) for row in refused.value.rejected]


def test_rows_in_any_order_become_ascending_bars() -> None:
    series = parse(HEADER, NEXT, GOOD, "")

    assert series.symbol == "AAPL"
    assert [bar.session.isoformat() for bar in series.bars] == ["2020-08-31", "2020-09-01"]
    assert series.bars[0] == Bar(
        session=date(2020, 8, 31),
        open=Decimal("127.58"),
        high=Decimal(131),
        low=Decimal(126),
        close=Decimal("129.04"),
        volume=225702700,
    )


def test_a_file_without_action_columns_says_nothing_about_actions() -> None:
    series = parse(HEADER, GOOD)

    assert (series.splits, series.dividends) == (None, None)


def test_action_columns_with_nothing_in_them_say_there_are_none() -> None:
    series = parse(f"{HEADER},dividend,split_ratio", f"{GOOD},0,1", f"{NEXT},0.0000,1.0")

    assert (series.splits, series.dividends) == ((), ())


def test_actions_are_read_beside_the_bars() -> None:
    series = parse(f"{HEADER},dividend,split_ratio", f"{NEXT},0.205,1", f"{GOOD},0,4")

    assert series.splits == (SplitAction(ex_date=date(2020, 8, 31), ratio=Decimal(4)),)
    assert series.dividends == (DividendAction(ex_date=date(2020, 9, 1), amount=Decimal("0.205")),)


def test_byte_order_mark_crlf_upper_case_timestamp_and_adjusted_columns_are_accepted() -> None:
    text = f"\ufeffTIMESTAMP,Open,HIGH,low,close,Volume,Adj_Close\r\n{GOOD},31.5\r\n\r\n"

    assert parse_csv(text.encode(), "AAPL", today=TODAY).bars == parse(HEADER, GOOD).bars


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2020-9-1,1,1,1,1,1", "not of the form"),
        ("09/01/2020,1,1,1,1,1", "not of the form"),
        ("２０２０-09-01,1,1,1,1,1", "not of the form"),
        ("2020-02-30,1,1,1,1,1", "does not exist"),
        ("2020-09-07,1,1,1,1,1", "not a trading session"),
        ("2020-09-05,1,1,1,1,1", "not a trading session"),
        ("2021-01-04,1,1,1,1,1", "in the future"),
        ("1989-12-29,1,1,1,1,1", "outside the calendar"),
        ("2036-01-02,1,1,1,1,1", "outside the calendar"),
        ("2020-09-01,0,1,1,1,1", "open must be above zero"),
        ("2020-09-01,-1,1,1,1,1", "open '-1' is not a plain number"),
        ("2020-09-01,1,1e0,1,1,1", "high '1e0' is not a plain number"),
        ("2020-09-01,1,1,NaN,1,1", "low 'NaN'"),
        ("2020-09-01,1,1,1,Infinity,1", "close 'Infinity'"),
        ("2020-09-01,1,1,1,.5,1", "close '.5'"),
        ("2020-09-01,1,1,1,,1", "close ''"),
        ("2020-09-01,1,1 ,1,1,1", "high '1 '"),
        ("2020-09-01,1,1,1,$1,1", "close '$1'"),
        ("2020-09-01,1.0000001,2,1,1,1", "more than 6 decimals"),
        ("2020-09-01,1,1000000000000,1,1,1", "below 10^12"),
        ("2020-09-01,3,2,1,1,1", "do not lie between low 1 and high 2"),
        ("2020-09-01,1,2,1,0.5,1", "do not lie between"),
        ("2020-09-01,1,1,1,1,-1", "volume '-1'"),
        ("2020-09-01,1,1,1,1,1.5", "volume '1.5'"),
        ("2020-09-01,1,1,1,1,9223372036854775808", "volume '9223372036854775808'"),
        ("2020-09-01,1,1,1,1," + "9" * 5000, "volume '999"),
        ("2020-09-01,1,1,1,1", "5 fields where the header has 6"),
        ("2020-09-01,1,1,1,1,1,1", "7 fields where the header has 6"),
        ('"2020-09-01,1,1,1,1,1', "fields cannot be read"),
        ("2020-09-01,1,1,1,1\0,1", "close '1\\x00'"),
        ("2020-08-31,1,1,1,1,1", "already on line 2"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_reason(row: str, reason: str) -> None:
    ((line, given_reason),) = reasons(HEADER, GOOD, row)

    assert line == 3
    assert reason in given_reason


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "has no comma"),
        ("date,x", "lacks open, high, low, close, volume"),
        ("date,open,high,low,close", "lacks volume"),
        (f"{HEADER},vwap", "unknown column 'vwap'"),
        (f"{HEADER},Volume", "twice"),
        (f"{HEADER},timestamp", "twice"),
        ("date;open;high;low;close;volume", "separated by commas"),
    ],
)
def test_a_wrong_header_is_refused(header: str, reason: str) -> None:
    ((line, given_reason),) = reasons(header, GOOD)

    assert line == 1
    assert reason in given_reason


def test_a_negative_dividend_or_a_split_of_zero_is_a_bad_row() -> None:
    rejected = reasons(f"{HEADER},dividend,split_ratio", f"{GOOD},-0.1,1", f"{NEXT},0,0")

    assert rejected == [
        (2, "dividend '-0.1' is not a plain number from 0 to below 10^12"),
        (3, "split_ratio must be above zero"),
    ]


def test_a_dividend_or_split_beyond_a_million_is_a_bad_row() -> None:
    columns = f"{HEADER},dividend,split_ratio"

    assert reasons(columns, f"{GOOD},1000001,1", f"{NEXT},0,10000000000") == [
        (2, "dividend 1000001 is above 1000000"),
        (3, "split_ratio 10000000000 is above 1000000"),
    ]


def test_every_bad_row_is_listed_and_the_error_carries_them() -> None:
    with pytest.raises(ImportRejected) as refused:
        parse(HEADER, "x,1,1,1,1,1", GOOD, "2020-09-01,2,1,1,1,\u202e")

    problem = refused.value.as_problem()
    assert (problem["status"], problem["type"], problem["total_errors"]) == (
        400,
        "/problems/import-rejected",
        2,
    )
    assert [error["line"] for error in problem["errors"]] == [2, 4]
    assert problem["errors"][1]["text"] == "2020-09-01,2,1,1,1,\\u202e"


def test_the_list_ends_at_a_thousand_but_the_total_counts_all() -> None:
    with pytest.raises(ImportRejected) as refused:
        parse(HEADER, *["bad"] * 1_500)

    assert (len(refused.value.rejected), refused.value.total) == (1_000, 1_500)
    assert len(refused.value.as_problem()["errors"]) == 1_000


def test_a_file_without_rows_is_refused() -> None:
    assert reasons(HEADER, "", "") == [(1, "the file has no rows")]


def test_too_many_bytes_or_lines_are_refused_before_reading() -> None:
    with pytest.raises(ImportRejected, match="more than 8,388,608 bytes"):
        parse_csv(b"1" * (8 * 2**20 + 1), "AAPL", today=TODAY)
    with pytest.raises(ImportRejected, match="more than 20,000 lines"):
        parse_csv(b"\n" * 20_001, "AAPL", today=TODAY)


def test_bytes_that_are_no_utf8_are_refused_with_their_line() -> None:
    with pytest.raises(ImportRejected) as refused:
        parse_csv(f"{HEADER}\n{GOOD}\n".encode() + b"\xff", "AAPL", today=TODAY)

    assert refused.value.rejected[0].line == 3
    assert "not UTF-8" in refused.value.rejected[0].reason


@st.composite
def series_lines(draw: st.DrawFn) -> list[str]:
    sessions = draw(
        st.lists(st.sampled_from(sessions_between(date(2020, 1, 1), TODAY)), min_size=1, unique=True)
    )
    cents = st.lists(st.integers(1, 10**8), min_size=4, max_size=4).map(sorted)
    lines = []
    for session in sessions:
        low, first, second, high = (Decimal(value) / 100 for value in draw(cents))
        lines.append(f"{session},{first},{high},{low},{second},{draw(st.integers(0, 2**63 - 1))}")
    return lines


@given(series_lines(), st.sampled_from(["\n", "\r\n"]))
def test_what_was_written_is_read_back(lines: list[str], line_end: str) -> None:
    series = parse_csv(line_end.join([HEADER, *lines]).encode(), "X", today=TODAY)

    read = [f"{b.session},{b.open},{b.high},{b.low},{b.close},{b.volume}" for b in series.bars]
    assert read == sorted(lines)


@given(st.binary(max_size=200), st.integers(0, 200), st.sampled_from(["cut", "put"]))
@example(b"\x00", 60, "put")
@example(b'"', 40, "put")
@example(b"\xe2\x80\xa8", 50, "put")
@example(b"\r", 31, "put")
def test_damaged_files_never_raise_anything_else(noise: bytes, at: int, how: str) -> None:
    whole = f"{HEADER}\n{GOOD}\n{NEXT}\n".encode()
    damaged = whole[:at] + noise + (whole[at + len(noise) :] if how == "cut" else whole[at:])

    for data in (noise, damaged):
        try:
            series = parse_csv(data, "AAPL", today=TODAY)
        except ImportRejected as error:
            assert error.rejected
            assert all(row.text.isascii() and row.reason.isprintable() for row in error.rejected)
        else:
            assert all(bar.low <= bar.open <= bar.high for bar in series.bars)


def test_a_huge_line_is_quoted_in_part_only() -> None:
    with pytest.raises(ImportRejected) as refused:
        parse(HEADER, "9" * 1_000_000)

    assert len(refused.value.rejected[0].text) == 200
    assert "field larger than field limit" in refused.value.rejected[0].reason


def test_the_line_limit_leaves_room_for_the_whole_calendar() -> None:
    whole = len(sessions_between(date(1990, 1, 1), date(2035, 12, 31)))

    assert whole < table.MOST_LINES


def test_quoted_fields_and_empty_actions_are_read_as_any_spreadsheet_writes_them() -> None:
    series = parse(
        '"Date", "Open","High","Low","Close","Volume","Dividend","Split_ratio"',
        '"2020-09-01","1","2","1","2","7","",""',
    )

    assert (series.bars[0].volume, series.splits, series.dividends) == (7, (), ())
