"""Dividends and splits out of an answer of Alpha Vantage."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.ingest.providers.alphavantage.series import action_value
from services.ingest.providers.alphavantage.shapes import DIVIDENDS, SHAPES, SPLITS, same_symbol
from services.ingest.providers.alphavantage.table import Row
from services.ingest.providers.answers import at_most_rejected
from services.ingest.providers.domain import DividendAction, RejectedRow, SplitAction
from services.ingest.providers.faults import BadProviderData
from services.ingest.providers.rows import BadRow, day_of
from services.ingest.providers.strict_json import loads
from services.ingest.sessions.domain import FIRST_DATE, LAST_DATE, is_session

NOTHING = "None"  # the vendor's text where there is no date


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions[A]:
    """Actions, ascending, and the rows that cannot be one."""

    found: tuple[A, ...]
    rejected: tuple[RejectedRow, ...]


def records_of(body: bytes, function: str, *, symbol: str) -> list[Any]:
    """Return the rows of an answer that has the symbol and a list, not yet looked at.

    Raises:
        BadProviderData: it has not, or is about another symbol.
    """
    value = loads(body)
    records = SHAPES[function].payload(value) if isinstance(value, dict) else None
    if not isinstance(records, list):
        raise BadProviderData("The answer has no list of rows.")
    if not same_symbol(value.get("symbol"), symbol):
        raise BadProviderData(f"{symbol} was asked for; the answer is about {value.get('symbol')!r:.40}.")
    return records


def dividends_of(body: bytes, *, symbol: str) -> Actions[DividendAction]:
    """Return cash per share by ex-date, those of the future too; two that differ on one day are one sum.

    Raises:
        BadProviderData: the answer is no such list, or more than 5 % of its rows cannot be true.
    """
    paid: dict[date, Decimal] = {}
    seen = set()

    def take(ex_date: date, row: Row) -> None:
        amount = action_value(row.of(["amount"]), "amount")
        told = tuple(sorted(row.fields.items()))
        if not amount:
            raise BadRow("amount must be above zero")
        if told in seen:
            raise BadRow("the same row again")
        seen.add(told)
        paid[ex_date] = paid.get(ex_date, Decimal(0)) + amount

    rejected = _taken(records_of(body, DIVIDENDS, symbol=symbol), "ex_dividend_date", take)
    found = (DividendAction(ex_date=day, amount=amount) for day, amount in sorted(paid.items()))
    return Actions(found=tuple(found), rejected=rejected)


def splits_of(body: bytes, *, symbol: str) -> Actions[SplitAction]:
    """Return new shares for one old by day, as stated: spin-offs too, which the vendor books as splits.

    Raises:
        BadProviderData: the answer is no such list, or more than 5 % of its rows cannot be true.
    """
    ratios: dict[date, Decimal] = {}

    def take(ex_date: date, row: Row) -> None:
        ratio = action_value(row.of(["split_factor"]), "split_factor")
        if not ratio:
            raise BadRow("split_factor must be above zero")
        if ex_date in ratios:
            raise BadRow(f"{ex_date} has a split already")
        ratios[ex_date] = ratio

    rejected = _taken(records_of(body, SPLITS, symbol=symbol), "effective_date", take)
    found = (SplitAction(ex_date=day, ratio=ratio) for day, ratio in sorted(ratios.items()) if ratio != 1)
    return Actions(found=tuple(found), rejected=rejected)


def _taken(records: list[Any], date_name: str, take: Callable[[date, Row], None]) -> tuple[RejectedRow, ...]:
    """Take each row that has a day in the calendar; give those that cannot be true. Raises BadProviderData."""
    rejected = []
    for row in rows_of(records):
        try:
            text = row.of([date_name])[date_name]
            if text == NOTHING:
                continue  # announced without a day: there is nothing to keep yet
            ex_date = day_of(text)
            if not FIRST_DATE <= ex_date <= LAST_DATE:
                continue  # no price of that day can be kept either
            if not is_session(ex_date):
                raise BadRow(f"date {text} is not a trading session")
            take(ex_date, row)
        except BadRow as reason:
            rejected.append(row.rejected(reason))
    return at_most_rejected(rejected, row_count=len(records))


def rows_of(records: list[Any]) -> Iterator[Row]:
    """Give each record as a row whose fields are texts, or which has a flaw."""
    for line, record in enumerate(records, start=2):
        if isinstance(record, dict) and all(isinstance(field, str) for field in record.values()):
            yield Row(line=line, text=str(record), fields=record)
        else:
            yield Row(line=line, text=str(record), fields={}, flaw="the row does not consist of texts")
