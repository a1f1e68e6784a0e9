"""What yfinance makes of Yahoo's answers is data only when it surely is, and prices come out as they traded."""

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.providers import yahoo
from services.ingest.providers.calls import Access, RawAnswer, SeriesRequest, Verdict
from services.ingest.providers.domain import DailySeries, DividendAction, SplitAction
from services.ingest.providers.faults import (
    BadProviderData,
    ProviderOff,
    ProviderUnavailable,
    UnknownLookup,
)
from services.ingest.providers.yahoo import Yahoo
from services.ingest.providers.yahoo_history import history
from services.ingest.sessions.domain import session_times, sessions_between

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # as the program does
    yfinance = import_module("yfinance")

NOW = datetime(2020, 9, 5, tzinfo=UTC)
YAHOO = Yahoo()
REQUEST = SeriesRequest(symbol="AAPL", start=None, end=None, with_actions=True)
ACCESS = Access(base_url="", key="")
(CALL,) = YAHOO.series_calls(REQUEST, capabilities={})

type Answers = Callable[[Any], None]


class Response:
    """What the library's transport returns."""

    status_code, url = 200, "https://query2.finance.yahoo.com"

    def __init__(self, text: str) -> None:
        self.text = text

    def json(self) -> Any:
        return json.loads(self.text)


def chart(**changes: Any) -> dict[str, Any]:
    """Return what Yahoo says of AAPL around its split of 2020-08-31: all in shares of today."""
    sessions = sessions_between(date(2020, 8, 6), date(2020, 9, 1))
    times = [int(session_times(session).open_at.timestamp()) for session in sessions]
    prices = {"open": 126.012497, "high": 131.0, "low": 110.25, "close": 124.807503}
    columns = {name: [price] * len(times) for name, price in prices.items()}
    on = dict(zip(sessions, times, strict=True))
    dividend, split = on[date(2020, 8, 7)], on[date(2020, 8, 31)]
    return {
        "meta": {
            "symbol": "AAPL",
            "currency": "USD",
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": "America/New_York",
            "timezone": "EDT",
            "validRanges": ["max"],
            "regularMarketTime": times[-1],
            "firstTradeDate": times[0],
            "gmtoffset": -14400,
        },
        "timestamp": times,
        "events": {
            "dividends": {str(dividend): {"amount": 0.205, "date": dividend}},
            "splits": {str(split): {"date": split, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}},
        },
        "indicators": {
            "quote": [{**columns, "volume": [187_629_916] * len(times)}],
            "adjclose": [{"adjclose": [price * 0.98 for price in columns["close"]]}],
        },
        **changes,
    }


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Let the library's transport say something, or raise it."""

    def say(what: Any) -> None:
        def get(self: Any, url: str, params: Any = None, timeout: int = 30) -> Response:
            assert "/v8/finance/chart/AAPL" in url
            if isinstance(what, Exception):
                raise what
            text = what if isinstance(what, str) else json.dumps({"chart": {"result": [what], "error": None}})
            return Response(text)

        monkeypatch.setattr(yfinance.data.YfData, "get", get)
        monkeypatch.setattr(yfinance.data.YfData, "cache_get", get)

    return say


def told(folder: Path, symbol: str = "AAPL") -> bytes:
    return json.dumps(history(symbol, "2020-08-06", cache_folder=str(folder))).encode()


def verdict(body: bytes) -> Verdict:
    return YAHOO.understand(CALL, RawAnswer(status=200, body=body)).verdict


def read(body: bytes, *, now: datetime = NOW, **changes: Any) -> DailySeries:
    return YAHOO.read_series(replace(REQUEST, **changes), {"history": body}, now=now)


def test_prices_come_out_as_they_traded_with_dividends_as_they_were_paid(
    answers: Answers, tmp_path: Path
) -> None:
    answers(chart())

    body = told(tmp_path)
    series = read(body)

    assert verdict(body) is Verdict.DATA
    before, after = series.bars[0], series.bars[-1]
    assert (before.session, before.open, before.close) == (
        date(2020, 8, 6),
        Decimal("504.05"),
        Decimal("499.23"),
    )
    assert (before.volume, after.volume) == (46_907_479, 187_629_916)
    assert (after.session, after.close) == (date(2020, 9, 1), Decimal("124.8075"))
    assert series.splits == (SplitAction(ex_date=date(2020, 8, 31), ratio=Decimal(4)),)
    assert series.dividends == (DividendAction(ex_date=date(2020, 8, 7), amount=Decimal("0.82")),)
    assert (series.provider, series.rejected) == ("yfinance", ())


def test_the_range_is_cut_after_all_splits_are_known(answers: Answers, tmp_path: Path) -> None:
    answers(chart())

    series = read(told(tmp_path), start=date(2020, 8, 10), end=date(2020, 8, 28))

    assert (series.bars[0].session, series.bars[-1].session) == (date(2020, 8, 10), date(2020, 8, 28))
    assert (series.bars[-1].close, series.splits, series.dividends) == (Decimal("499.23"), (), ())
    assert dict(CALL.params) == {"symbol": "AAPL", "start": "1990-01-01"}


