"""Whatever is sent, the answer is the expected problem and nothing is stored."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.test import Client

from shared.http.tests.api_client import ApiClient, answer_of, assert_problem

FETCHES, BACKTESTS, BARS = "/api/v1/fetches/", "/api/v1/backtests/", "/api/v1/bars/"
INVALID = (400, "validation-error")
MALFORMED = (400, "malformed-request")
SERVED = (200, "")
type Expected = tuple[int, str]

SYMBOLS: tuple[Any, ...] = (
    "../../etc",
    "<script>",
    "=1+1",
    "ＡＡＰＬ",
    "AAPL\u202e",
    123,
    True,
    None,
    ["AAPL"],
    {"a": 1},
    "AAPL\r\nX: y",
    "AAPL\n",
    " AAPL",
    "",
    "A" * 16,
    "A" * 5000,
    "-A",
    ".A",
    "ı",
)
ADDRESSES: dict[str, Expected] = {
    "/api/v1/instruments/AA%00PL/": (404, "not-found"),
    "/api/v1/instruments/%ff%fe/": (404, "not-found"),
    "/api/v1/instruments/" + "A" * 5000 + "/": (404, "not-found"),
    "/api/v1/instruments/%0d%0aX:y/": (404, "not-found"),
    "/api/v1/instruments/NOPE/": (404, "unknown-symbol"),
    "/api/v1/instruments/NOPE": (404, "unknown-symbol"),
    "/api/v1/bars/?symbol=NOPE": (404, "unknown-symbol"),
    "/api/v1/bars/?symbol=%00": INVALID,
    "/api/v1/bars/?symbol=%ff": INVALID,
    "/api/v1/bars/?symbol=A&symbol=B": INVALID,
    "/api/v1/bars/?symbol=": INVALID,
    "/api/v1/bars/": INVALID,
    "/api/v1/bars/?symbol=AAPL&ordering=owner__password": INVALID,
    "/api/v1/bars/?symbol=AAPL&%00=1": INVALID,
    "/api/v1/bars/?symbol=AAPL&format=xml": INVALID,
    "/api/v1/bars/?symbol=AAPL&basis=adjusted": INVALID,
    "/api/v1/bars/?symbol=AAPL&limit=abc": INVALID,
    "/api/v1/bars/?symbol=AAPL&limit=-1": INVALID,
    "/api/v1/bars/?symbol=AAPL&limit=0": INVALID,
    "/api/v1/bars/?symbol=AAPL&limit=1_0": INVALID,
    "/api/v1/bars/?symbol=AAPL&limit=%D9%A3": INVALID,
    "/api/v1/bars/?symbol=AAPL&limit=10001": INVALID,
    "/api/v1/bars/?symbol=AAPL&limit=9223372036854775808": INVALID,
    "/api/v1/bars/?symbol=AAPL&as_of_version=2147483648": INVALID,
    "/api/v1/bars/?symbol=AAPL&start=xx": INVALID,
    "/api/v1/bars/?symbol=AAPL&start=2024-02-30": INVALID,
    "/api/v1/bars/?symbol=AAPL&start=20240102": INVALID,
    "/api/v1/bars/?symbol=AAPL&end=9999-12-31": INVALID,
    "/api/v1/bars/?symbol=AAPL&start=2025-01-02&end=2024-01-02": INVALID,
    "/api/v1/fetches/?limit=1001": INVALID,
    "/api/v1/fetches/?cursor=abc": INVALID,
    "/api/v1/fetches/?cursor=%00%ff": INVALID,
    "/api/v1/fetches/?status=done": INVALID,
    "/api/v1/fetches/?state=queued": INVALID,
    "/api/v1/fetches/?symbol=FB,,IBM": INVALID,
    "/api/v1/fetches/?symbol=FB,%00": INVALID,
    "/api/v1/fetches/?symbol=" + ",".join(f"A{number}" for number in range(51)): INVALID,
    "/api/v1/fetches/?sort=id": INVALID,
    "/api/v1/fetches/?start=2025-01-02&end=2024-01-02": INVALID,
    "/api/v1/reports/?status=partial": INVALID,
    "/api/v1/instruments/?sort=created_at": INVALID,
    "/api/v1/bars/?symbol=AAPL,FB": INVALID,
    "/api/v1/bars/?symbol=AAPL&shape=table": INVALID,
    "/api/bars/?symbol=AAPL&shape=table": INVALID,
    "/api/v1/forecasts/?kind=dead": INVALID,
    "/api/v1/backtests/?strategy=%00": INVALID,
    "/api/v1/fetches/?" + "&".join(f"p{number}=1" for number in range(1001)): MALFORMED,
    f"/api/v1/fetches/{uuid4()}/": (404, "not-found"),
    f"/api/v1/backtests/{uuid4()}/": (404, "not-found"),
    f"/api/v1/backtests/{uuid4()}/trades/": (404, "not-found"),
    f"/api/v1/backtests/{uuid4()}/equity/": (404, "not-found"),
    f"/api/v1/forecasts/{uuid4()}/": (404, "not-found"),
    f"/api/v1/reports/{uuid4()}/": (404, "not-found"),
    f"/api/v1/reports/{uuid4()}.pdf": (404, "not-found"),
    f"/api/v1/reports/{uuid4()}.exe": (404, "not-found"),
    "/api/v1/fetches/1/": (404, "not-found"),
    "/api/v1/nothing/": (404, "not-found"),
    "/%00": (404, "not-found"),
    "/%ff/": (404, "not-found"),
}
FIELDS: tuple[tuple[str, Any], ...] = (
    ("initial_capital", "NaN"),
    ("initial_capital", "Infinity"),
    ("initial_capital", "-1"),
    ("initial_capital", "0"),
    ("initial_capital", "0.99"),
    ("initial_capital", "1000000000000.01"),
    ("initial_capital", "1e4"),
    ("initial_capital", "1.005"),
    ("initial_capital", "9" * 5000),
    ("initial_capital", True),
    ("initial_capital", "1_000"),
    ("initial_capital", 0.30000000000000004),
    ("initial_capital", 10000),
    ("initial_capital", None),
    ("initial_capital", "١٠٠٠"),
    ("initial_capital", " 1000"),
    ("commission_bps", "-0.01"),
    ("commission_bps", "1000.01"),
    ("slippage_bps", "0.001"),
    ("basis", "adjusted"),
    ("basis", ["split"]),
    ("strategy", "buy_high"),
    ("strategy", {"name": "moving_average_dip"}),
    ("start", "2024-02-30"),
    ("start", 20240102),
    ("end", "9999-12-31"),
    ("end", "0000-00-00"),
    ("parameters", []),
    ("parameters", {"buy_window": [[[]]]}),
    ("parameters", {"buy_window": 10**400}),
    ("parameters", {"buy_window": "x" * 101}),
    ("parameters", {f"p{number}": 1 for number in range(51)}),
    ("is_admin", True),
    ("__proto__", {}),
)
BODIES: tuple[tuple[bytes, str, Expected], ...] = (
    (b'["AAPL"]', "application/json", MALFORMED),
    (b'"AAPL"', "application/json", MALFORMED),
    (b"null", "application/json", MALFORMED),
    (b'{"symbol": "AAPL"', "application/json", MALFORMED),
    (b'{"symbol": NaN}', "application/json", MALFORMED),
    (b'{"symbol": 1e400}', "application/json", MALFORMED),
    (b'{"symbol": ' + b"1" * 5001 + b"}", "application/json", MALFORMED),
    (b'{"symbol": "AAPL", "symbol": "FB"}', "application/json", MALFORMED),
    (b'{"symbol": "\\ud800"}', "application/json", MALFORMED),
    (b'{"\\ud800": 1}', "application/json", MALFORMED),
    (b'{"symbol": "\xff"}', "application/json", MALFORMED),
    (b'{"symbol": "AA\\u0000PL"}', "application/json", MALFORMED),
    (b'{"symbol\\u0000": "AAPL"}', "application/json", MALFORMED),
    (b'{"parameters": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "application/json", MALFORMED),
    (b"", "application/json", INVALID),
    (b'{"symbol": "' + b"A" * 3_000_000 + b'"}', "application/json", (413, "body-too-large")),
    (b"<symbol>AAPL</symbol>", "text/xml", (415, "unsupported-media-type")),
    (b"symbol=AAPL", "application/x-www-form-urlencoded", (415, "unsupported-media-type")),
    (b"symbol=AAPL", "", (415, "unsupported-media-type")),
)
HEADERS: tuple[tuple[dict[str, str], Expected], ...] = (
    ({"Accept": "text/xml"}, (406, "not-acceptable")),
    ({"Host": "evil.example"}, MALFORMED),
    ({"Host": "evil.example\0"}, MALFORMED),
    ({"Host": "testserver:99999999"}, SERVED),
    ({"X-Request-ID": "no uuid"}, SERVED),
)


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


@pytest.fixture(autouse=True)
def nothing_is_stored(db: psycopg.Connection[Any]) -> Any:
    yield
    stored = db.execute(
        "SELECT (SELECT count(*) FROM ingest.event) + (SELECT count(*) FROM analytics.event)"
        " + (SELECT count(*) FROM reports.event) + (SELECT count(*) FROM ingest.job)"
    ).fetchone()
    assert stored == (0,)


def test_a_malformed_symbol_is_refused_in_every_body(api: ApiClient) -> None:
    for path in (FETCHES, BACKTESTS, "/api/v1/forecasts/", "/api/v1/reports/"):
        for symbol in SYMBOLS:
            body = assert_problem(api.send(path, symbol=symbol), *INVALID)
            assert [error["attr"] for error in body["errors"]] == ["symbol"], (path, symbol)


def test_a_bad_address_or_query_is_a_problem(api: ApiClient) -> None:
    assert {path: answer_of(api.get(path)) for path in ADDRESSES} == ADDRESSES


def test_a_bad_field_is_named(api: ApiClient) -> None:
    for field, value in FIELDS:
        body = assert_problem(api.send(BACKTESTS, **{"symbol": "AAPL", field: value}), *INVALID)
        assert [error["attr"] for error in body["errors"]] == [field], value


def test_an_end_before_the_start_is_refused(api: ApiClient) -> None:
    for path in (FETCHES, BACKTESTS):
        refused = api.send(path, symbol="AAPL", start="2017-01-03", end="2017-01-02")
        body = assert_problem(refused, *INVALID)
        assert body["errors"] == [
            {"attr": "end", "code": "upside_down", "detail": "2017-01-02 is before start, 2017-01-03."}
        ]


def test_an_unknown_symbol_names_what_there_is(api: ApiClient) -> None:
    fetch = assert_problem(api.send(FETCHES, symbol="NOPE"), 404, "unknown-symbol")
    report = assert_problem(api.send("/api/v1/reports/", symbol="nope"), 404, "nothing-to-report")

    assert fetch["known_symbols"] == ["AAPL", "AMZN", "FB", "GOOG", "IBM", "MSFT"]
    assert report["fetch"] == "/fetch/NOPE/"
    for path in (BACKTESTS, "/api/v1/forecasts/"):
        body = assert_problem(api.send(path, symbol="NOPE"), 404, "unknown-symbol")
        assert body["fetch"] == "/fetch/NOPE/"


def test_a_bad_body_is_a_problem(api: ApiClient) -> None:
    for path in (FETCHES, BACKTESTS):
        for body, content_type, expected in BODIES:
            assert answer_of(api.post(path, body, content_type=content_type)) == expected, body[:40]


def test_odd_headers_are_answered(api: ApiClient) -> None:
    for headers, expected in HEADERS:
        answer = api.get("/api/v1/fetches/?symbol=AAPL", headers=headers)
        if expected == SERVED:
            assert answer.status_code == 200, headers
        else:
            assert answer_of(answer) == expected, headers


def test_a_wrong_method_is_told_the_permitted_ones(api: ApiClient) -> None:
    for method, path, allowed in [
        ("DELETE", FETCHES, "GET, POST, HEAD, OPTIONS"),
        ("PUT", f"/api/v1/reports/{uuid4()}/", "GET, DELETE, HEAD, OPTIONS"),
        ("POST", BARS, "GET, HEAD, OPTIONS"),
        ("POST", "/readyz", "GET, HEAD, OPTIONS"),
        ("TRACE", "/api/schema/", "GET, HEAD, OPTIONS"),
        ("BREW", FETCHES, "GET, POST, HEAD, OPTIONS"),
    ]:
        response = api.generic(method, path)
        assert_problem(response, 405, "method-not-allowed")
        assert response["Allow"] == allowed


def test_everything_but_health_and_the_schema_needs_a_token(db: psycopg.Connection[Any]) -> None:
    stranger = Client()
    name = uuid4()
    collections = ["fetches", "backtests", "forecasts", "reports", "bars", "instruments"]
    paths = [f"/api/v1/{collection}/" for collection in collections]
    paths += [f"/api/v1/{collection}/{name}/" for collection in collections[:4]]
    paths += [f"/api/v1/reports/{name}.{form}" for form in ("pdf", "json", "png")]
    paths += [
        f"/api/v1/backtests/{name}/trades/",
        f"/api/v1/backtests/{name}/equity",
        "/api/v1/instruments/A/",
    ]

    for path in paths:
        response = stranger.get(path)
        assert_problem(response, 401, "not-authenticated")
        assert response["WWW-Authenticate"] == "Token"
    for path in paths[:4]:
        assert_problem(stranger.post(path, {}, content_type="application/json"), 401, "not-authenticated")
    assert [stranger.get(path).status_code for path in ("/livez", "/readyz", "/api/schema/")] == [
        200,
        200,
        200,
    ]
