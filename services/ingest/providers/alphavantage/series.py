"""Bars, and the actions that some series state beside them, out of an answer of Alpha Vantage."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from services.ingest.providers.alphavantage.table import Row, Table
from services.ingest.providers.answers import at_most_rejected, is_final
from services.ingest.providers.domain import Bar, DividendAction, RejectedRow, SplitAction
from services.ingest.providers.rows import PRICES, BadRow, action_of, bar_of
from services.ingest.sessions.domain import NEW_YORK, session_times

COMPACT_ROWS = 100
_BAR = ("date", *PRICES, "volume")
_ACTIONS = ("dividend amount", "split coefficient")
_REFRESHED = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?: ([0-9]{2}:[0-9]{2}:[0-9]{2}))?")
_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A series as read, ascending; `splits` and `dividends` are None where it does not speak of such."""

    bars: tuple[Bar, ...]
    splits: tuple[SplitAction, ...] | None
    dividends: tuple[DividendAction, ...] | None
    rejected: tuple[RejectedRow, ...]
    provisional_session: date | None
    is_cut_short: bool


@dataclass(frozen=True, slots=True)
class _Day:
    bar: Bar
    dividend: Decimal
    split: Decimal


def bars_of(table: Table, *, now: datetime, with_actions: bool) -> Bars:
    """Return what `table` tells as of `now`, with the actions of an adjusted series if `with_actions`.

    A newest session that was not over, or that the vendor last looked at before it was, is left out.

    Raises:
        BadProviderData: more than 5 % of the rows cannot be true.
    """
    days: list[_Day] = []
    rejected: list[RejectedRow] = []
    for row in table.rows:
        try:
            days.append(_day(row, today=now.astimezone(NEW_YORK).date(), with_actions=with_actions))
        except BadRow as reason:
            rejected.append(row.rejected(reason))
    days.sort(key=lambda day: day.bar.session)
    provisional = None
    if days and not _is_over(days[-1].bar.session, table.refreshed, now=now):
        provisional = days.pop().bar.session
    splits = (SplitAction(ex_date=day.bar.session, ratio=day.split) for day in days if day.split != 1)
    dividends = (DividendAction(ex_date=day.bar.session, amount=day.dividend) for day in days if day.dividend)
    return Bars(
        bars=tuple(day.bar for day in days),
        splits=tuple(splits) if with_actions else None,
        dividends=tuple(dividends) if with_actions else None,
        rejected=at_most_rejected(rejected, row_count=len(table.rows)),
        provisional_session=provisional,
        is_cut_short=len(table.rows) == COMPACT_ROWS and not table.output_size.lower().startswith("full"),
    )


def action_value(fields: dict[str, str], name: str) -> Decimal:
    """Return an amount or a ratio to 6 decimals, as many as are stored: 7.00000700001 stands for 7. Raises BadRow."""
    whole, _, decimals = fields[name].partition(".")
    if decimals[_DECIMALS:].strip("0123456789"):
        raise BadRow(f"{name} is not a plain number")
    return action_of({name: f"{whole}.{decimals[:_DECIMALS]}" if decimals else fields[name]}, name)


def _day(row: Row, *, today: date, with_actions: bool) -> _Day:
    bar = bar_of(row.of(_BAR), today=today)
    if not with_actions:
        return _Day(bar, Decimal(0), Decimal(1))
    stated = row.of(_ACTIONS)
    dividend, split = (action_value(stated, name) for name in _ACTIONS)
    if not split:
        raise BadRow("split coefficient must be above zero")
    return _Day(bar, dividend, split)


def _is_over(session: date, refreshed: str, *, now: datetime) -> bool:
    """Tell whether a series' newest session is final.

    The vendor's time decides where there is one: an answer of the afternoon may come out of a cache at night. A date
    alone says that the day is closed, which is believed once it can be. Else the clock decides by itself.
    """
    told = _REFRESHED.fullmatch(refreshed)
    if not told:
        return is_final(session, now=now)
    close_at = session_times(session).close_at
    if told[2] is None:
        return close_at <= now
    try:
        at = datetime.combine(date.fromisoformat(told[1]), time.fromisoformat(told[2]), NEW_YORK)
    except ValueError:
        return is_final(session, now=now)
    return close_at <= at and is_final(session, now=now)
