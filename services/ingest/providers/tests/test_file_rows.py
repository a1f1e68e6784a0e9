"""Every bad row of an import file is listed where it stands, whatever the bytes are, and good ones are read exactly."""

import json
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.ingest.providers.domain import Bar, ImportRejected, SplitAction
from services.ingest.providers.files.reading import FileReport, read_file
from services.ingest.providers.precision import YAHOO
from services.ingest.providers.rows import BadRow
from services.ingest.providers.split_adjusted import bar_as_traded
from services.ingest.sessions.domain import session_times, sessions_between
from shared.errors import BellwetherError

NOW = datetime(2020, 12, 31, 23, tzinfo=UTC)
HEADER = "date,open,high,low,close,volume"
SESSIONS = sessions_between(date(2018, 1, 1), date(2020, 12, 31))


def read(data: str | bytes, **options: Any) -> FileReport:
    content = data.encode() if isinstance(data, str) else data
    return read_file(content, **{"symbol": "AAPL", "now": NOW, **options})


def reasons(report: FileReport) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in report.series.rejected]


def test_bad_rows_of_all_kinds_are_listed_in_the_order_of_their_lines() -> None:
    lines = [
        HEADER,
        "2020-08-31,1,1,1,1,1",
        '"2020-09-01,1,1,1,1,1',
        "2020-09-02,1,1,1,1",
        "",
        "2020-09-03,1,1,1,1,1,1",
        "2020-09-04,1,1,1,1\0,1",
        "2020-08-31,1,1,1,1,1",
        f"2020-09-08,1,1,1,1,{'9' * 200_000}",
        "2020-09-09,1,1,1,1,1",
    ]

    report = read("\n".join(lines))

    assert [line for line, _ in reasons(report)] == [3, 4, 6, 7, 8, 9]
    assert reasons(report)[4][1] == "2020-08-31 is already on line 2"
    assert [str(bar.session) for bar in report.series.bars] == ["2020-08-31", "2020-09-09"]
    assert report.missing_sessions == sessions_between(date(2020, 9, 1), date(2020, 9, 8))
    assert report.row_count == 8


