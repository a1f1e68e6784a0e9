"""Tiingo is asked once for all of a series, and only rows that can be true are taken from what it says."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.providers.calls import Access, Call, RawAnswer, Reading, SeriesRequest, Verdict
from services.ingest.providers.domain import DailySeries, DividendAction, SplitAction
from services.ingest.providers.faults import BadProviderData, ProviderUnavailable, UnknownLookup
from services.ingest.providers.tests.simulator import KEY, Simulator, moved
from services.ingest.providers.tests.simulator_faults import Fault
from services.ingest.providers.tiingo import Tiingo

NOW = datetime(2026, 11, 20, 23, tzinfo=UTC)
LAST = date(2026, 11, 20)
TIINGO = Tiingo()
REQUEST = SeriesRequest(symbol="AAPL", start=None, end=None, with_actions=True)


@pytest.fixture(scope="module")
def whole() -> DailySeries:
    return moved("AAPL", until=LAST, count=1_000)


@pytest.fixture
def vendor(whole: DailySeries) -> Iterator[Simulator]:
    with Simulator(whole) as simulator:
        yield simulator


def call_for(**changes: Any) -> Call:
    (call,) = TIINGO.series_calls(replace(REQUEST, **changes), capabilities={})
    return call


def ask(vendor: Simulator, *, key: str = KEY, **changes: Any) -> RawAnswer:
    return TIINGO.send(call_for(**changes), Access(base_url=vendor.tiingo_url, key=key))


def understood(status: int, body: str) -> Reading:
    return TIINGO.understand(call_for(), RawAnswer(status=status, body=body.encode()))


def read(records: Any, *, now: datetime = NOW) -> DailySeries:
    return TIINGO.read_series(REQUEST, {"prices": json.dumps(records).encode()}, now=now)


def record(day: str = "2026-11-19", **changes: Any) -> dict[str, Any]:
    prices = dict.fromkeys(("open", "high", "low", "close", "adjClose"), 100.5)
    return {
        "date": f"{day}T00:00:00.000Z",
        **prices,
        "volume": 39480718,
        "divCash": 0.0,
        "splitFactor": 1.0,
        **changes,
    }


def test_one_call_brings_prices_as_traded_dividends_and_splits(vendor: Simulator, whole: DailySeries) -> None:
    answer = ask(vendor)
    series = TIINGO.read_series(REQUEST, {"prices": answer.body}, now=NOW)

    assert TIINGO.understand(call_for(), answer) == Reading(verdict=Verdict.DATA)
    assert whole.splits and whole.dividends
    assert (series.bars, series.splits, series.dividends) == (whole.bars, whole.splits, whole.dividends)
    assert (series.symbol, series.provider, series.rejected, series.notes) == ("AAPL", "tiingo", (), ())
    assert vendor.asked[0].params == {"startDate": "1990-01-01", "format": "json"}


def test_the_asked_range_and_a_class_of_shares_are_named_as_the_vendor_names_them() -> None:
    call = call_for(symbol="BRK.B", start=date(2026, 1, 2), end=date(2026, 2, 3))

    assert call.path == "/tiingo/daily/BRK-B/prices"
    assert call.params == (("startDate", "2026-01-02"), ("endDate", "2026-02-03"), ("format", "json"))
    assert call.subject == "BRK.B"


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (Fault.HTML_PAGE, Verdict.TRANSPORT),
        (Fault.EMPTY, Verdict.TRANSPORT),
        (Fault.CUT, Verdict.TRANSPORT),
        (Fault.TRAILING_TEXT, Verdict.TRANSPORT),
        (Fault.NOT_UTF8, Verdict.TRANSPORT),
        (Fault.NOTICE_BESIDE, Verdict.TRANSPORT),
        (Fault.DUPLICATE_KEYS, Verdict.BAD_DATA),
        (Fault.NAN, Verdict.BAD_DATA),
        (Fault.DEEP_NESTING, Verdict.BAD_DATA),
        (Fault.BYTE_ORDER_MARK, Verdict.DATA),
        (Fault.HTTP_403, Verdict.BAD_KEY),
        (Fault.HTTP_429, Verdict.BURST),
        (Fault.HTTP_500, Verdict.TRANSPORT),
    ],
)
def test_a_faulty_answer_is_never_taken_for_data(vendor: Simulator, fault: Fault, verdict: Verdict) -> None:
    vendor.next(fault)

    assert TIINGO.understand(call_for(), ask(vendor)).verdict is verdict


@pytest.mark.parametrize("fault", [Fault.REDIRECT, Fault.RESET, Fault.OVERSIZE, Fault.GZIP_BOMB])
def test_no_whole_answer_is_said_without_the_key(vendor: Simulator, fault: Fault) -> None:
    vendor.next(fault)

    with pytest.raises(ProviderUnavailable) as unavailable:
        ask(vendor)
    assert KEY not in str(unavailable.value)


def test_a_refusal_that_echoes_the_key_comes_without_it(vendor: Simulator) -> None:
    vendor.next(Verdict.DAILY_LIMIT)

    answer = ask(vendor)

    assert KEY.encode() not in answer.body
    assert TIINGO.understand(call_for(), answer).verdict is Verdict.DAILY_LIMIT


def test_a_wrong_key_and_an_unknown_symbol_are_told_apart(vendor: Simulator) -> None:
    assert TIINGO.understand(call_for(), ask(vendor, key="wrong")).verdict is Verdict.BAD_KEY
    assert TIINGO.understand(call_for(), ask(vendor, symbol="NOPE")).verdict is Verdict.NOT_FOUND
    assert TIINGO.understand(call_for(), ask(vendor, start=date(2026, 11, 21))).verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (
            429,
            '{"detail":"Error: You have run over your hourly request allocation. Upgrade."}',
            Verdict.MINUTE_LIMIT,
        ),
        (429, '{"detail":"Error: You have run over your daily request allocation."}', Verdict.DAILY_LIMIT),
        (
            200,
            "You have run over your 500 symbol look up for this month. Please upgrade.",
            Verdict.DAILY_LIMIT,
        ),
        (200, "Error: You have run over your hourly request allocation.", Verdict.MINUTE_LIMIT),
        (200, '{"detail":"Error: You have run over your rate."}', Verdict.BURST),
        (200, "Error: Ticker 'XYZ' not found", Verdict.NOT_FOUND),
        (200, '{"detail":"We move our data centre."}', Verdict.UNKNOWN_NOTICE),
        (200, "null", Verdict.UNKNOWN_NOTICE),
        (401, '{"detail":"Please supply a token"}', Verdict.BAD_KEY),
        (403, "<html>blocked by a proxy</html>", Verdict.TRANSPORT),
        (404, " <html>no such host</html>", Verdict.TRANSPORT),
        (400, '{"detail":"Error: startDate"}', Verdict.TRANSPORT),
        (302, "", Verdict.TRANSPORT),
    ],
)
def test_a_refusal_is_known_by_its_status_and_words(status: int, body: str, verdict: Verdict) -> None:
    assert understood(status, body).verdict is verdict


def test_a_session_that_is_not_over_is_left_out_and_named(vendor: Simulator, whole: DailySeries) -> None:
    during = datetime(2026, 11, 20, 20, tzinfo=UTC)
    live = replace(
        whole, dividends=(*(whole.dividends or ()), DividendAction(ex_date=LAST, amount=Decimal(1)))
    )
    vendor.put(live)

    series = TIINGO.read_series(REQUEST, {"prices": ask(vendor).body}, now=during)

    assert (series.bars, series.provisional_session) == (whole.bars[:-1], LAST)
    assert series.dividends == whole.dividends


def test_rows_that_cannot_be_true_are_rejected_up_to_one_in_twenty() -> None:
    good = [
        record(f"2026-10-{day:02}") for day in (*range(1, 3), *range(5, 10), *range(12, 17), *range(19, 24))
    ]
    rows = [*good, *(record(f"2026-10-{day}") for day in range(26, 28)), record("2026-10-28", low=200.0)]

    series = read(rows)

    assert (len(series.bars), [row.line for row in series.rejected]) == (19, [20])
    with pytest.raises(BadProviderData, match="2 of 21 rows cannot be true; the first is row 20: open"):
        read([*rows, {"date": "2026-10-29"}])


@pytest.mark.parametrize(
    "changes",
    [
        {"close": "x"},
        {"close": None},
        {"close": -1},
        {"close": 1e300},
        {"volume": 1.5},
        {"date": "2026-11-19T14:00:00.000Z"},
        {"date": "2026-11-22T00:00:00.000Z"},
        {"date": 5},
        {"divCash": -1},
        {"splitFactor": 0},
    ],
)
def test_a_row_of_nonsense_refuses_an_answer_that_has_no_other(changes: dict[str, Any]) -> None:
    with pytest.raises(BadProviderData, match="1 of 1 rows"):
        read([record(**changes)])


def test_numbers_are_taken_as_they_are_meant() -> None:
    series = read([record(high=100.50000000000001, volume=39480718.0, splitFactor=0.14285714285714285)])

    assert (series.bars[0].high, series.bars[0].volume) == (Decimal("100.5"), 39480718)
    assert series.splits == (SplitAction(ex_date=date(2026, 11, 19), ratio=Decimal("0.142857")),)


def test_adjusted_closes_that_follow_from_prices_and_actions_bring_no_note() -> None:
    # As Tiingo answered for AAPL around its dividend of 2026-08-10.
    rows = [
        record("2026-08-07", open=313.33, high=314, low=311.51, close=313.33, adjClose=313.055799436),
        record(
            "2026-08-10", open=308.26, high=308.26, low=304.61, close=308.26, adjClose=308.26, divCash=0.27
        ),
    ]

    assert read(rows).notes == ()


@pytest.mark.parametrize(
    "changes", [{"divCash": 0}, {"splitFactor": 2}, {"adjClose": 307.5}, {"adjClose": "x"}]
)
def test_adjusted_closes_that_do_not_follow_are_noted_with_their_session(changes: dict[str, Any]) -> None:
    paid = {"close": 308.26, "high": 308.26, "low": 100, "adjClose": 308.26, "divCash": 0.27, **changes}
    rows = [
        record("2026-08-07", open=313.33, high=314, low=311.51, close=313.33, adjClose=313.055799436),
        record("2026-08-10", **paid),
    ]

    assert read(rows).notes == (
        "adjusted closes do not follow from prices, dividends and splits on 2026-08-10",
    )


@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from([200, 429, 401]))
@example(b"[1]", 0, 200)
@example(b'[{"date":"2026-11-19T00:00:00.000Z"}]', 0, 200)
def test_damaged_answers_raise_nothing_but_what_they_are(noise: bytes, at: int, status: int) -> None:
    body = json.dumps([record()]).encode()
    damaged = body[:at] + noise + body[at + len(noise) :]

    for data in (noise, damaged):
        reading = TIINGO.understand(call_for(), RawAnswer(status=status, body=data))
        assert reading.detail.isascii() and len(reading.detail) <= 300
        if reading.verdict is Verdict.DATA:
            try:
                TIINGO.read_series(REQUEST, {"prices": data}, now=NOW)
            except BadProviderData as error:
                assert error.detail


def test_only_prices_are_asked_of_it() -> None:
    with pytest.raises(UnknownLookup, match="quote"):
        TIINGO.lookup_call("quote", "AAPL", None)
    with pytest.raises(UnknownLookup):
        TIINGO.read_lookup("quote", "AAPL", b"{}", now=NOW)
