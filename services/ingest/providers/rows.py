"""Checks of one row of daily prices, wherever its text comes from: all of it can be true, or the row is bad."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from services.ingest.providers.domain import Bar
from services.ingest.sessions.domain import CALENDAR, FIRST_DATE, LAST_DATE, is_session
from shared.symbols import printable

LARGEST_ACTION = (
    10**6
)  # no dividend or ratio ever came near, and NUMERIC(18,8) holds ten digits before the point
PRICES = ("open", "high", "low", "close")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")  # NUMERIC(18,6) holds 12 digits before the point
DECIMALS_MOST = 6  # NUMERIC(18,6)
_VOLUME = re.compile(r"[0-9]{1,19}")
_VOLUME_MOST = 2**63 - 1  # BIGINT


class BadRow(ValueError):
    """Says in one phrase why a row is refused."""


def bar_of(fields: Mapping[str, str], *, today: date) -> Bar:
    """Return the bar in the texts of date, open, high, low, close and volume. Raises BadRow."""
    session = session_of(fields["date"], today=today)
    open_, high, low, close = (price_of(fields, name) for name in PRICES)
    if not low <= min(open_, close) <= max(open_, close) <= high:
        raise BadRow(f"open {open_} and close {close} do not lie between low {low} and high {high}")
    volume = volume_of(fields["volume"])
    return Bar(session=session, open=open_, high=high, low=low, close=close, volume=volume)


def session_of(text: str, *, today: date) -> date:
    """Return the trading session that an ISO date names, `today` at the latest. Raises BadRow."""
    day = day_of(text)
    if not FIRST_DATE <= day <= LAST_DATE:
        raise BadRow(f"date {text} is outside the calendar, {CALENDAR} from {FIRST_DATE} to {LAST_DATE}")
    if not is_session(day):
        raise BadRow(f"date {text} is not a trading session")
    if day > today:
        raise BadRow(f"date {text} is in the future")
    return day


def day_of(text: str) -> date:
    """Return the day that an ISO date names. Raises BadRow."""
    if not _DATE.fullmatch(text):
        raise BadRow(f"date '{printable(text)}' is not of the form YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRow(f"date {text} does not exist") from None


def price_of(fields: Mapping[str, str], name: str) -> Decimal:
    """Return a number above zero. Raises BadRow."""
    value = decimal_of(fields, name)
    if not value:
        raise BadRow(f"{name} must be above zero")
    return value


def action_of(fields: Mapping[str, str], name: str) -> Decimal:
    """Return a dividend per share or a split ratio, a million at most. Raises BadRow."""
    value = decimal_of(fields, name)
    if value > LARGEST_ACTION:
        raise BadRow(f"{name} {value} is above {LARGEST_ACTION}")
    return value


def decimal_of(fields: Mapping[str, str], name: str) -> Decimal:
    """Return a number that is not below zero, with at most 6 decimals. Raises BadRow."""
    text = fields[name]
    if not _DECIMAL.fullmatch(text):
        raise BadRow(f"{name} '{printable(text)}' is not a plain number from 0 to below 10^12")
    if len(text.partition(".")[2]) > DECIMALS_MOST:
        raise BadRow(f"{name} '{printable(text)}' has more than {DECIMALS_MOST} decimals")
    return Decimal(text)


def volume_of(text: str) -> int:
    """Return a whole number of shares. Raises BadRow."""
    if not _VOLUME.fullmatch(text) or int(text) > _VOLUME_MOST:
        raise BadRow(f"volume '{printable(text)}' is not a whole number of shares")
    return int(text)
