"""The sixty bad inputs, sent over real connections to the running system: no crash, and the answer that is due.

Orders (rows 55 to 58) come with paper trading; until then nothing may be served at their address.
"""

import http.client
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.db import connections

from conftest import empty
from services.tests.books import counted
from services.tests.fuzz.live import live_system
from services.tests.processes import wait_until
from shared.identity.models import Token, User
from shared.identity.tokens import create_token

BACKTESTS, FETCHES, TOKENS = "/api/v1/backtests/", "/api/v1/fetches/", "/api/v1/tokens/"
USERS, ORDERS = "/api/v1/users/", "/api/v1/orders/"
PASSWORD = "correct horse battery staple"
JSON = {"Content-Type": "application/json", "Prefer": "wait=0"}
INVALID, MALFORMED = (400, "validation-error"), (400, "malformed-request")
UNAUTHENTICATED, NOT_FOUND = (401, "not-authenticated"), (404, "not-found")
TOO_LARGE, WRONG_TYPE = (413, "body-too-large"), (415, "unsupported-media-type")
type Expected = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, headers and the JSON in it."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def outcome(self) -> Expected:
        """Return status and slug, after checking that a failure is a whole problem."""
        if self.status < 400:
            return self.status, ""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        assert self.body["type"] == f"/problems/{self.body['code']}"
        assert self.body["status"] == self.status
        return self.status, self.body["code"]


