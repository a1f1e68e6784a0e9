"""A series of Alpha Vantage is read exactly or refused, and a session that is not over is not in it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.providers.alphavantage import AlphaVantage
from services.ingest.providers.calls import SeriesRequest
from services.ingest.providers.domain import Bar, DailySeries, DividendAction, SplitAction
from services.ingest.providers.faults import BadProviderData
from services.ingest.providers.tests import simulator_bodies
from services.ingest.providers.tests.simulator import moved
from services.ingest.sessions.domain import sessions_between
from shared.errors import BellwetherError

NOW = datetime(2020, 9, 1, 22, tzinfo=UTC)  # 18:00 in New York
ROW = {
    "1. open": "132.7600",
    "2. high": "134.8000",
    "3. low": "130.5300",
    "4. close": "134.1800",
    "5. volume": "152470100",
}
CSV_HEADER = "timestamp,open,high,low,close,volume"
CSV_ROW = "132.7600,134.8000,130.5300,134.1800,152470100"


def asked(symbol: str = "AAPL", **values: Any) -> SeriesRequest:
    whole: dict[str, Any] = {"start": None, "end": None, "with_actions": False, **values}
    return SeriesRequest(symbol=symbol, **whole)


def body(
    rows: dict[str, Any], *, symbol: str = "AAPL", refreshed: str = "2020-09-01", size: str = "Compact"
) -> bytes:
    meta = {
        "1. Information": "Daily Prices (open, high, low, close) and Volumes",
        "2. Symbol": symbol,
        "3. Last Refreshed": refreshed,
        "4. Output Size": size,
        "5. Time Zone": "US/Eastern",
    }
    return json.dumps({"Meta Data": meta, "Time Series (Daily)": rows}).encode()


def read(content: bytes, *, name: str = "daily", now: datetime = NOW, **values: Any) -> DailySeries:
    return AlphaVantage().read_series(asked(**values), {name: content}, now=now)


def days(series: DailySeries) -> list[str]:
    return [str(bar.session) for bar in series.bars]


def many(count: int = 100, *, until: date = date(2020, 9, 1)) -> dict[str, Any]:
    newest_first = sessions_between(until - timedelta(days=2 * count + 20), until)[-count:][::-1]
    return {str(day): dict(ROW) for day in newest_first}


def csv(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (CSV_HEADER, *lines)).encode()


def test_rows_newest_first_become_ascending_bars() -> None:
    series = read(body({"2020-09-01": ROW, "2020-08-31": ROW}))

    assert series.bars[1] == Bar(
        session=date(2020, 9, 1),
        open=Decimal("132.76"),
        high=Decimal("134.8"),
        low=Decimal("130.53"),
        close=Decimal("134.18"),
        volume=152470100,
    )
    assert days(series) == ["2020-08-31", "2020-09-01"]
    assert (series.symbol, series.provider) == ("AAPL", "alphavantage")
    assert "personal use" in series.attribution
    assert (series.splits, series.dividends) == (None, None)


def test_dates_are_session_dates_and_rows_may_come_in_any_order() -> None:
    assert days(read(body({"2020-08-28": ROW, "2020-09-01": ROW, "2020-08-31": ROW}))) == [
        "2020-08-28",
        "2020-08-31",
        "2020-09-01",
    ]


def test_csv_is_read_like_json() -> None:
    lines = (f"2020-09-01,{CSV_ROW}", f"2020-08-31,{CSV_ROW}", "")

    assert read(csv(*lines)) == read(body({"2020-09-01": ROW, "2020-08-31": ROW}))
    assert read(b"\xef\xbb\xbf" + csv(*lines)) == read(csv(*lines))
    assert read(csv(*lines).replace(b"\r", b"")) == read(csv(*lines))


def test_numbers_of_metadata_are_of_no_meaning() -> None:
    content = body({"2020-09-01": ROW}).replace(b'"2. Symbol"', b'"7. Symbol"')

    assert days(read(content)) == ["2020-09-01"]


def test_json_numbers_are_taken_as_exactly_as_texts() -> None:
    content = body({"2020-09-01": ROW}).replace(b'"134.1800"', b"134.180001").replace(b'"152470100"', b"7")

    (bar,) = read(content).bars
    assert (bar.close, bar.volume) == (Decimal("134.180001"), 7)


@pytest.mark.parametrize("symbol", ["aapl", "AAPL", "Aapl"])
def test_the_symbol_may_be_echoed_in_any_case(symbol: str) -> None:
    assert days(read(body({"2020-09-01": ROW}, symbol=symbol))) == ["2020-09-01"]


@pytest.mark.parametrize("echo", ["BRK-B", "BRK.B", "brk-b"])
@pytest.mark.parametrize("symbol", ["BRK.B", "BRK-B"])
def test_a_class_of_shares_is_one_symbol_in_both_spellings(symbol: str, echo: str) -> None:
    assert days(read(body({"2020-09-01": ROW}, symbol=echo), symbol=symbol)) == ["2020-09-01"]


@pytest.mark.parametrize("echo", ["AAPLW", "", "AAPL.LON"])
def test_an_answer_about_another_symbol_is_refused(echo: str) -> None:
    with pytest.raises(BadProviderData, match="AAPL was asked for"):
        read(body({"2020-09-01": ROW}, symbol=echo))


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b'{"Time Series (Daily)": {}}',
        b'{"Meta Data": {"2. Symbol": "AAPL"}}',
        b'{"Meta Data": {"2. Symbol": "AAPL"}, "Time Series (Daily)": []}',
        b'{"Meta Data": {"2. Symbol": "AAPL"}, "Time Series (5min)": {}}',
        b'{"Meta Data": {"2. Symbol": "AAPL", "3. Symbol": "AAPL"}, "Time Series (Daily)": {}}',
        b"date,open,high,low,close,volume\n",
        b"timestamp,close,high,low,open,volume\n",
        b"timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient\n",
        b"\xff",
        b"timestamp,open,high,low,close,volume\n\x00",
        b"",
    ],
)
def test_what_is_no_such_series_is_refused(content: bytes) -> None:
    with pytest.raises(BadProviderData):
        read(content)


@pytest.mark.parametrize(
    ("day", "changes", "reason"),
    [
        ("2020-08-30", {}, "not a trading session"),
        ("2020-09-02", {}, "in the future"),
        ("01.09.2020", {}, "not of the form"),
        ("2020-02-30", {}, "does not exist"),
        ("1985-01-02", {}, "outside the calendar"),
        ("2020-06-01", {"2. high": "1.0"}, "do not lie between"),
        ("2020-06-01", {"3. low": "133.0"}, "do not lie between"),
        ("2020-06-01", {"4. close": "0.0000"}, "above zero"),
        ("2020-06-01", {"4. close": "-1"}, "not a plain number"),
        ("2020-06-01", {"4. close": "1e2"}, "not a plain number"),
        ("2020-06-01", {"4. close": "None"}, "not a plain number"),
        ("2020-06-01", {"4. close": "134,18"}, "not a plain number"),
        ("2020-06-01", {"4. close": "133.1234567"}, "more than 6 decimals"),
        ("2020-06-01", {"5. volume": "1.5"}, "whole number"),
        ("2020-06-01", {"5. volume": "-1"}, "whole number"),
        ("2020-06-01", {"4. close": None}, "texts"),
        ("2020-06-01", {"4. close": ["1"]}, "texts"),
    ],
)
def test_a_row_that_cannot_be_true_is_set_aside_with_its_reason(
    day: str, changes: dict[str, Any], reason: str
) -> None:
    rows = many(40)
    rows.pop("2020-06-01", None)

    series = read(body({**rows, day: {**ROW, **changes}}))

    assert len(series.bars) == 40 - (day in rows)
    (rejected,) = series.rejected
    assert reason in rejected.reason
    assert rejected.line == len({**rows, day: 0}) + 1
    assert day in rejected.text


def test_a_row_that_lacks_a_field_or_is_no_object_is_set_aside() -> None:
    rows = {**many(40), "2020-06-01": {"1. open": "1"}}
    assert read(body(rows)).rejected[0].reason == "high, low, close, volume missing"

    rows = {**many(40), "2020-06-01": "gone"}
    assert read(body(rows)).rejected[0].reason == "the row does not consist of texts"


@pytest.mark.parametrize(
    "line", ["2020-06-01,1,2", f"2020-06-01,{CSV_ROW},1", '2020-06-01,"1,1,1,1,1', "cut"]
)
def test_a_line_of_csv_that_cannot_be_true_is_set_aside(line: str) -> None:
    series = read(csv(*(f"{day},{CSV_ROW}" for day in many(40)), line))

    assert len(series.bars) == 40
    assert [row.line for row in series.rejected] == [42]


def test_up_to_five_percent_of_bad_rows_are_set_aside_and_more_refuse_the_answer() -> None:
    rows = many(100)
    bad = list(rows)[50:55]
    for day in bad:
        rows[day] = {**ROW, "4. close": "0"}
    assert len(read(body(rows)).rejected) == 5

    rows[list(rows)[60]] = {**ROW, "4. close": "0"}
    with pytest.raises(BadProviderData, match="6 of 100 rows cannot be true"):
        read(body(rows))


def test_a_day_that_stands_twice_refuses_the_answer() -> None:
    twice = body({"2020-09-01": ROW, "2020-08-31": ROW}).replace(b"2020-08-31", b"2020-09-01")
    with pytest.raises(BadProviderData, match="twice"):
        read(twice)

    with pytest.raises(BadProviderData, match="2020-09-01 twice"):
        read(csv(f"2020-09-01,{CSV_ROW}", f"2020-09-01,{CSV_ROW}"))


# New York: the session of 2020-09-01 closes at 16:00, 20:00 UTC.
@pytest.mark.parametrize(
    ("refreshed", "utc_time", "is_final"),
    [
        ("2020-09-01 14:43:40", "18:43", False),
        ("2020-09-01 14:43:40", "22:00", False),  # late, but out of a cache
        ("2020-09-01 16:00:01", "20:29", False),
        ("2020-09-01 16:00:01", "20:30", True),
        ("2020-09-01 19:59:59", "23:59", True),
        ("2020-09-01", "19:59", False),
        ("2020-09-01", "20:00", True),
        ("", "20:29", False),
        ("", "20:30", True),
        ("soon", "20:29", False),
        ("soon", "20:30", True),
        ("2020-09-31 99:00:00", "20:30", True),
    ],
)
def test_the_newest_session_is_left_out_until_it_is_over(
    refreshed: str, utc_time: str, is_final: bool
) -> None:
    now = datetime.fromisoformat(f"2020-09-01T{utc_time}+00:00")

    series = read(body({"2020-09-01": ROW, "2020-08-31": ROW}, refreshed=refreshed), now=now)

    assert days(series) == ["2020-08-31", "2020-09-01"][: 2 if is_final else 1]
    assert series.provisional_session == (None if is_final else date(2020, 9, 1))


def test_an_early_close_is_over_earlier() -> None:
    content = body({"2020-11-27": ROW}, refreshed="2020-11-27 13:20:00")  # closes at 13:00, 18:00 UTC

    assert not read(content, now=datetime(2020, 11, 27, 18, 29, tzinfo=UTC)).bars
    assert read(content, now=datetime(2020, 11, 27, 18, 30, tzinfo=UTC)).bars


def test_without_metadata_the_clock_decides_alone() -> None:
    content = csv(f"2020-09-01,{CSV_ROW}", f"2020-08-31,{CSV_ROW}")

    assert len(read(content, now=datetime(2020, 9, 1, 20, 29, tzinfo=UTC)).bars) == 1
    assert len(read(content, now=datetime(2020, 9, 1, 20, 30, tzinfo=UTC)).bars) == 2


def test_today_is_the_day_in_new_york() -> None:
    content = body({**many(40), "2020-09-02": ROW}, refreshed="2020-09-02")

    assert read(content, now=datetime(2020, 9, 2, 3, tzinfo=UTC)).rejected[0].reason.endswith("in the future")


def test_a_range_cuts_the_series() -> None:
    series = read(body(many(100)), start=date(2020, 8, 28), end=date(2020, 8, 31))

    assert days(series) == ["2020-08-28", "2020-08-31"]


def test_a_short_answer_says_so_where_more_was_wanted() -> None:
    note = ("Alpha Vantage gave the last 100 sessions only",)
    content = body(many(100))
    oldest = min(many(100))

    assert read(content).notes == note
    assert read(content, start=date(2020, 1, 2)).notes == note
    assert read(content, start=date.fromisoformat(oldest)).notes == ()
    assert read(content, held_from=date(2018, 1, 2), held_to=date(2020, 8, 31)).notes == ()
    assert read(content).is_cut_short
    assert read(csv(*(f"{day},{CSV_ROW}" for day in many(100)))).is_cut_short


def test_a_whole_history_is_not_called_short() -> None:
    for content in (body(many(99)), body(many(100), size="Full size"), body(many(101))):
        series = read(content)

        assert (series.notes, series.is_cut_short) == ((), False)


ADJUSTED = "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient"


def test_an_adjusted_series_brings_its_actions_and_prices_as_traded() -> None:
    rows = (
        "2020-09-01,132.76,134.8,130.53,134.18,133.9,152470100,0.0000,1.0",
        "2020-08-31,127.58,131.0,126.0,129.04,128.8,225702700,0.0000,4.0",
        "2020-08-07,452.82,454.7,441.17,444.45,110.8,49453300,0.8200,1.0",
        "2014-06-09,92.7,93.88,91.75,93.7,20.9,75414997,0.0000,7.00000700001",
    )

    series = read("\n".join((ADJUSTED, *rows)).encode(), name="adjusted", with_actions=True)

    assert series.bars[1].close == Decimal("444.45")
    assert series.splits == (
        SplitAction(ex_date=date(2014, 6, 9), ratio=Decimal("7.000007")),
        SplitAction(ex_date=date(2020, 8, 31), ratio=Decimal(4)),
    )
    assert series.dividends == (DividendAction(ex_date=date(2020, 8, 7), amount=Decimal("0.82")),)


@pytest.mark.parametrize("actions", ["-1,1.0", "0.0,0.0", "x,1.0", "0.0,1.0000001x", "0.0,9999999"])
def test_an_adjusted_row_with_an_action_that_cannot_be_true_is_set_aside(actions: str) -> None:
    rows = [f"{day},1,1,1,1,1,1,0.0,1.0" for day in many(40)]

    series = read(
        "\n".join((ADJUSTED, *rows, f"2019-08-30,1,1,1,1,1,1,{actions}")).encode(),
        name="adjusted",
        with_actions=True,
    )

    assert (len(series.bars), [row.line for row in series.rejected]) == (40, [42])


def test_a_series_needs_an_answer_with_prices() -> None:
    with pytest.raises(BadProviderData, match="no answer with prices"):
        AlphaVantage().read_series(asked(), {}, now=NOW)


@st.composite
def generated(draw: st.DrawFn) -> DailySeries:
    sessions = sessions_between(date(1999, 11, 1), date(2020, 8, 31))
    chosen = draw(st.lists(st.sampled_from(sessions), min_size=1, max_size=30, unique=True).map(sorted))
    price = st.decimals(min_value="0.0001", max_value="99999", places=draw(st.sampled_from([2, 4, 6])))
    positive = price.filter(lambda value: value > 0)
    return DailySeries(
        symbol=draw(st.sampled_from(["AAPL", "BRK-B"])),
        provider="alphavantage",
        attribution=AlphaVantage.attribution,
        bars=tuple(
            _bar(day, draw(st.tuples(*[positive] * 4)), draw(st.integers(0, 10**12))) for day in chosen
        ),
        splits=None,
        dividends=None,
    )


def _bar(day: date, prices: Sequence[Decimal], volume: int) -> Bar:
    low, *between, high = sorted(prices)
    return Bar(session=day, open=between[0], high=high, low=low, close=between[1], volume=volume)


@given(generated(), st.sampled_from(["json", "csv"]))
def test_a_series_that_is_written_is_read_back_exactly(series: DailySeries, datatype: str) -> None:
    params = {"symbol": series.symbol, "outputsize": "full", "datatype": datatype}
    content = simulator_bodies.WRITERS["TIME_SERIES_DAILY"]({series.symbol: series}, {}, params)
    assert content is not None

    assert read(content, symbol=series.symbol) == series


@pytest.mark.parametrize("datatype", ["json", "csv"])
def test_an_adjusted_series_that_is_written_is_read_back_exactly(datatype: str) -> None:
    series = moved("AAPL", until=date(2020, 8, 31), count=1_000)
    params = {"symbol": "AAPL", "outputsize": "full", "datatype": datatype}
    content = simulator_bodies.WRITERS["TIME_SERIES_DAILY_ADJUSTED"]({"AAPL": series}, {}, params)
    assert content is not None

    told = read(content, name="adjusted", with_actions=True)

    ours = {"provider": "alphavantage", "attribution": AlphaVantage.attribution}
    assert told == replace(series, **ours)  # type: ignore[arg-type]
    assert len(series.splits or ()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=100).map(lambda tail: f"{CSV_HEADER}\n".encode() + tail),
        st.dictionaries(st.sampled_from([*many(5), "x", ""]), JSON).map(body),
        st.dictionaries(
            st.sampled_from([*many(5)]), st.dictionaries(st.sampled_from([*ROW]), st.text("0123456789.-eN"))
        ).map(body),
    ),
    st.sampled_from(["daily", "adjusted", "dividends", "splits"]),
)
def test_any_answer_is_read_or_refused(content: bytes, name: str) -> None:
    bodies = {"daily": body({"2020-09-01": ROW}), name: content}
    try:
        AlphaVantage().read_series(asked(with_actions=True), bodies, now=NOW)
    except BellwetherError:
        pass
