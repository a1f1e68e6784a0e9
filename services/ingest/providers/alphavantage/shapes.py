"""What an answer to each of Alpha Vantage's functions looks like, in JSON and in CSV."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.ingest.providers.faults import BadProviderData

DAILY, DAILY_ADJUSTED = "TIME_SERIES_DAILY", "TIME_SERIES_DAILY_ADJUSTED"
WEEKLY, MONTHLY = "TIME_SERIES_WEEKLY", "TIME_SERIES_MONTHLY"
QUOTE, SEARCH, OVERVIEW = "GLOBAL_QUOTE", "SYMBOL_SEARCH", "OVERVIEW"
DIVIDENDS, SPLITS, EARNINGS, LISTING = "DIVIDENDS", "SPLITS", "EARNINGS", "LISTING_STATUS"
FULL_HISTORY, ADJUSTED = "full_history", "adjusted"  # what a key may permit

_BARS = "timestamp,open,high,low,close,volume"
_NUMBER = re.compile(r"[0-9]+\. *")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Where the data is. `member` matches its key, `header` is the first line of CSV; without both it is the object.

    `may_be_empty` where nothing to tell is an answer: a company that never paid a dividend exists all the same.
    """

    member: re.Pattern[str] | None = None
    header: str = ""
    is_list: bool = False
    may_be_empty: bool = False

    def payload(self, value: dict[str, Any]) -> Any:
        """Return the data in an answer, None where there is no place for any."""
        if self.member is None:
            return value if "Symbol" in value and not self.is_csv_only else None
        found = [value[key] for key in value if self.member.fullmatch(key)]
        return found[0] if found else None

    @property
    def is_csv_only(self) -> bool:
        """Whether JSON is never given, whatever was asked for."""
        return self.member is None and bool(self.header)

    def fits(self, payload: Any) -> bool:
        """Tell whether data is of the kind that this function gives."""
        return isinstance(payload, list if self.is_list else dict)


_ACTIONS = Shape(member=re.compile("data"), is_list=True, may_be_empty=True)
SHAPES = {
    DAILY: Shape(member=re.compile(r"Time Series \(Daily\)"), header=_BARS),
    DAILY_ADJUSTED: Shape(
        member=re.compile(r"Time Series \(Daily\)"),
        header="timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient",
    ),
    WEEKLY: Shape(member=re.compile("Weekly Time Series"), header=_BARS),
    MONTHLY: Shape(member=re.compile("Monthly Time Series"), header=_BARS),
    QUOTE: Shape(member=re.compile("Global Quote")),
    SEARCH: Shape(member=re.compile("bestMatches"), is_list=True),
    OVERVIEW: Shape(),
    DIVIDENDS: _ACTIONS,
    SPLITS: _ACTIONS,
    EARNINGS: Shape(member=re.compile("quarterlyEarnings"), is_list=True),
    LISTING: Shape(header="symbol,name,exchange,assetType,ipoDate,delistingDate,status", may_be_empty=True),
}


def is_json(body: bytes) -> bool:
    """Tell whether a body means to be JSON: refusals are, even where CSV was asked for."""
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def csv_lines(body: bytes) -> list[str]:
    """Return the lines of a CSV body, whichever way they end. Raises BadProviderData."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadProviderData("The answer is not UTF-8.") from None
    if "\0" in text:
        raise BadProviderData("The answer has a character that cannot be stored.")
    # Not splitlines(): that would also break at form feeds and Unicode separators inside a row.
    return [line.removesuffix("\r") for line in text.split("\n")]


def unnumbered(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return members by name without the number before it, which differs between functions: `5. Time Zone`.

    Raises:
        BadProviderData: a name stands there twice.
    """
    found: dict[str, Any] = {}
    for key, value in pairs:
        name = _NUMBER.sub("", key, count=1)
        if name in found:
            raise BadProviderData(f"The answer has '{name:.80}' twice in one object.")
        found[name] = value
    return found


def same_symbol(told: object, asked: str) -> bool:
    """Tell whether an answer is about the symbol asked for, in whatever case it says so."""
    return isinstance(told, str) and vendor_symbol(told.upper()) == vendor_symbol(asked.upper())


def vendor_symbol(symbol: str) -> str:
    """Return the vendor's spelling: a class of shares follows a hyphen, `BRK-B`; `.LON` is an exchange."""
    return re.sub(r"\.([A-Z])$", r"-\1", symbol)
