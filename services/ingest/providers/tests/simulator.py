"""A vendor on this machine: it speaks Alpha Vantage's `/query` and Tiingo's `/tiingo/daily/TICKER/prices`.

    series = moved("AAPL", until=date(2026, 11, 20), count=600)  # bundled prices on recent sessions
    with Simulator(series, is_free=True) as vendor:
        settings["ALPHAVANTAGE_BASE_URL"] = vendor.alphavantage_url  # also good in a child's environment
        settings["TIINGO_BASE_URL"] = vendor.tiingo_url
        vendor.next(Fault.HTML_PAGE)  # the next call; `times=None` all of them, `function=` those of one function
        vendor.next(Verdict.DAILY_LIMIT)  # a refusal in Alpha Vantage's words, which echo the key
        vendor.put(corrected)  # other prices from now on
        vendor.live["AAPL"] = bar  # an unfinished session on top, refreshed at 14:43:40
        assert [asked.function for asked in vendor.asked] == ["TIME_SERIES_DAILY"]

It takes `KEY` and nothing else. With `is_free` it keeps to a free key: no full history and no adjusted series, 25
calls in 24 hours and one a second of Alpha Vantage, 50 an hour of Tiingo, by `clock` in seconds (a test may pass its
own). It writes no log; `asked` has every request, without its key.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from services.ingest.providers.bundled_provider import BundledProvider
from services.ingest.providers.calls import Verdict
from services.ingest.providers.domain import Bar, DailySeries
from services.ingest.providers.tests import simulator_bodies as bodies
from services.ingest.providers.tests.simulator_faults import Fault, Reply, refusal, send
from services.ingest.sessions.domain import sessions_between

__all__ = ["KEY", "Asked", "Fault", "Simulator", "Verdict", "moved"]

KEY = "K3Y0FTH3S1MULAT0"
FREE_FUNCTIONS_ONLY = {"TIME_SERIES_DAILY_ADJUSTED", "TIME_SERIES_INTRADAY"}
DAY, HOUR = 86_400.0, 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: `function` is Alpha Vantage's, or `tiingo`; `symbol` is empty where there is none."""

    function: str
    symbol: str
    params: dict[str, str]


@dataclass(slots=True, kw_only=True)
class _Planned:
    fault: Fault | Verdict
    times: int | None
    function: str | None