def test_records_of_json_are_counted_from_one() -> None:
    good = {"date": "2020-08-31", "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1}
    others = [
        {**good, "more": 1},
        {**good, "Open": 2},
        {**good, "date": "2020-09-01", "close": None},
        [],
        {**good, "close": {}},
    ]

    report = read(json.dumps([good, *others, good]))

    assert report.counted_in == "record"
    assert reasons(report) == [
        (2, "the record has not the same fields as the first one"),
        (3, "the record has not the same fields as the first one"),
        (4, "close '' is not a plain number from 0 to below 10^12"),
        (5, "the record has not the same fields as the first one"),
        (6, "close is neither a text nor a number"),
        (7, "2020-08-31 is already on record 1"),
    ]
    with pytest.raises(ImportRejected, match="the first is record 2"):
        report.accepted(partial=False)


def test_a_file_with_a_bad_row_is_imported_only_in_part_and_only_when_that_is_accepted() -> None:
    report = read(f"{HEADER}\n2020-08-31,1,1,1,1,1\n2020-09-01,1,1,1,1,x\n")

    with pytest.raises(ImportRejected, match="Nothing was imported; line 3: volume 'x'"):
        report.accepted(partial=False)
    assert len(report.accepted(partial=True).bars) == 1
    with pytest.raises(ImportRejected, match="no rows"):
        read(HEADER).accepted(partial=True)


def test_a_split_beside_a_bad_bar_is_not_lost() -> None:
    text = f"{HEADER},split_ratio\n2020-08-28,499,499,499,499,1,1\n2020-08-31,1,0,1,1,1,4\n2020-09-01,1,1,1,1,1,\n"

    series = read(text).accepted(partial=True)

    assert len(series.bars) == 2
    assert series.splits == (SplitAction(ex_date=date(2020, 8, 31), ratio=Decimal(4)),)


@pytest.mark.parametrize("session", [date(2020, 8, 31), date(2020, 11, 27)])  # the second closes at 13:00
def test_a_session_is_taken_half_an_hour_after_its_close_and_not_before(session: date) -> None:
    over_at = session_times(session).close_at + timedelta(minutes=30)
    text = f"{HEADER}\n{session},1,1,1,1,1\n"

    assert read(text, now=over_at).series.rejected == ()
    assert "not over" in reasons(read(text, now=over_at - timedelta(seconds=1)))[0][1]
    assert "in the future" in reasons(read(text, now=over_at - timedelta(days=1)))[0][1]


def test_the_day_is_new_york_s_and_not_utc_s() -> None:
    assert (
        "future"
        in reasons(read(f"{HEADER}\n2020-09-01,1,1,1,1,1\n", now=datetime(2020, 9, 1, 3, tzinfo=UTC)))[0][1]
    )


@pytest.mark.parametrize(
    ("refreshed", "is_final"),
    [("2020-08-31", True), ("2020-08-31 14:43:40", False), ("2020-08-31 16:30:00", True)],
)
def test_an_answer_saved_while_the_exchange_was_open_has_no_final_last_row(
    refreshed: str, is_final: bool
) -> None:
    row = {"1. open": "1", "2. high": "1", "3. low": "1", "4. close": "1", "5. volume": "1"}
    answer = {
        "Meta Data": {"3. Last Refreshed": refreshed},
        "Time Series (Daily)": {"2020-08-31": row, "2020-08-28": row},
    }

    report = read(json.dumps(answer))

    assert (len(report.series.bars), len(report.series.rejected)) == ((2, 0) if is_final else (1, 1))


def test_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(ImportRejected, match="more than 8,388,608 bytes"):
        read(b"[" + b" " * (8 * 2**20))
    with pytest.raises(ImportRejected, match="more than 20,000 lines"):
        read(b"\n" * 20_001)
    with pytest.raises(ImportRejected, match="more than 20,000 records"):
        read(json.dumps([{"a": 1}] * 20_003))


def cents(least: int = 1, most: int = 10**6) -> st.SearchStrategy[list[Decimal]]:
    """Return four prices in cents, ascending."""
    prices = st.lists(st.integers(least, most), min_size=4, max_size=4).map(sorted)
    return prices.map(lambda four: [Decimal(price) / 100 for price in four])


@st.composite
def bars(draw: st.DrawFn) -> list[Bar]:
    """Return bars of sessions in a row."""
    start = draw(st.integers(0, len(SESSIONS) - 8))
    found = []
    for session in SESSIONS[start : start + draw(st.integers(1, 7))]:
        low, first, second, high = draw(cents())
        found.append(
            Bar(
                session=session,
                open=first,
                high=high,
                low=low,
                close=second,
                volume=draw(st.integers(0, 2**60)),
            )
        )
    return found


def as_plain(bar: Bar) -> str:
    return f"{bar.session},{bar.open},{bar.high},{bar.low},{bar.close},{bar.volume}"


def as_nasdaq(bar: Bar) -> str:
    return f'{bar.session:%m/%d/%Y},"${bar.close:,}","{bar.volume:,}","${bar.open:,}","${bar.high:,}","${bar.low:,}"'


def as_yahoo(bar: Bar, ratio: Fraction = Fraction(1)) -> str:
    """Print what Yahoo prints: float32 of the price divided by all later splits, with six decimals."""
    prices = [
        np.float32(float(Fraction(p) / ratio)) for p in (bar.open, bar.high, bar.low, bar.close, bar.close)
    ]
    return f"{bar.session},{','.join(f'{price:.6f}' for price in prices)},{round(bar.volume * ratio)}"


def as_record(bar: Bar) -> dict[str, Any]:
    names = ("open", "high", "low", "close")
    return {
        "date": str(bar.session),
        **{name: float(getattr(bar, name)) for name in names},
        "volume": bar.volume,
    }


WRITERS = {
    "plain": (HEADER, as_plain),
    "alphavantage": (HEADER.replace("date", "timestamp"), as_plain),
    "nasdaq": ("Date,Close/Last,Volume,Open,High,Low", as_nasdaq),
    "yahoo": ("Date,Open,High,Low,Close,Adj Close,Volume", as_yahoo),
    "wiki": (f"{HEADER},ex-dividend,split_ratio", lambda bar: f"{as_plain(bar)},0.0,1.0"),
}


@pytest.mark.parametrize("form", WRITERS)
@settings(max_examples=25, deadline=None)  # pandas loads with the first file
@given(
    written=bars(),
    line_end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
    random=st.randoms(),
)
def test_what_was_written_in_a_form_is_read_back_exactly(
    form: str, written: list[Bar], line_end: str, mark: str, random: Any
) -> None:
    header, write = WRITERS[form]
    lines = [write(bar) for bar in written]
    random.shuffle(lines)

    report = read(mark + line_end.join([header, *lines]), splits=())

    assert (report.form, report.series.rejected) == (form, ())
    assert report.series.bars == tuple(written)


@settings(max_examples=25, deadline=None)
@given(written=bars())
def test_what_was_written_as_json_is_read_back_exactly(written: list[Bar]) -> None:
    assert read(json.dumps([as_record(bar) for bar in written])).series.bars == tuple(written)


@given(
    prices=cents(least=100),
    ratio=st.sampled_from(
        [Fraction(r) for r in ("4", "7", "28", "3/2", "21/20", "1/8", "1/15", "523/500", "20")]
    ),
    volume=st.integers(0, 10**10),
)
@example(prices=[Decimal("499.23")] * 4, ratio=Fraction(4), volume=46907479)
def test_cents_that_were_traded_are_found_again_or_the_row_is_refused(
    prices: list[Decimal], ratio: Fraction, volume: int
) -> None:
    low, first, second, high = prices
    traded = Bar(session=date(2020, 8, 28), open=first, high=high, low=low, close=second, volume=volume)
    texts = as_yahoo(traded, ratio).split(",")
    printed = Bar(
        session=traded.session,
        open=Decimal(texts[1]),
        high=Decimal(texts[2]),
        low=Decimal(texts[3]),
        close=Decimal(texts[4]),
        volume=int(texts[6]),
    )

    try:
        found = bar_as_traded(printed, ratio, YAHOO)
    except BadRow as error:
        assert "not certain to the cent" in str(error)
        assert high > 1000
    else:
        assert (found.open, found.high, found.low, found.close) == (first, high, low, second)
        assert abs(found.volume - volume) <= 1 + volume // 10**9 or ratio < 1


def test_a_ratio_that_is_cut_short_counts_as_the_one_that_is_meant() -> None:
    text = "Date,Open,High,Low,Close,Adj Close,Volume\n2020-08-28,300,303,297,301.5,1,10000000\n"

    (bar,) = read(
        text, splits=[SplitAction(ex_date=date(2020, 8, 31), ratio=Decimal("0.333333"))]
    ).series.bars

    assert (bar.high, bar.close, bar.volume) == (Decimal(101), Decimal("100.5"), 30_000_000)


@pytest.mark.parametrize(
    ("price", "volume", "ratio", "reason"),
    [
        ("900000000000", 1, "4", "open '3600000000000.00"),
        ("1", 9 * 10**18, "0.1", "volume '90000000000000000000'"),
        ("0.001", 1, "0.0001", "open must be above zero"),
        ("900.5", 1, "9999", "not certain to the cent"),
    ],
)
def test_what_cannot_be_stored_once_it_is_rebuilt_is_a_bad_row(
    price: str, volume: int, ratio: str, reason: str
) -> None:
    text = f"Date,Close/Last,Volume,Open,High,Low\n08/28/2020,{price},{volume},{price},{price},{price}\n"

    report = read(text, splits=[SplitAction(ex_date=date(2020, 8, 31), ratio=Decimal(ratio))])

    assert [(line, reason in given) for line, given in reasons(report)] == [(2, True)]


@settings(deadline=None)  # the first file takes the seconds that pandas needs to load
@given(
    st.binary(max_size=300),
    st.integers(0, 300),
    st.sampled_from(["cut", "put"]),
    st.sampled_from([*WRITERS, "json", "answer"]),
)
@example(b"\x00", 60, "put", "nasdaq")
@example(b'"', 60, "put", "yahoo")
@example(b"\xef\xbb\xbf{", 0, "put", "plain")
@example(b'"\\ud800"', 9, "cut", "json")
def test_damaged_bytes_give_a_report_or_a_refusal_and_never_anything_else(
    noise: bytes, at: int, how: str, form: str
) -> None:
    bar = Bar(
        session=date(2020, 8, 31),
        open=Decimal(2),
        high=Decimal(3),
        low=Decimal(1),
        close=Decimal(2),
        volume=9,
    )
    whole = {
        **{name: f"{header}\n{write(bar)}\n".encode() for name, (header, write) in WRITERS.items()},
        "json": json.dumps([as_record(bar)]).encode(),
        "answer": json.dumps({"Time Series (Daily)": {"2020-08-31": {"1. open": "1"}}}).encode(),
    }[form]
    damaged = whole[:at] + noise + (whole[at + len(noise) :] if how == "cut" else whole[at:])

    for data in (noise, damaged):
        try:
            report = read(data, splits=())
        except BellwetherError as refusal:
            assert json.dumps(refusal.as_problem()).isascii()
        else:
            assert len(report.series.bars) + len(report.series.rejected) <= report.row_count
            assert all(row.text.isascii() for row in report.series.rejected)


def test_six_thousand_rows_are_read_at_once() -> None:
    sessions = sessions_between(date(1997, 1, 1), date(2020, 12, 30))[:6_000]
    data = "\n".join(
        [HEADER, *(f"{session},100.25,101.5,99.75,100,123456789" for session in sessions)]
    ).encode()
    read(data)

    started = time.process_time()
    report = read(data)

    assert len(report.series.bars) == 6_000
    assert time.process_time() - started < 1.0  # about 0.2 s; one of many seconds would be quadratic


def test_prices_are_read_without_pandas_until_a_file_is_imported() -> None:
    program = (
        "import sys\n"
        "import services.ingest.providers.registry, services.ingest.providers.files.reading\n"
        "from services.ingest.providers.registry import remote_provider\n"
        "remote_provider('tiingo'), remote_provider('yfinance')\n"
        "assert not {'pandas', 'yfinance'} & set(sys.modules)\n"
    )
    checkout = Path(__file__).resolve().parents[4]

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=checkout, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