@dataclass(frozen=True, slots=True)
class Live:
    """The running system and the callers that the rows need."""

    host: str
    port: int
    tokens: Mapping[str, str]

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes = b"",
        token: str | None = "tester",
    ) -> Answer:
        """Send one request on a connection of its own, byte for byte as given."""
        sent = dict(headers)
        if token is not None:
            sent.setdefault("Authorization", f"Token {self.tokens[token]}")
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host="Host" in sent, skip_accept_encoding=True)
            for name, value in sent.items():
                connection.putheader(name, value.encode("latin-1"))
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        return Answer(response.status, dict(response.headers), json.loads(content) if content else None)

    def post(self, path: str, body: Any, *, token: str | None = "tester", **headers: str) -> Answer:
        """POST a JSON body, or bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, headers=JSON | headers, body=content, token=token)


type Ask = Callable[[Live], Answer]
type Rows = dict[str, tuple[Ask, Expected]]


def _symbol(value: Any) -> Ask:
    return lambda live: live.post(BACKTESTS, {"symbol": value})


def _capital(value: Any) -> Ask:
    return lambda live: live.post(BACKTESTS, {"symbol": "AAPL", "initial_capital": value})


def _windows(buy: Any, sell: Any) -> Ask:
    parameters = {"buy_window": buy, "sell_window": sell}
    return lambda live: live.post(BACKTESTS, {"symbol": "AAPL", "parameters": parameters})


def _fields(**values: Any) -> Ask:
    return lambda live: live.post(BACKTESTS, {"symbol": "AAPL", **values})


def _raw(body: bytes, content_type: str = "application/json") -> Ask:
    return lambda live: live.post(BACKTESTS, body, **{"Content-Type": content_type})


def _get(path: str, **headers: str) -> Ask:
    return lambda live: live.ask("GET", path, headers=headers)


def _called_with(*tokens: str) -> Ask:
    """Return a request whose Authorization header holds these words."""
    return lambda live: live.ask("GET", FETCHES, token=None, headers={"Authorization": " ".join(tokens)})


def _of(caller: str | None) -> Ask:
    return lambda live: live.ask("GET", FETCHES, token=caller)


def _sixth_log_in(live: Live) -> Answer:
    wrong = {"username": "guessed", "password": "wrong horse battery staple"}
    first = [live.post(TOKENS, wrong, token=None).outcome for _ in range(5)]
    assert first == [(401, "wrong-credentials")] * 5
    return live.post(TOKENS, wrong, token=None)


def _registered(password: str) -> Ask:
    return lambda live: live.post(USERS, {"username": "newcomer", "password": password}, token=None)


def _other_body_under_a_key(live: Live) -> Answer:
    key = {"Idempotency-Key": str(uuid4())}
    assert live.post(BACKTESTS, {"symbol": "AAPL"}, **key).status in {200, 201, 202}
    return live.post(BACKTESTS, {"symbol": "AAPL", "basis": "raw"}, **key)


def _order(**values: Any) -> Ask:
    return lambda live: live.post(ORDERS, {"symbol": "AAPL", "side": "buy", **values})


def _of_another_user(method: str) -> Ask:
    def ask(live: Live) -> Answer:
        [token] = live.ask("GET", TOKENS, token="other").body["results"]
        return live.ask(method, f"{TOKENS}{token['id']}/")

    return ask


ROWS: Rows = {
    "1 path": (_symbol("../../etc"), INVALID),
    "2 markup": (_symbol("<script>"), INVALID),
    "3 formula": (_symbol("=1+1"), INVALID),
    "4 full-width": (_symbol("ＡＡＰＬ"), INVALID),
    "5 right-to-left": (_symbol("AAPL\u202e"), INVALID),
    "6 number": (_symbol(123), INVALID),
    "7 NUL": (_symbol("AA\u0000PL"), MALFORMED),
    "8 lone surrogate": (_symbol("\ud800"), MALFORMED),
    "9 header in a symbol": (_symbol("AAPL\r\nX: y"), INVALID),
    "10 blank": (_symbol(""), INVALID),
    "10 blank in the path": (_get("/fetch/%20/"), NOT_FOUND),
    "10 5,000 characters in the path": (_get(f"/fetch/{'A' * 5000}/"), NOT_FOUND),
    "11 NUL in the path": (_get("/fetch/AA%00PL/"), NOT_FOUND),
    "11 NUL in an instrument": (_get("/api/v1/instruments/AA%00PL/"), NOT_FOUND),
    "12 no UTF-8 in the path": (_get("/fetch/%ff%fe/"), NOT_FOUND),
    "12 no UTF-8 in an instrument": (_get("/api/v1/instruments/%ff%fe/"), NOT_FOUND),
    "13 limit is a word": (_get("/api/v1/bars/?symbol=AAPL&limit=abc"), INVALID),
    "14 limit is negative": (_get("/api/v1/bars/?symbol=AAPL&limit=-1"), INVALID),
    "15 limit above 64 bits": (_get("/api/v1/bars/?symbol=AAPL&limit=9223372036854775808"), INVALID),
    "16 limit is huge": (_get(f"{FETCHES}?limit=1000000000"), INVALID),
    "16 limit is huge for a series": (_get("/api/v1/bars/?symbol=AAPL&limit=1000000000"), INVALID),
    "17 no day": (_get("/api/v1/bars/?symbol=AAPL&start=xx"), INVALID),
    "17 another name for a day": (_get("/api/v1/bars/?symbol=AAPL&from=xx"), INVALID),
    "18 upside down": (_get("/api/v1/bars/?symbol=AAPL&start=2025-01-02&end=2024-01-02"), INVALID),
    "19 unknown parameter": (_get(f"{FETCHES}?ordering=owner__password"), INVALID),
    "20 NaN": (_capital("NaN"), INVALID),
    "20 infinity": (_capital("Infinity"), INVALID),
    "21 negative": (_capital("-1"), INVALID),
    "21 nothing": (_capital("0"), INVALID),
    "22 exponent": (_capital("1e400"), INVALID),
    "22 exponent as a number": (
        _raw(b'{"symbol": "AAPL", "initial_capital": 1e400}'),
        MALFORMED,
    ),
    "23 third decimal": (_capital("1.005"), INVALID),
    "24 5,000 digits": (_capital("9" * 5000), INVALID),
    "25 true": (_capital(True), INVALID),
    "26 underscore": (_capital("1_000"), INVALID),
    "27 float": (_capital(0.1 + 0.2), INVALID),
    "28 above 32 bits": (_windows(2147483648, 200), (400, "invalid-parameter")),
    "29 negative window": (_windows(-1, 200), (400, "invalid-parameter")),
    "29 empty window": (_windows(0, 200), (400, "invalid-parameter")),
    "30 fast above slow": (_windows(201, 200), (400, "invalid-parameter")),
    "31 slow above the data": (
        _fields(start="2017-01-03", end="2017-06-30"),
        (422, "insufficient-history"),
    ),
    "32 start after end": (_fields(start="2017-01-03", end="2017-01-02"), INVALID),
    "33 future": (_fields(end="9999-12-31"), INVALID),
    "34 no such day": (_fields(start="2024-02-30"), INVALID),
    "35 unknown field": (_fields(owner=99, is_admin=True), INVALID),
    "36 list": (_raw(b'["AAPL"]'), MALFORMED),
    "36 string": (_raw(b'"AAPL"'), MALFORMED),
    "36 null": (_raw(b"null"), MALFORMED),
    "37 cut off": (_raw(b'{"symbol": "AAPL"'), MALFORMED),
    "38 NaN literal": (_raw(b'{"symbol": NaN}'), MALFORMED),
    "39 5,001 digits": (_raw(b'{"symbol": ' + b"1" * 5001 + b"}"), MALFORMED),
    "40 100,000 arrays": (
        _raw(b'{"parameters": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        MALFORMED,
    ),
    "41 no UTF-8": (_raw(b'{"symbol": "\xff"}'), MALFORMED),
    "42 XML": (_raw(b"<symbol>AAPL</symbol>", "text/xml"), WRONG_TYPE),
    "43 form": (_raw(b"symbol=AAPL", "application/x-www-form-urlencoded"), WRONG_TYPE),
    "44 asks for XML": (_get(FETCHES, Accept="text/xml"), (406, "not-acceptable")),
    "45 3 MB": (_raw(b'{"symbol": "' + b"A" * 3_000_000 + b'"}'), TOO_LARGE),
    "46 no final slash": (
        lambda live: live.post(BACKTESTS.rstrip("/"), {"symbol": "../../etc"}),
        INVALID,
    ),
    "47 unknown address": (_get("/api/v1/nothing/"), NOT_FOUND),
    "47 wrong method": (lambda live: live.ask("PUT", FETCHES), (405, "method-not-allowed")),
    "48 foreign host": (_get(FETCHES, Host="evil.example"), MALFORMED),
    "49 no token": (_of(None), UNAUTHENTICATED),
    "49 bad token": (_called_with("Token", "bw_" + "A" * 43), UNAUTHENTICATED),
    "49 token of other bytes": (_called_with("Token", "bw_\xff\xfe"), UNAUTHENTICATED),
    "49 expired token": (_of("expired"), UNAUTHENTICATED),
    "49 two tokens": (_called_with("Token", "bw_" + "A" * 43, "bw_" + "A" * 43), UNAUTHENTICATED),
    "50 disabled user": (_of("disabled"), UNAUTHENTICATED),
    "50 logged out": (_of("logged_out"), UNAUTHENTICATED),
    "51 another's token": (_of_another_user("DELETE"), NOT_FOUND),
    "52 log-in with a list": (lambda live: live.post(TOKENS, ["tester", PASSWORD], token=None), MALFORMED),
    "53 sixth wrong log-in": (_sixth_log_in, (429, "too-many-attempts")),
    "54 common password": (_registered("password123"), (400, "unacceptable-password")),
    "54 password of 1 MB": (_registered("p" * 1_000_000), INVALID),
    "55 order without amount": (_order(), NOT_FOUND),
    "55 order with a list": (_order(qty=["1"]), NOT_FOUND),
    "56 negative order": (_order(qty="-5"), NOT_FOUND),
    "57 order of NaN": (_order(qty="NaN"), NOT_FOUND),
    "58 order above the balance": (_order(qty="1000000000"), NOT_FOUND),
    "59 key of 5,000 characters": (
        lambda live: live.post(BACKTESTS, {"symbol": "AAPL"}, **{"Idempotency-Key": "k" * 5000}),
        INVALID,
    ),
    "60 key of another body": (_other_body_under_a_key, (422, "idempotency-key-mismatch")),
}


@pytest.fixture(scope="module")
def live(owner: psycopg.Connection[Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run the system on stored prices of AAPL, with every kind of caller."""
    folder = tmp_path_factory.mktemp("live")
    try:
        tokens = {name: _token(name) for name in ("tester", "other", "expired", "disabled", "logged_out")}
        _end_tokens()
        with live_system(folder) as url:
            parts = urlsplit(url)
            found = Live(parts.hostname or "", parts.port or 0, tokens)
            asked = found.post(FETCHES, {"symbol": "AAPL"}, Prefer="wait=25")
            assert asked.status == 201, asked.body
            # Until analytics has heard of the prices there is nothing to test a strategy on.
            wait_until(lambda: counted(owner)["reports.rendered"] == 1, saying="the report on AAPL")
            yield found
    finally:
        connections.close_all()
        empty(owner)