def test_a_session_that_is_not_over_is_left_out_and_named(answers: Answers, tmp_path: Path) -> None:
    answers(chart())

    series = read(told(tmp_path), now=datetime(2020, 9, 1, 19, tzinfo=UTC))

    assert (series.bars[-1].session, series.provisional_session) == (date(2020, 8, 31), date(2020, 9, 1))


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("<!DOCTYPE html><html>Will be right back</html>", Verdict.TRANSPORT),
        ("<html>Too many requests</html>", Verdict.TRANSPORT),
        ("", Verdict.TRANSPORT),
        ("null", Verdict.TRANSPORT),
        ("{}", Verdict.TRANSPORT),
        ('{"chart": {"result": null, "error": null}}', Verdict.TRANSPORT),
        ('{"chart": {"result": [], "error": null}}', Verdict.TRANSPORT),
        ('{"status_code": 503}', Verdict.TRANSPORT),
        (
            '{"chart": {"result": null, "error": {"code": "Not Found", "description": "No data found, delisted"}}}',
            Verdict.NOT_FOUND,
        ),
        (yfinance.exceptions.YFRateLimitError(), Verdict.VOLUME),
        (ConnectionError("no route"), Verdict.TRANSPORT),
        (KeyError("indicators"), Verdict.TRANSPORT),
        (
            chart(
                timestamp=[],
                indicators={"quote": [dict.fromkeys(("open", "high", "low", "close", "volume"), ())]},
            ),
            Verdict.TRANSPORT,
        ),
    ],
)
def test_what_is_no_data_is_never_taken_for_an_empty_history(
    answers: Answers, tmp_path: Path, what: Any, expected: Verdict
) -> None:
    answers(what)

    assert verdict(told(tmp_path)) is expected


def test_a_bad_answer_is_not_remembered_for_the_next(answers: Answers, tmp_path: Path) -> None:
    answers("<html></html>")
    assert verdict(told(tmp_path)) is Verdict.TRANSPORT

    answers(chart())

    assert verdict(told(tmp_path)) is Verdict.DATA


def test_the_caches_lie_where_they_are_told_to_and_not_with_the_user(tmp_path: Path) -> None:
    told_to, home = tmp_path / "caches", tmp_path / "home"
    program = (
        "from yfinance.data import YfData\n"
        "YfData.get = YfData.cache_get = lambda *asked, **options: 1 / 0\n"
        "from services.ingest.providers.yahoo_history import history\n"
        f"print(history('AAPL', '2020-01-01', cache_folder={str(told_to)!r}))\n"
    )
    checkout = Path(__file__).resolve().parents[4]
    environment = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "ZeroDivisionError" in done.stdout, done.stderr
    assert list(told_to.rglob("*.db"))
    assert not home.exists()


def test_a_price_that_is_missing_makes_a_rejected_row(answers: Answers, tmp_path: Path) -> None:
    whole = chart()
    whole["indicators"]["quote"][0]["open"][3] = None
    answers(whole)
    body = told(tmp_path)

    with pytest.raises(BadProviderData, match="1 of 19 rows cannot be true; the first is row 4: open ''"):
        read(body)


@pytest.mark.parametrize(("name", "value"), [("symbol", "MSFT"), ("currency", "CAD")])
def test_an_answer_about_something_else_is_refused(
    answers: Answers, tmp_path: Path, name: str, value: str
) -> None:
    whole = chart()
    whole["meta"][name] = value
    answers(whole)

    with pytest.raises(BadProviderData, match=value):
        read(told(tmp_path))


LIBRARY = """
import pathlib, sys, time
class exceptions:
    class YFRateLimitError(Exception): pass
    class YFPricesMissingError(Exception): yahoo_reason = None
class cache:
    set_cache_location = staticmethod(lambda folder: None)
    @staticmethod
    def get_tz_cache():
        class Cache: store = staticmethod(lambda *told: None)
        return Cache
class config:
    class debug: hide_exceptions = True
def Ticker(symbol):
    print("noise", file=sys.stderr)
    {action}
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put another library of that name where a process finds it first."""

    def write(action: str) -> None:
        (tmp_path / "yfinance.py").write_text(LIBRARY.replace("{action}", action))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return write


def test_it_runs_in_a_process_of_its_own(library: Callable[[str], None]) -> None:
    library("raise exceptions.YFRateLimitError(symbol)")

    answer = YAHOO.send(CALL, ACCESS)

    assert json.loads(answer.body) == {"outcome": "limited", "detail": "AAPL"}


def test_a_library_that_never_ends_is_stopped(
    library: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    library("time.sleep(60)")
    started = time.monotonic()
    monkeypatch.setattr(yahoo, "DEADLINE_SECONDS", 0.5)

    with pytest.raises(ProviderUnavailable, match=r"within 0\.5 seconds"):
        YAHOO.send(CALL, ACCESS)
    assert time.monotonic() - started < 4


def test_a_library_that_dies_is_no_answer(library: Callable[[str], None]) -> None:
    library("sys.exit(3)")

    with pytest.raises(ProviderUnavailable, match="no usable answer"):
        YAHOO.send(CALL, ACCESS)


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yfinance", None)
    monkeypatch.setattr(yahoo, "find_spec", lambda _: None)

    with pytest.raises(ProviderOff, match=r"bellwether\[yfinance\]"):
        YAHOO.send(CALL, ACCESS)


@given(st.binary(max_size=200))
def test_any_other_bytes_are_no_data(noise: bytes) -> None:
    assert verdict(noise) in {Verdict.TRANSPORT, Verdict.BAD_DATA}


def test_only_prices_are_asked_of_it() -> None:
    with pytest.raises(UnknownLookup, match="quote"):
        YAHOO.lookup_call("quote", "AAPL", None)
    with pytest.raises(UnknownLookup):
        YAHOO.read_lookup("quote", "AAPL", b"{}", now=NOW)
