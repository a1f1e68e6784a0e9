"""What Alpha Vantage is asked beside daily prices, and the rows of its answers."""

import csv
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from services.ingest.providers.alphavantage.actions import dividends_of, records_of, splits_of
from services.ingest.providers.alphavantage.series import bars_of
from services.ingest.providers.alphavantage.shapes import (
    DIVIDENDS,
    EARNINGS,
    LISTING,
    MONTHLY,
    OVERVIEW,
    QUOTE,
    SEARCH,
    SHAPES,
    SPLITS,
    WEEKLY,
    csv_lines,
    same_symbol,
    unnumbered,
    vendor_symbol,
)
from services.ingest.providers.alphavantage.table import table_of
from services.ingest.providers.answers import at_most_rejected
from services.ingest.providers.calls import Call
from services.ingest.providers.domain import Bar, RejectedRow
from services.ingest.providers.faults import BadProviderData, UnknownLookup
from services.ingest.providers.rows import PRICES, BadRow, price_of
from services.ingest.providers.strict_json import loads
from services.ingest.sessions.domain import next_sessions
from shared.errors import ValidationFailed
from shared.symbols import normalise_symbol, printable

LISTING_FROM = date(2010, 1, 1)
LISTING_STATES = ("active", "delisted")
LONGEST_SEARCH = 100
MISSING = {"None", "-", "null", ""}
FUNCTIONS = {
    "quote": QUOTE,
    "search": SEARCH,
    "overview": OVERVIEW,
    "weekly": WEEKLY,
    "monthly": MONTHLY,
    "dividends": DIVIDENDS,
    "splits": SPLITS,
    "earnings": EARNINGS,
    "listing": LISTING,
}

type Rows = list[dict[str, Any]]
type Reader = Callable[[str, bytes, datetime], Rows]


def lookup_call(kind: str, subject: str, on: date | None) -> Call:
    """Return the call that answers a lookup.

    Raises:
        UnknownLookup: there is no lookup of this kind.
        InvalidSymbol: the subject should be a symbol.
        ValidationFailed: the words to search for are missing or too long, or a listing's state or day is not known.
    """
    if kind not in FUNCTIONS:
        known = ", ".join(sorted(FUNCTIONS))
        raise UnknownLookup(f"Alpha Vantage has no lookup {printable(kind)}; it has {known}.")
    if on and kind != "listing":
        raise ValidationFailed(f"A lookup {kind} takes no day.")
    if kind == "listing":
        params = _listing_params(subject, on)
    elif kind == "search":
        params = (("keywords", _words(subject)),)
    else:
        params = (("symbol", vendor_symbol(normalise_symbol(subject))),)
    return Call(name=kind, function=FUNCTIONS[kind], subject=subject, params=params)


def read_lookup(kind: str, subject: str, body: bytes, *, now: datetime) -> Rows:
    """Return the rows of a lookup's answer, decimals as texts and None for what the vendor does not know.

    Rows of weekly and monthly prices and of actions that cannot be true are left out; `is_final` is false of a
    week or month that was not over at `now`.

    Raises:
        BadProviderData: the answer is not what was asked for, or more than 5 % of its rows cannot be true.
        UnknownLookup: there is no lookup of this kind.
    """
    if kind not in _READERS:
        raise UnknownLookup(f"Alpha Vantage has no lookup {printable(kind)}.")
    return _READERS[kind](subject, body, now)


def _listing_params(subject: str, on: date | None) -> tuple[tuple[str, str], ...]:
    state = subject.lower() or LISTING_STATES[0]
    if state not in LISTING_STATES:
        raise ValidationFailed(f"A listing is {' or '.join(LISTING_STATES)}, not '{printable(subject)}'.")
    if on and on < LISTING_FROM:
        raise ValidationFailed(f"Listings are known from {LISTING_FROM}, not on {on}.")
    return (("state", state), *((("date", on.isoformat()),) if on else ()))


def _words(subject: str) -> str:
    if not subject.strip() or len(subject) > LONGEST_SEARCH or not subject.isprintable():
        raise ValidationFailed(f"A search takes words of at most {LONGEST_SEARCH} characters.")
    return subject.strip()


def _quote(subject: str, body: bytes, now: datetime) -> Rows:
    quote = _named(_payload(QUOTE, body, dict))
    _require_symbol(quote.get("symbol"), subject)
    try:
        price_of({"price": str(quote.get("price"))}, "price")
    except BadRow as reason:
        raise BadProviderData(f"The quote cannot be true: {reason}.") from None
    return [quote]