class Simulator:
    """The vendor, from `with` to its end."""

    def __init__(
        self,
        *series: DailySeries,
        key: str = KEY,
        is_free: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key, self.is_free, self.clock = key, is_free, clock
        self.series = {one.symbol: one for one in series}
        self.live: dict[str, Bar] = {}
        self.asked: list[Asked] = []
        self.closing = Event()
        self._taken: dict[str, list[float]] = {"alphavantage": [], "tiingo": []}
        self._planned: list[_Planned] = []
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.vendor = self

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def tiingo_url(self) -> str:
        """Where Tiingo is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def alphavantage_url(self) -> str:
        """Where Alpha Vantage is."""
        return f"{self.tiingo_url}/query"

    def put(self, series: DailySeries) -> None:
        """Answer with `series` from now on."""
        self.series[series.symbol] = series

    def next(self, fault: Fault | Verdict, *, times: int | None = 1, function: str | None = None) -> None:
        """Answer the next calls, of one function or of all, with `fault`."""
        self._planned.append(_Planned(fault=fault, times=times, function=function))

    def reply(self, path: str, params: dict[str, str], authorization: str) -> tuple[Reply, Fault | None]:
        """Return the answer to a request and what is wrong with how it comes."""
        is_tiingo = path.startswith("/tiingo/daily/")
        function = "tiingo" if is_tiingo else params.get("function", "")
        symbol = path.split("/")[3].upper() if is_tiingo else params.get("symbol", "")
        key = authorization.removeprefix("Token ") if is_tiingo else params.pop("apikey", "")
        with self._lock:
            self.asked.append(Asked(function=function, symbol=symbol, params=params))
            fault = self._fault(function)
            is_over = self.is_free and self._count("tiingo" if is_tiingo else "alphavantage")
        if isinstance(fault, Verdict):
            return refusal(fault, key), None
        if is_tiingo:
            reply = self._tiingo(symbol, params, key, is_over=bool(is_over))
        else:
            reply = self._alphavantage(function, params, key, over=is_over or None)
        return (fault.spoil(reply), fault) if fault else (reply, None)

    def _fault(self, function: str) -> Fault | Verdict | None:
        for planned in self._planned:
            if planned.times != 0 and planned.function in (None, function):
                planned.times = None if planned.times is None else planned.times - 1
                return planned.fault
        return None

    def _count(self, vendor: str) -> Verdict | None:
        """Count a call of a free key; return what it is refused for."""
        now, taken = self.clock(), self._taken[vendor]
        longest, most = (HOUR, 50) if vendor == "tiingo" else (DAY, 25)
        is_exhausted = len([at for at in taken if now - at < longest]) >= most
        is_burst = vendor == "alphavantage" and bool(taken) and now - taken[-1] < 1
        taken.append(now)
        if is_exhausted:
            return Verdict.DAILY_LIMIT
        return Verdict.BURST if is_burst else None

    def _alphavantage(
        self, function: str, params: dict[str, str], key: str, *, over: Verdict | None
    ) -> Reply:
        if key != self.key:
            return refusal(Verdict.DEMO_KEY if key == "demo" else Verdict.BAD_KEY, key)
        if over:
            return refusal(over, key)
        if self.is_free and function in FREE_FUNCTIONS_ONLY:
            return refusal(Verdict.PREMIUM_ENDPOINT, key)
        if self.is_free and params.get("outputsize") == "full" and function == "TIME_SERIES_DAILY":
            return refusal(Verdict.PREMIUM_PARAMETER, key)
        if function not in bodies.WRITERS:
            return refusal(Verdict.UNKNOWN_FUNCTION, key)
        body = bodies.WRITERS[function](self.series, self.live, params)
        return Reply(body=body) if body is not None else refusal(Verdict.INVALID_CALL, key)

    def _tiingo(self, symbol: str, params: dict[str, str], key: str, *, is_over: bool) -> Reply:
        if key != self.key:
            return Reply(status=401, body=b'{"detail":"Invalid token."}')
        if is_over:
            words = "Error: You have run over your hourly request allocation."
            return Reply(status=429, body=bodies.as_json({"detail": words}))
        if symbol not in self.series:
            return Reply(status=404, body=bodies.as_json({"detail": f"Error: Ticker '{symbol}' not found"}))
        return Reply(body=bodies.tiingo(self.series[symbol], self.live.get(symbol), params))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    vendor: Simulator

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that gave up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer one request."""
        address = urlsplit(self.path)
        params = dict(parse_qsl(address.query))
        vendor = self.server.vendor
        reply, fault = vendor.reply(address.path, params, self.headers.get("Authorization", ""))
        send(self, reply, fault, vendor.closing)

    def log_message(self, format: str, *args: object) -> None:
        """Write no log."""


def moved(symbol: str, *, until: date, count: int, name: str | None = None) -> DailySeries:
    """Return the last `count` bundled bars of `symbol` on the last sessions up to `until`, under another `name`."""
    whole = BundledProvider().fetch(symbol, None, None)
    bars = whole.bars[-count:]
    new = sessions_between(until - timedelta(days=2 * count + 20), until)[-count:]
    place = {bar.session: session for bar, session in zip(bars, new, strict=True)}
    return replace(
        whole,
        symbol=name or symbol,
        bars=tuple(replace(bar, session=place[bar.session]) for bar in bars),
        splits=tuple(
            replace(item, ex_date=place[item.ex_date]) for item in whole.splits or () if item.ex_date in place
        ),
        dividends=tuple(
            replace(item, ex_date=place[item.ex_date])
            for item in whole.dividends or ()
            if item.ex_date in place
        ),
        rejected=(),
        notes=(),
    )
