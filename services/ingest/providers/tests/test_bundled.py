"""The bundled series are what their manifest says, and our adjustment reproduces their adjusted closes."""

import csv
import json
from datetime import date
from decimal import Decimal
from hashlib import sha256

import numpy as np
import pytest

from services.ingest.providers.bundled_provider import BUNDLED, BundledProvider
from services.ingest.providers.domain import DailySeries, UnknownProvider, UnknownSymbol
from services.ingest.providers.registry import provider_names, remote_provider, require_provider
from services.ingest.sessions.domain import sessions_between
from shared.pricing.adjustment import Basis, adjust
from shared.pricing.history import Dividend, PriceHistory, Split

SYMBOLS = ("AAPL", "AMZN", "FB", "GOOG", "IBM", "MSFT")
MANIFEST = json.loads((BUNDLED / "manifest.json").read_bytes())["symbols"]


def fetch(symbol: str, start: date | None = None, end: date | None = None) -> DailySeries:
    return BundledProvider().fetch(symbol, start, end)


def as_history(series: DailySeries) -> PriceHistory:
    prices = {
        name: np.array([float(getattr(bar, name)) for bar in series.bars])
        for name in ("open", "high", "low", "close")
    }
    return PriceHistory(
        symbol=series.symbol,
        version=1,
        sessions=np.array([bar.session for bar in series.bars], dtype="datetime64[D]"),
        **prices,
        volume=np.array([bar.volume for bar in series.bars], dtype=np.int64),
        splits=tuple(Split(ex_date=split.ex_date, ratio=float(split.ratio)) for split in series.splits or ()),
        dividends=tuple(
            Dividend(ex_date=paid.ex_date, amount=float(paid.amount)) for paid in series.dividends or ()
        ),
    )


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_total_return_reproduces_the_adjusted_closes(symbol: str) -> None:
    """The sources print 10 significant digits: a value is off by up to 5e-10, a ratio of two by 1e-9."""
    with (BUNDLED / f"{symbol}.csv").open(newline="") as file:
        stated = np.array([float(row["adj_close"]) for row in csv.DictReader(file)])

    ours = adjust(as_history(fetch(symbol)), Basis.TOTAL_RETURN).close

    # IBM's file was adjusted years after its last row, so the curves are compared from that row on back.
    assert ours / ours[-1] == pytest.approx(stated / stated[-1], rel=1e-9, abs=0)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_manifest_describes_the_files(symbol: str) -> None:
    entry, series = MANIFEST[symbol], fetch(symbol)
    sessions = [bar.session for bar in series.bars]
    missing = set(sessions_between(sessions[0], sessions[-1])) - set(sessions)

    assert sha256((BUNDLED / f"{symbol}.csv").read_bytes()).hexdigest() == entry["sha256"]
    assert len(sessions) == entry["rows"]
    assert [str(sessions[0]), str(sessions[-1])] == [entry["first_session"], entry["last_session"]]
    assert [str(session) for session in sorted(missing)] == entry["missing_sessions"]
    assert entry["licence"] and entry["source"] in series.attribution


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_dropped_rows_are_reported_and_carried_no_action(symbol: str) -> None:
    rejected = fetch(symbol).rejected

    assert [row.text[:10] for row in rejected] == (["2015-07-16"] if symbol in ("AMZN", "FB", "GOOG") else [])
    assert all("do not lie between" in row.reason and ",0,1," in row.text for row in rejected)
    assert fetch(symbol, end=date(2015, 7, 15)).rejected == ()


def test_the_known_actions_are_there() -> None:
    apple, ibm = fetch("AAPL"), fetch("IBM")

    splits = [(str(split.ex_date), int(split.ratio)) for split in apple.splits or ()]
    assert splits == [("2005-02-28", 2), ("2014-06-09", 7)]
    assert {symbol: len(fetch(symbol).dividends or ()) for symbol in SYMBOLS} == {
        "AAPL": 21,
        "AMZN": 0,
        "FB": 0,
        "GOOG": 0,
        "IBM": 52,
        "MSFT": 54,
    }
    paid_in_2012 = [paid.amount for paid in ibm.dividends or () if paid.ex_date.year == 2012]
    assert paid_in_2012 == [Decimal("0.75"), Decimal("0.85"), Decimal("0.85"), Decimal("0.85")]
    assert ibm.splits == ()


def test_a_fetch_returns_both_ends_of_the_range_and_nothing_else() -> None:
    series = fetch("AAPL", date(2014, 6, 6), date(2014, 8, 7))

    assert (series.bars[0].session, series.bars[-1].session) == (date(2014, 6, 6), date(2014, 8, 7))
    assert (series.bars[0].close, series.bars[1].close) == (Decimal("645.57"), Decimal("93.7"))
    assert [split.ex_date for split in series.splits or ()] == [date(2014, 6, 9)]
    assert [paid.ex_date for paid in series.dividends or ()] == [date(2014, 8, 7)]
    assert series.provider == "bundled"


def test_a_range_without_bars_is_empty_and_no_error() -> None:
    assert fetch("FB", end=date(2012, 5, 17)).bars == ()


def test_what_the_source_lacks_is_noted() -> None:
    assert "2018-02-09" in fetch("AAPL").notes[0]


def test_an_unknown_symbol_names_the_known_ones() -> None:
    with pytest.raises(UnknownSymbol) as unknown:
        fetch("ZZZZ")

    problem = unknown.value.as_problem()
    assert (problem["status"], problem["known_symbols"]) == (404, list(SYMBOLS))
    assert BundledProvider().symbols() == SYMBOLS


def test_every_name_stands_for_a_provider_or_for_the_plan() -> None:
    assert provider_names() == ("alphavantage", "auto", "bundled", "tiingo", "yfinance")
    for name in provider_names():
        require_provider(name)
    for name in ("alphavantage", "tiingo", "yfinance"):
        assert remote_provider(name).name == name


@pytest.mark.parametrize("name", ["no\nsuch", "", "BUNDLED"])
def test_a_name_that_stands_for_nobody_is_refused_with_those_that_do(name: str) -> None:
    with pytest.raises(UnknownProvider, match="known are alphavantage"):
        require_provider(name)
    with pytest.raises(UnknownProvider, match="known are alphavantage, tiingo"):
        remote_provider(name)