def _search(subject: str, body: bytes, now: datetime) -> Rows:
    return _records(_payload(SEARCH, body, list))


def _overview(subject: str, body: bytes, now: datetime) -> Rows:
    overview = _payload(OVERVIEW, body, dict)
    _require_symbol(overview["Symbol"], subject)
    return [_named(overview)]


def _earnings(subject: str, body: bytes, now: datetime) -> Rows:
    quarters = records_of(body, EARNINGS, symbol=subject)
    years = loads(body).get("annualEarnings")
    told = {"quarterly": quarters, "annual": years if isinstance(years, list) else []}
    return [{"period": period, **row} for period, records in told.items() for row in _records(records)]


def _prices(function: str, interval: str) -> Reader:
    def read(subject: str, body: bytes, now: datetime) -> Rows:
        bars = bars_of(table_of(body, function, symbol=subject), now=now, with_actions=False).bars
        return [_period(bar, interval, is_final=bar != bars[-1] or _ends(bar, interval)) for bar in bars]

    return read


def _period(bar: Bar, interval: str, *, is_final: bool) -> dict[str, Any]:
    prices = {name: format(getattr(bar, name), "f") for name in PRICES}
    row = {"interval": interval, "last_session": bar.session.isoformat(), **prices}
    return {**row, "volume": bar.volume, "is_final": is_final}


def _ends(bar: Bar, interval: str) -> bool:
    """Tell whether the session of `bar` is the last of its week or month."""
    (following,) = next_sessions(bar.session, 1)
    if interval == "weekly":
        return following.isocalendar()[:2] != bar.session.isocalendar()[:2]
    return following.month != bar.session.month


def _dividends(subject: str, body: bytes, now: datetime) -> Rows:
    rejected = dividends_of(body, symbol=subject).rejected
    return _but(rejected, records_of(body, DIVIDENDS, symbol=subject))


def _splits(subject: str, body: bytes, now: datetime) -> Rows:
    rejected = splits_of(body, symbol=subject).rejected
    return _but(rejected, records_of(body, SPLITS, symbol=subject))


def _but(rejected: tuple[RejectedRow, ...], records: list[Any]) -> Rows:
    lines = {row.line for row in rejected}
    return _records([record for line, record in enumerate(records, start=2) if line not in lines])


def _listing(subject: str, body: bytes, now: datetime) -> Rows:
    header, *lines = csv_lines(body)
    if header != SHAPES[LISTING].header:
        raise BadProviderData(f"The header is not '{SHAPES[LISTING].header}'.")
    names = header.split(",")
    rows, rejected = [], []
    for line, text in enumerate(lines, start=2):
        try:
            fields = next(csv.reader([text]), [])
        except csv.Error:
            fields = ["unreadable"]
        if len(fields) == len(names):
            rows.append(_named(dict(zip(names, fields, strict=True))))
        elif fields:
            rejected.append(RejectedRow(line=line, reason=f"not {len(names)} fields", text=printable(text)))
    at_most_rejected(rejected, row_count=len(rows) + len(rejected))
    return rows


def _payload(function: str, body: bytes, kind: type) -> Any:
    value = loads(body)
    payload = SHAPES[function].payload(value) if isinstance(value, dict) else None
    if not isinstance(payload, kind):
        raise BadProviderData("The answer does not have the data that was asked for.")
    return payload


def _require_symbol(told: object, asked: str) -> None:
    if not same_symbol(told, asked):
        raise BadProviderData(f"{asked} was asked for; the answer is about {told!r:.40}.")


def _records(records: list[Any]) -> Rows:
    if not all(isinstance(record, dict) for record in records):
        raise BadProviderData("A row of the answer is no object.")
    return [_named(record) for record in records]


def _named(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with names without numbers and blanks, and None where the vendor writes that it has nothing."""
    return {
        name.replace(" ", "_"): None if isinstance(value, str) and value in MISSING else value
        for name, value in unnumbered(record.items()).items()
    }


_READERS: dict[str, Reader] = {
    "quote": _quote,
    "search": _search,
    "overview": _overview,
    "weekly": _prices(WEEKLY, "weekly"),
    "monthly": _prices(MONTHLY, "monthly"),
    "dividends": _dividends,
    "splits": _splits,
    "earnings": _earnings,
    "listing": _listing,
}
