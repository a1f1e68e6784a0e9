"""The simulated vendor keeps to the rules of the real ones, so that what is tested on it holds for them."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import requests

from services.ingest.providers import transport
from services.ingest.providers.alphavantage import AlphaVantage
from services.ingest.providers.calls import Access, Call, Reading, SeriesRequest, Verdict
from services.ingest.providers.domain import Bar, DailySeries
from services.ingest.providers.faults import BadProviderData, ProviderUnavailable
from services.ingest.providers.tests.simulator import KEY, Simulator, moved
from services.ingest.providers.tests.simulator_faults import Fault

UNTIL = date(2026, 11, 19)
NOW = datetime(2026, 11, 20, 19, 43, 40, tzinfo=UTC)  # 14:43:40 in New York
AAPL = moved("AAPL", until=UNTIL, count=600)
REQUEST = SeriesRequest(symbol="AAPL", start=None, end=None, with_actions=True, today=date(2026, 11, 20))
COMPACT = Call(
    name="daily",
    function="TIME_SERIES_DAILY",
    subject="AAPL",
    params=(("symbol", "AAPL"), ("outputsize", "compact")),
)


def ask(vendor: Simulator, call: Call = COMPACT) -> Reading:
    provider = AlphaVantage()
    return provider.understand(call, provider.send(call, Access(base_url=vendor.alphavantage_url, key=KEY)))


def fetch(vendor: Simulator, **known: bool) -> DailySeries:
    provider = AlphaVantage()
    access = Access(base_url=vendor.alphavantage_url, key=KEY)
    bodies = {
        call.name: provider.send(call, access).body
        for call in provider.series_calls(REQUEST, capabilities=known)
    }
    return provider.read_series(REQUEST, bodies, now=NOW)


@pytest.mark.parametrize("known", [{}, {"adjusted": True}])
def test_what_it_is_fed_with_comes_back_from_alpha_vantage(known: dict[str, bool]) -> None:
    with Simulator(AAPL) as vendor:
        series = fetch(vendor, **known)

    assert (series.bars, series.splits, series.dividends) == (AAPL.bars, AAPL.splits, AAPL.dividends)


def test_a_free_key_gets_the_last_hundred_sessions() -> None:
    clock = iter(range(0, 1_000, 10))
    with Simulator(AAPL, is_free=True, clock=clock.__next__) as vendor:
        series = fetch(vendor, full_history=False)

    assert series.bars == AAPL.bars[-100:]
    assert series.is_cut_short


def test_what_it_is_fed_with_comes_back_from_tiingo() -> None:
    with Simulator(AAPL) as vendor:
        url = f"{vendor.tiingo_url}/tiingo/daily/aapl/prices"
        token = {"Authorization": f"Token {KEY}"}
        whole = json.loads(transport.get(url, params={}, headers=token, secret=KEY).body)
        span = {"startDate": "2026-11-18", "endDate": "2026-11-19"}
        cut = json.loads(transport.get(url, params=span, headers=token, secret=KEY).body)

    assert len(whole) == len(AAPL.bars)
    assert cut == whole[-2:]
    assert whole[-1]["date"] == "2026-11-19T00:00:00.000Z"
    assert whole[-1]["close"] == float(AAPL.bars[-1].close)
    assert [asked.params for asked in vendor.asked] == [{}, span]
    paid = [row["divCash"] for row in whole if row["divCash"]]
    assert paid == [float(item.amount) for item in AAPL.dividends or ()]


def test_tiingo_refuses_with_true_codes() -> None:
    clock = iter([*range(51)])
    with Simulator(AAPL, is_free=True, clock=clock.__next__) as vendor:

        def status(symbol: str, key: str) -> int:
            url = f"{vendor.tiingo_url}/tiingo/daily/{symbol}/prices"
            return requests.get(url, headers={"Authorization": f"Token {key}"}, timeout=5).status_code

        assert [status("AAPL", "wrong"), status("NONE", KEY)] == [401, 404]
        assert [status("AAPL", KEY) for _ in range(49)] == [200] * 48 + [429]


def test_a_free_key_has_one_call_a_second_and_25_in_24_hours() -> None:
    seconds = [0.0, 0.5, *(10.0 * number for number in range(1, 26)), 86_400.0, 172_900.0]
    with Simulator(AAPL, is_free=True, clock=iter(seconds).__next__) as vendor:
        verdicts = [ask(vendor).verdict for _ in seconds]

    burst, over, data = Verdict.BURST, Verdict.DAILY_LIMIT, Verdict.DATA
    assert verdicts == [data, burst, *[data] * 23, over, over, over, data]
    assert len(vendor.asked) == len(seconds)


def test_no_request_is_recorded_with_its_key() -> None:
    with Simulator(AAPL) as vendor:
        ask(vendor)

    assert [(asked.function, asked.symbol) for asked in vendor.asked] == [("TIME_SERIES_DAILY", "AAPL")]
    assert KEY not in repr(vendor.asked)


def test_a_fault_comes_as_often_as_planned_and_for_the_function_it_is_for() -> None:
    with Simulator(AAPL) as vendor:
        vendor.next(Verdict.BURST, times=2)
        vendor.next(Fault.EMPTY, times=None, function="OVERVIEW")
        overview = Call(name="overview", function="OVERVIEW", subject="AAPL", params=(("symbol", "AAPL"),))

        assert [ask(vendor).verdict for _ in range(3)] == [Verdict.BURST, Verdict.BURST, Verdict.DATA]
        assert {ask(vendor, overview).verdict for _ in range(3)} == {Verdict.TRANSPORT}


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (Fault.HTML_PAGE, Verdict.TRANSPORT),
        (Fault.EMPTY, Verdict.TRANSPORT),
        (Fault.CUT, Verdict.TRANSPORT),
        (Fault.TRAILING_TEXT, Verdict.TRANSPORT),
        (Fault.NOT_UTF8, Verdict.TRANSPORT),
        (Fault.HTTP_403, Verdict.TRANSPORT),
        (Fault.HTTP_429, Verdict.TRANSPORT),
        (Fault.HTTP_500, Verdict.TRANSPORT),
        (Fault.DUPLICATE_KEYS, Verdict.BAD_DATA),
        (Fault.NAN, Verdict.BAD_DATA),
        (Fault.DEEP_NESTING, Verdict.BAD_DATA),
        (Fault.BYTE_ORDER_MARK, Verdict.DATA),
        (Fault.WRONG_SYMBOL, Verdict.DATA),
        (Fault.NOTICE_BESIDE, Verdict.DATA),
        (Fault.BAD_HEADERS, Verdict.DATA),
    ],
)
def test_each_fault_of_an_answer_is_understood_as_what_it_is(fault: Fault, verdict: Verdict) -> None:
    with Simulator(AAPL) as vendor:
        vendor.next(fault)

        assert ask(vendor).verdict is verdict


@pytest.mark.parametrize(
    "fault", [Fault.OVERSIZE, Fault.GZIP_BOMB, Fault.REDIRECT, Fault.RESET, Fault.SHORT_BODY]
)
def test_each_fault_of_the_sending_leaves_no_answer(fault: Fault) -> None:
    with Simulator(AAPL) as vendor, pytest.raises(ProviderUnavailable):
        vendor.next(fault)
        ask(vendor)


def test_csv_with_a_wrong_header_is_bad_data() -> None:
    call = replace(COMPACT, params=(*COMPACT.params, ("datatype", "csv")))
    with Simulator(AAPL) as vendor:
        vendor.next(Fault.WRONG_HEADER)

        assert [ask(vendor, call).verdict for _ in range(2)] == [Verdict.BAD_DATA, Verdict.DATA]


def test_another_symbol_is_found_out_when_the_series_is_read() -> None:
    with Simulator(AAPL) as vendor, pytest.raises(BadProviderData, match="about 'XYZ'"):
        vendor.next(Fault.WRONG_SYMBOL)
        fetch(vendor)


def test_an_unfinished_session_is_told_and_left_out() -> None:
    last = AAPL.bars[-1]
    with Simulator(AAPL) as vendor:
        vendor.live["AAPL"] = replace(last, session=date(2026, 11, 20))
        series = fetch(vendor)

    assert series.bars == AAPL.bars
    assert series.provisional_session == date(2026, 11, 20)


def test_a_correction_is_told_from_then_on() -> None:
    def corrected(bar: Bar) -> Bar:
        return replace(bar, close=bar.low) if bar.session == UNTIL else bar

    with Simulator(AAPL) as vendor:
        before = fetch(vendor).bars
        vendor.put(replace(AAPL, bars=tuple(corrected(bar) for bar in AAPL.bars)))
        after = fetch(vendor).bars

    assert before[:-1] == after[:-1]
    assert after[-1].close == AAPL.bars[-1].low != before[-1].close


def test_an_unknown_symbol_and_function_are_refused_as_the_vendor_does() -> None:
    with Simulator() as vendor:
        assert ask(vendor).verdict is Verdict.INVALID_CALL
        intraday = "TIME_SERIES_INTRADAY"
        answer = requests.get(vendor.alphavantage_url, {"function": intraday, "apikey": KEY}, timeout=5)

    assert "does not exist" in answer.text


def test_adjusted_closes_follow_the_vendors_rule() -> None:
    call = Call(
        name="adjusted",
        function="TIME_SERIES_DAILY_ADJUSTED",
        subject="AAPL",
        params=(("symbol", "AAPL"), ("outputsize", "full")),
    )
    provider = AlphaVantage()
    with Simulator(AAPL) as vendor:
        body = provider.send(call, Access(base_url=vendor.alphavantage_url, key=KEY)).body
    rows = json.loads(body)["Time Series (Daily)"]

    paid = (AAPL.dividends or ())[-1]
    closes = {bar.session: bar.close for bar in AAPL.bars}
    before = max(day for day in closes if day < paid.ex_date)
    factor = closes[paid.ex_date] / (closes[paid.ex_date] + paid.amount)
    assert rows[str(paid.ex_date)]["5. adjusted close"] == f"{closes[paid.ex_date]:.12f}"
    assert Decimal(rows[str(before)]["5. adjusted close"]) == round(closes[before] * factor, 12)


def test_two_at_once_do_not_meet() -> None:
    with Simulator(AAPL) as one, Simulator() as other:
        assert (ask(one).verdict, ask(other).verdict) == (Verdict.DATA, Verdict.INVALID_CALL)