def _token(username: str) -> str:
    return create_token(username=username, secret=os.urandom(32))


def _end_tokens() -> None:
    tokens, now = Token.objects.using("identity"), datetime.now(UTC)
    tokens.filter(user__username="expired").update(expires_at=now - timedelta(seconds=1))
    tokens.filter(user__username="logged_out").update(revoked_at=now)
    User.objects.using("identity").filter(username="disabled").update(is_active=False)


def test_there_are_sixty() -> None:
    assert {int(name.split()[0]) for name in ROWS} == set(range(1, 61))


@pytest.mark.parametrize("row", ROWS)
def test_a_bad_input_has_its_answer(live: Live, row: str) -> None:
    ask, expected = ROWS[row]

    answer = ask(live)

    assert answer.outcome == expected, answer.body
    if answer.status == 401:
        assert answer.headers["WWW-Authenticate"]
    if answer.status == 405:
        assert answer.headers["Allow"]
    if answer.status == 429:
        assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_no_caller_is_taken_for_a_proxy_unless_the_settings_name_one(live: Live) -> None:
    claimed = {"SCRIPT_NAME": "/elsewhere", "X-Forwarded-Proto": "https"}

    answer = live.ask("GET", "/api/v1/bars/?symbol=AAPL&limit=1", headers=claimed)

    assert answer.status == 200
    assert answer.body["next"].startswith("http://")
