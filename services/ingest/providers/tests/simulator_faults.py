"""What a vendor may do instead of answering, in its own words where there are any."""

import gzip
import json
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from threading import Event

from services.ingest.providers.calls import Verdict

DRIP_SECONDS = 0.02
BOMB_BYTES = 16 * 2**20
_PLANS = "You may subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to"
_THANKS = "Thank you for using Alpha Vantage!"

REFUSALS = {
    Verdict.BAD_KEY: (
        "Error Message",
        "the parameter apikey is invalid or missing. Please claim your free API key on"
        " (https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds.",
    ),
    Verdict.UNKNOWN_FUNCTION: ("Error Message", "This API function (TIME_SERIES_HOURLY) does not exist."),
    Verdict.INVALID_CALL: (
        "Error Message",
        "Invalid API call. Please retry or visit the documentation (https://www.alphavantage.co/documentation/)"
        " for TIME_SERIES_DAILY.",
    ),
    Verdict.DAILY_LIMIT: (
        "Information",
        "We have detected your API key as {key} and our standard API rate limit is 25 requests per day. Please"
        " subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to instantly remove all"
        " daily rate limits.",
    ),
    Verdict.BURST: (
        "Information",
        f"{_THANKS} Please consider spreading out your free API requests more sparingly (1 request per second)."
        f" {_PLANS} lift the free key rate limit (25 requests per day), raise the per-second burst limit, and"
        " instantly unlock all premium endpoints",
    ),
    Verdict.MINUTE_LIMIT: (
        "Note",
        f"{_THANKS} Our standard API call frequency is 5 calls per minute and 500 calls per day. Please visit"
        " https://www.alphavantage.co/premium/ if you would like to target a higher API call frequency.",
    ),
    Verdict.VOLUME: (
        "Information",
        f"{_THANKS} Please visit https://www.alphavantage.co/premium/ if you would like to have a higher API"
        " call volume.",
    ),
    Verdict.DEMO_KEY: (
        "Information",
        "The **demo** API key is for demo purposes only. Please claim your free API key at"
        " (https://www.alphavantage.co/support/#api-key) to explore our full API offerings.",
    ),
    Verdict.PREMIUM_ENDPOINT: (
        "Information",
        f"{_THANKS} This is a premium endpoint. {_PLANS} instantly unlock all premium endpoints",
    ),
    Verdict.PREMIUM_PARAMETER: (
        "Information",
        f"{_THANKS} The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint."
        f" {_PLANS} instantly unlock all premium features",
    ),
    Verdict.UNKNOWN_NOTICE: ("Information", "We are moving our data centre this weekend."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it leaves."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def refusal(verdict: Verdict, key: str) -> Reply:
    """Return Alpha Vantage's refusal, with the key in it where the vendor echoes it, and always HTTP 200."""
    if verdict is Verdict.NOT_FOUND:
        return Reply(body=b"{}")
    member, words = REFUSALS[verdict]
    return Reply(body=json.dumps({member: words.replace("{key}", key)}, indent=4).encode())


class Fault(StrEnum):
    """What is wrong with an answer."""

    HTML_PAGE = "html-page"
    EMPTY = "empty"
    CUT = "cut"
    TRAILING_TEXT = "trailing-text"
    DUPLICATE_KEYS = "duplicate-keys"
    NAN = "nan"
    BYTE_ORDER_MARK = "byte-order-mark"
    NOT_UTF8 = "not-utf8"
    DEEP_NESTING = "deep-nesting"
    WRONG_SYMBOL = "wrong-symbol"
    NOTICE_BESIDE = "notice-beside"
    WRONG_HEADER = "wrong-header"
    OVERSIZE = "oversize"
    GZIP_BOMB = "gzip-bomb"
    REDIRECT = "redirect"
    HTTP_403 = "http-403"
    HTTP_429 = "http-429"
    HTTP_500 = "http-500"
    BAD_HEADERS = "bad-headers"
    SHORT_BODY = "short-body"
    SLOW_HEADERS = "slow-headers"
    SLOW_BODY = "slow-body"
    RESET = "reset"

    def spoil(self, reply: Reply) -> Reply:
        """Return `reply` with this fault in it; one that is in the sending leaves it as it is."""
        body = reply.body
        match self:
            case Fault.HTML_PAGE:
                return Reply(body=b"<!DOCTYPE html><html><body>Service down for maintenance</body></html>")
            case Fault.REDIRECT:
                return Reply(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"})
            case Fault.HTTP_403 | Fault.HTTP_429 | Fault.HTTP_500:
                return Reply(status=int(self[-3:]), body=b'{"detail":"No."}')
            case Fault.GZIP_BOMB:
                return replace(
                    reply, body=gzip.compress(b" " * BOMB_BYTES), headers={"Content-Encoding": "gzip"}
                )
        return replace(reply, body=_SPOILT[self](body) if self in _SPOILT else body)


_SPOILT: dict[Fault, Callable[[bytes], bytes]] = {
    Fault.EMPTY: lambda _: b"",
    Fault.CUT: lambda body: body[: len(body) // 2],
    Fault.TRAILING_TEXT: lambda body: body + b"\nOK",
    Fault.DUPLICATE_KEYS: lambda body: re.sub(
        rb'("[^"]+": ?(?:"[^"]*"|[0-9.]+)),', rb"\1, \1,", body, count=1
    ),
    Fault.NAN: lambda body: re.sub(rb'(open": )[^,]+', rb"\1NaN", body, count=1),
    Fault.BYTE_ORDER_MARK: lambda body: b"\xef\xbb\xbf" + body,
    Fault.NOT_UTF8: lambda body: b"\xff\xfe" + body,
    Fault.DEEP_NESTING: lambda _: b"[" * 100_000,
    Fault.WRONG_SYMBOL: lambda body: re.sub(rb'(ymbol": )"[^"]*"', rb'\1"XYZ"', body, count=1),
    Fault.NOTICE_BESIDE: lambda body: b'{"Information": "A notice beside the data.",' + body.lstrip()[1:],
    Fault.WRONG_HEADER: lambda body: b"date," + body,
    Fault.OVERSIZE: lambda body: body + b" " * (8 * 2**20 + 1),
    Fault.SLOW_BODY: lambda body: body + b" " * 50_000,
}


def send(handler: BaseHTTPRequestHandler, reply: Reply, fault: Fault | None, closing: Event) -> None:
    """Send `reply`, or do what `fault` does instead, until the client or the simulator has enough."""
    handler.close_connection = True
    if fault is Fault.RESET:
        # Closing with a linger of zero sends RST.
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
    elif fault is Fault.SLOW_HEADERS:
        _drip(handler, b"HTTP/1.0 200 OK\r\nX-Waiting: " + b"x" * 50_000, closing)
    elif fault is Fault.BAD_HEADERS:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nno colon here\r\n\r\n" + reply.body)
    else:
        handler.send_response(reply.status)
        for name, value in {"Content-Type": "text/plain", **reply.headers}.items():
            handler.send_header(name, value)
        missing = 10 if fault is Fault.SHORT_BODY else 0
        handler.send_header("Content-Length", str(len(reply.body) + missing))
        handler.end_headers()
        _drip(handler, reply.body, closing) if fault is Fault.SLOW_BODY else handler.wfile.write(reply.body)


def _drip(handler: BaseHTTPRequestHandler, content: bytes, closing: Event) -> None:
    for position in range(len(content)):
        handler.wfile.write(content[position : position + 1])
        if closing.wait(DRIP_SECONDS):
            return
