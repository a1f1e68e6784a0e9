"""Every way in which Alpha Vantage does not answer is known for what it is (market-data specification, 1.2)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.providers.alphavantage import AlphaVantage
from services.ingest.providers.alphavantage.refusals import verdict_of
from services.ingest.providers.alphavantage.shapes import SHAPES
from services.ingest.providers.calls import Call, RawAnswer, Reading, Verdict
from services.ingest.providers.tests.simulator_faults import REFUSALS, Fault, Reply, refusal

KEY = "K3Y0FTH3S1MULAT0"
META = {"1. Information": "Daily Prices", "2. Symbol": "AAPL", "3. Last Refreshed": "2020-09-01"}
DAILY = {"Meta Data": META, "Time Series (Daily)": {"2020-09-01": {"1. open": "132.76"}}}
LISTING = "symbol,name,exchange,assetType,ipoDate,delistingDate,status"


def reading(
    body: Any, *, function: str = "TIME_SERIES_DAILY", status: int = 200, datatype: str = "json"
) -> Reading:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    call = Call(name="x", function=function, subject="AAPL", params=(("datatype", datatype),))
    return AlphaVantage().understand(call, RawAnswer(status=status, body=content))


@pytest.mark.parametrize("verdict", REFUSALS)
@pytest.mark.parametrize("datatype", ["json", "csv"])
def test_each_refusal_is_known_in_the_words_of_the_vendor(verdict: Verdict, datatype: str) -> None:
    assert reading(refusal(verdict, KEY).body, datatype=datatype).verdict is verdict


@pytest.mark.parametrize("member", ["Error Message", "Information", "Note"])
@pytest.mark.parametrize("verdict", REFUSALS)
def test_a_refusal_is_known_under_whichever_member_it_stands(verdict: Verdict, member: str) -> None:
    assert reading({member: REFUSALS[verdict][1]}).verdict is verdict


def test_nearly_every_refusal_advertises_premium_plans_and_few_mean_them() -> None:
    advertising = [verdict for verdict, (_, words) in REFUSALS.items() if "premium" in words]

    assert len(advertising) == 6


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("Our standard API rate limit is 25 requests per day.", Verdict.DAILY_LIMIT),
        ("We have detected your API key as ABC. Upgrade to premium.", Verdict.DAILY_LIMIT),
        ("Burst pattern detected. At most 30 requests per second, please.", Verdict.BURST),
        ("WE ENCOURAGE SPREADING OUT your calls; see premium endpoints.", Verdict.BURST),
        ("At most 5 calls per minute; 500 a day.", Verdict.MINUTE_LIMIT),
        ("Contact premium@alphavantage.co for a higher API call volume.", Verdict.VOLUME),
        ("The parameter APIKEY is invalid or missing; get a premium endpoint.", Verdict.BAD_KEY),
        ("A premium endpoint whose parameter is a premium feature.", Verdict.PREMIUM_ENDPOINT),
        ("Premium is good for you.", Verdict.UNKNOWN_NOTICE),
        ("A demo for a demo.", Verdict.UNKNOWN_NOTICE),
        ("", Verdict.UNKNOWN_NOTICE),
    ],
)
def test_a_refusal_is_known_by_its_decisive_words(words: str, verdict: Verdict) -> None:
    assert verdict_of(words) is verdict


# The decisive words of the table, in its order.
IN_ORDER = [
    (Verdict.BAD_KEY, "apikey is invalid or missing"),
    (Verdict.UNKNOWN_FUNCTION, "this api function (x) does not exist"),
    (Verdict.INVALID_CALL, "invalid api call"),
    (Verdict.DAILY_LIMIT, "rate limit is 25 requests per day"),
    (Verdict.BURST, "per second"),
    (Verdict.MINUTE_LIMIT, "call frequency"),
    (Verdict.VOLUME, "higher api call volume"),
    (Verdict.DEMO_KEY, "the demo api key is for demo"),
    (Verdict.PREMIUM_ENDPOINT, "premium endpoint"),
    (Verdict.PREMIUM_PARAMETER, "is a premium feature"),
]


@pytest.mark.parametrize("first", range(len(IN_ORDER)))
def test_of_two_decisive_words_the_earlier_in_the_table_decides(first: int) -> None:
    for later in range(first, len(IN_ORDER)):
        words = f"{IN_ORDER[later][1]}; {IN_ORDER[first][1]}"

        assert verdict_of(words) is IN_ORDER[first][0], words


def test_a_key_that_is_echoed_is_not_in_the_detail() -> None:
    detail = reading(refusal(Verdict.DAILY_LIMIT, KEY).body).detail

    assert KEY not in detail
    assert detail.startswith("We have detected your API key as *** and our standard")


def test_the_vendors_words_are_kept_short_and_fit_to_be_shown() -> None:
    detail = reading({"Note": "a\n\x1b[31mb" + "x" * 1_000}).detail

    assert detail == "a  [31mb" + "x" * 292


def test_a_notice_beside_a_series_is_data_and_is_told() -> None:
    found = reading({"Information": "Please subscribe to a premium endpoint.", **DAILY})

    assert found == Reading(verdict=Verdict.DATA, detail="Please subscribe to a premium endpoint.")


def test_a_notice_beside_an_empty_series_is_a_refusal() -> None:
    body = {**json.loads(refusal(Verdict.BURST, KEY).body), "Meta Data": META, "Time Series (Daily)": {}}

    assert reading(body).verdict is Verdict.BURST


def test_a_notice_beside_no_dividends_is_a_refusal() -> None:
    body = {**json.loads(refusal(Verdict.BURST, KEY).body), "symbol": "AAPL", "data": []}

    assert reading(body, function="DIVIDENDS").verdict is Verdict.BURST


@pytest.mark.parametrize("body", [{"Foo": "We moved."}, {"Meta Data": META}, {"Information": "We moved."}])
def test_anything_else_that_holds_no_data_is_a_notice_nobody_knows(body: dict[str, Any]) -> None:
    found = reading(body)

    assert found.verdict is Verdict.UNKNOWN_NOTICE
    assert found.detail


@pytest.mark.parametrize(
    ("function", "body"),
    [
        *((function, {}) for function in SHAPES),
        ("TIME_SERIES_DAILY", {"Meta Data": META, "Time Series (Daily)": {}}),
        ("GLOBAL_QUOTE", {"Global Quote": {}}),
        ("SYMBOL_SEARCH", {"bestMatches": []}),
        ("EARNINGS", {"symbol": "AAPL", "annualEarnings": [], "quarterlyEarnings": []}),
    ],
)
def test_nothing_found_is_told_apart(function: str, body: dict[str, Any]) -> None:
    assert reading(body, function=function).verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize("function", ["DIVIDENDS", "SPLITS"])
def test_a_company_without_dividends_or_splits_is_not_unknown(function: str) -> None:
    # The same body answers an unknown symbol; whether it exists is what the prices tell.
    assert reading({"symbol": "AMZN", "data": []}, function=function).verdict is Verdict.DATA


@pytest.mark.parametrize("status", [204, 301, 400, 401, 403, 404, 429, 500, 502, 503])
def test_another_status_than_200_is_a_fault_of_the_transport(status: int) -> None:
    assert reading(DAILY, status=status) == Reading(verdict=Verdict.TRANSPORT, detail=f"HTTP {status}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \r\n",
        b"\xef\xbb\xbf",
        b"<!DOCTYPE html><html></html>",
        b"\n <html>",
        json.dumps(DAILY).encode()[:-1],
        json.dumps(DAILY).encode() + b"\nOK",
        b"Service unavailable",
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("function", ["TIME_SERIES_DAILY", "OVERVIEW"])
def test_what_is_no_whole_json_is_a_fault_of_the_transport(body: bytes, function: str) -> None:
    assert reading(body, function=function).verdict is Verdict.TRANSPORT


@pytest.mark.parametrize("fault", [Fault.DUPLICATE_KEYS, Fault.NAN, Fault.DEEP_NESTING])
def test_json_that_cannot_be_true_is_bad_data(fault: Fault) -> None:
    body = fault.spoil(Reply(body=json.dumps(DAILY, indent=1).encode())).body

    assert reading(body).verdict is Verdict.BAD_DATA


@pytest.mark.parametrize(
    ("function", "body"),
    [
        ("TIME_SERIES_DAILY", []),
        ("TIME_SERIES_DAILY", [DAILY]),
        ("TIME_SERIES_DAILY", "text"),
        ("TIME_SERIES_DAILY", {"Time Series (Daily)": ["2020-09-01"]}),
        ("TIME_SERIES_DAILY", {"Time Series (Daily)": "text"}),
        ("DIVIDENDS", {"symbol": "AAPL", "data": {"a": "b"}}),
        ("DIVIDENDS", {"symbol": "AAPL", "data": {}}),
        ("SYMBOL_SEARCH", {"bestMatches": {"a": "b"}}),
    ],
)
def test_json_of_another_shape_is_bad_data(function: str, body: Any) -> None:
    assert reading(body, function=function).verdict is Verdict.BAD_DATA


def test_a_byte_order_mark_hides_neither_data_nor_a_refusal() -> None:
    assert reading(b"\xef\xbb\xbf" + json.dumps(DAILY).encode()).verdict is Verdict.DATA
    assert reading(b"\xef\xbb\xbf" + refusal(Verdict.BURST, KEY).body, datatype="csv").verdict is (
        Verdict.BURST
    )


def test_csv_is_known_by_its_header() -> None:
    header = "timestamp,open,high,low,close,volume"
    row = "2020-09-01,132.76,134.8,130.53,134.18,152470100"

    assert reading(f"{header}\r\n{row}\r\n".encode(), datatype="csv").verdict is Verdict.DATA
    assert reading(f"{header}\r\n".encode(), datatype="csv").verdict is Verdict.NOT_FOUND
    assert reading(f"date{header}\n{row}\n".encode(), datatype="csv").verdict is Verdict.BAD_DATA
    assert reading(f"{row}\n".encode(), datatype="csv").verdict is Verdict.BAD_DATA
    assert reading(b"\xff\n", datatype="csv").verdict is Verdict.BAD_DATA
    assert reading(f"{header}\n{row}\n".encode()).verdict is Verdict.TRANSPORT


def test_a_listing_is_csv_whatever_was_asked_for() -> None:
    body = f"{LISTING}\r\nIBM,IBM,NYSE,Stock,1962-01-02,null,Active\r\n".encode()

    assert reading(body, function="LISTING_STATUS").verdict is Verdict.DATA
    assert reading(LISTING.encode(), function="LISTING_STATUS").verdict is Verdict.DATA
    assert reading({"Symbol": "IBM"}, function="LISTING_STATUS").verdict is Verdict.UNKNOWN_NOTICE
    assert reading(refusal(Verdict.BURST, KEY).body, function="LISTING_STATUS").verdict is Verdict.BURST


@given(
    st.binary(max_size=300),
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from(["json", "csv"]),
    st.sampled_from([b"", b"{", b'{"data":', b'{"Global Quote":', b'{"Time Series (Daily)": {', b"["]),
)
def test_any_bytes_are_understood_as_something(
    tail: bytes, function: str, datatype: str, head: bytes
) -> None:
    found = reading(head + tail, function=function, datatype=datatype)

    assert len(found.detail) <= 300


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=12,
)
MEMBERS = st.sampled_from(
    ["Meta Data", "Time Series (Daily)", "data", "bestMatches", "Global Quote", "Symbol", "Note"]
)


@given(st.dictionaries(MEMBERS, JSON), st.sampled_from(sorted(SHAPES)))
def test_any_object_is_understood_as_something(body: dict[str, Any], function: str) -> None:
    assert reading(body, function=function).verdict in Verdict
