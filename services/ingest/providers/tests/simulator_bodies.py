"""What the simulated vendors answer, written from series: the members, headers and number texts of the real ones."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from services.ingest.providers.domain import Bar, DailySeries

type Held = Mapping[str, DailySeries]
type Live = Mapping[str, Bar]
type Params = Mapping[str, str]
type Writer = Callable[[Held, Live, Params], bytes | None]

COMPACT = 100
LIVE_TIME = "14:43:40"
NAMES = ("open", "high", "low", "close")


def as_json(value: Any) -> bytes:
    """Return JSON as Alpha Vantage indents it."""
    return json.dumps(value, indent=4).encode()


def price(value: Decimal) -> str:
    """Return a price with four decimals, or with all it has."""
    return format(value if value != round(value, 4) else round(value, 4), "f")


def _symbol(params: Params) -> str:
    return params.get("symbol", "").upper()


def _daily(*, adjusted: bool) -> Writer:
    def write(held: Held, live: Live, params: Params) -> bytes | None:
        if (series := held.get(_symbol(params))) is None:
            return None
        extra = live.get(series.symbol)
        bars = [*series.bars, *([extra] if extra else [])]
        is_full = params.get("outputsize") == "full"
        shown = bars[::-1] if is_full else bars[::-1][:COMPACT]
        factors = _factors(series) if adjusted else {}
        rows = [(bar.session, _adjusted(bar, series, factors) if adjusted else _fields(bar)) for bar in shown]
        if params.get("datatype") == "csv":
            return _csv(rows)
        meta = {
            "1. Information": "Daily Prices (open, high, low, close) and Volumes",
            "2. Symbol": params["symbol"],
            "3. Last Refreshed": f"{shown[0].session} {LIVE_TIME}" if extra else f"{shown[0].session}",
            "4. Output Size": "Full size" if is_full else "Compact",
            "5. Time Zone": "US/Eastern",
        }
        return as_json({"Meta Data": meta, "Time Series (Daily)": _numbered(rows)})

    return write


def _periods(name: str, key_of: Callable[[Bar], Any]) -> Writer:
    def write(held: Held, live: Live, params: Params) -> bytes | None:
        if (series := held.get(_symbol(params))) is None:
            return None
        merged = [_merged(list(bars)) for _, bars in groupby(series.bars, key_of)]
        rows = [(bar.session, _fields(bar)) for bar in reversed(merged)]
        meta = {
            "1. Information": f"{name} Prices (open, high, low, close) and Volumes",
            "2. Symbol": params["symbol"],
            "3. Last Refreshed": f"{rows[0][0]}",
            "4. Time Zone": "US/Eastern",
        }
        return as_json({"Meta Data": meta, f"{name} Time Series": _numbered(rows)})

    return write


def _merged(bars: list[Bar]) -> Bar:
    return Bar(
        session=bars[-1].session,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum(bar.volume for bar in bars),
    )


def _fields(bar: Bar) -> dict[str, str]:
    return {**{name: price(getattr(bar, name)) for name in NAMES}, "volume": str(bar.volume)}


def _adjusted(bar: Bar, series: DailySeries, factors: Mapping[date, Decimal]) -> dict[str, str]:
    fields = _fields(bar)
    volume = fields.pop("volume")
    return {
        **fields,
        "adjusted close": f"{bar.close * factors.get(bar.session, 1):.12f}",
        "volume": volume,
        "dividend amount": price(_on(series.dividends, bar.session, "amount", Decimal(0))),
        "split coefficient": format(_on(series.splits, bar.session, "ratio", Decimal("1.0")), "f"),
    }


def _on(actions: Any, session: date, field: str, otherwise: Decimal) -> Decimal:
    return next((getattr(item, field) for item in actions or () if item.ex_date == session), otherwise)


def _factors(series: DailySeries) -> dict[date, Decimal]:
    """Return what a price of each session is multiplied by: C/(C+D) for a later dividend, 1/ratio for a split."""
    paid = {item.ex_date: item.amount for item in series.dividends or ()}
    ratios = {item.ex_date: item.ratio for item in series.splits or ()}
    factors, factor = {}, Decimal(1)
    for bar in reversed(series.bars):
        factors[bar.session] = factor
        factor *= bar.close / (bar.close + paid.get(bar.session, 0)) / ratios.get(bar.session, 1)
    return factors


def _numbered(rows: list[tuple[date, dict[str, str]]]) -> dict[str, Any]:
    return {
        str(day): {f"{number}. {name}": value for number, (name, value) in enumerate(fields.items(), start=1)}
        for day, fields in rows
    }


def _csv(rows: list[tuple[date, dict[str, str]]]) -> bytes:
    header = ["timestamp", *(name.replace(" ", "_") for name in rows[0][1])]
    lines = [header, *([str(day), *fields.values()] for day, fields in rows)]
    return "".join(f"{','.join(line)}\r\n" for line in lines).encode()


def _quote(held: Held, live: Live, params: Params) -> bytes | None:
    if (series := held.get(_symbol(params))) is None:
        return as_json({"Global Quote": {}})
    before, last = series.bars[-2:]
    change = last.close - before.close
    told = {
        "symbol": series.symbol,
        **{name: price(getattr(last, name)) for name in ("open", "high", "low")},
        "price": price(last.close),
        "volume": str(last.volume),
        "latest trading day": str(last.session),
        "previous close": price(before.close),
        "change": f"{change:.4f}",
        "change percent": f"{100 * change / before.close:.4f}%",
    }
    numbered = {f"{number:02}. {name}": value for number, (name, value) in enumerate(told.items(), start=1)}
    return as_json({"Global Quote": numbered})


def _search(held: Held, live: Live, params: Params) -> bytes | None:
    words = params.get("keywords", "").upper()
    names = (
        "symbol",
        "name",
        "type",
        "region",
        "marketOpen",
        "marketClose",
        "timezone",
        "currency",
        "matchScore",
    )
    matches = [
        (symbol, f"{symbol} Inc", "Equity", "United States", "09:30", "16:00", "UTC-04", "USD", "1.0000")
        for symbol in held
        if words in symbol
    ]
    found = [
        {f"{number}. {name}": value for number, (name, value) in enumerate(zip(names, match, strict=True), 1)}
        for match in matches
    ]
    return as_json({"bestMatches": found})


def _overview(held: Held, live: Live, params: Params) -> bytes | None:
    if (series := held.get(_symbol(params))) is None:
        return b"{}"
    told = {"Symbol": series.symbol, "AssetType": "Common Stock", "Name": f"{series.symbol} Inc"}
    return as_json({**told, "Currency": "USD", "PERatio": "None", "DividendYield": "-", "Beta": "1.25"})


def _dividends(held: Held, live: Live, params: Params) -> bytes | None:
    series = held.get(_symbol(params))
    rows = [
        {
            "ex_dividend_date": str(paid.ex_date),
            "declaration_date": "None",
            "record_date": "None",
            "payment_date": "None",
            "amount": format(paid.amount, "f"),
        }
        for paid in reversed(series.dividends or () if series else ())
    ]
    return as_json({"symbol": _symbol(params), "data": rows})


def _splits(held: Held, live: Live, params: Params) -> bytes | None:
    series = held.get(_symbol(params))
    rows = [
        {"effective_date": str(split.ex_date), "split_factor": price(split.ratio)}
        for split in reversed(series.splits or () if series else ())
    ]
    return as_json({"symbol": _symbol(params), "data": rows})


def _earnings(held: Held, live: Live, params: Params) -> bytes | None:
    if (series := held.get(_symbol(params))) is None:
        return b"{}"
    day = str(series.bars[-1].session)
    quarter = {"fiscalDateEnding": day, "reportedDate": day, "reportedEPS": "1.25", "estimatedEPS": "None"}
    years = [{"fiscalDateEnding": day, "reportedEPS": "5.01"}]
    return as_json({"symbol": series.symbol, "annualEarnings": years, "quarterlyEarnings": [quarter]})


def _listing(held: Held, live: Live, params: Params) -> bytes | None:
    header = "symbol,name,exchange,assetType,ipoDate,delistingDate,status"
    status = params.get("state", "active").capitalize()
    ended = "null" if status == "Active" else "2024-01-31"
    rows = [f'{symbol},"{symbol}, Inc",NYSE,Stock,1990-01-02,{ended},{status}' for symbol in held]
    return "".join(f"{line}\r\n" for line in [header, *rows]).encode()


WRITERS: dict[str, Writer] = {
    "TIME_SERIES_DAILY": _daily(adjusted=False),
    "TIME_SERIES_DAILY_ADJUSTED": _daily(adjusted=True),
    "TIME_SERIES_WEEKLY": _periods("Weekly", lambda bar: bar.session.isocalendar()[:2]),
    "TIME_SERIES_MONTHLY": _periods("Monthly", lambda bar: (bar.session.year, bar.session.month)),
    "GLOBAL_QUOTE": _quote,
    "SYMBOL_SEARCH": _search,
    "OVERVIEW": _overview,
    "DIVIDENDS": _dividends,
    "SPLITS": _splits,
    "EARNINGS": _earnings,
    "LISTING_STATUS": _listing,
}


def tiingo(series: DailySeries, live: Bar | None, params: Params) -> bytes:
    """Return Tiingo's rows from `startDate` to `endDate`, oldest first, with numbers as JSON numbers."""
    first, last = params.get("startDate", "0001-01-01"), params.get("endDate", "9999-12-31")
    bars, factors = [*series.bars, *([live] if live else [])], _factors(series)
    shown = (bar for bar in bars if first <= str(bar.session) <= last)
    return json.dumps([_tiingo(bar, series, factors.get(bar.session, Decimal(1))) for bar in shown]).encode()


def _tiingo(bar: Bar, series: DailySeries, factor: Decimal) -> dict[str, Any]:
    prices = {name: getattr(bar, name) for name in NAMES}
    return {
        "date": f"{bar.session}T00:00:00.000Z",
        **{name: float(value) for name, value in prices.items()},
        "volume": bar.volume,
        **{f"adj{name.capitalize()}": float(value * factor) for name, value in prices.items()},
        "adjVolume": bar.volume,
        "divCash": float(_on(series.dividends, bar.session, "amount", Decimal(0))),
        "splitFactor": float(_on(series.splits, bar.session, "ratio", Decimal(1))),
    }
