"""Answers of made-up providers, and what becomes of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from services.ingest.market.models import Action, Bar
from services.ingest.market.services import Recording, record_series
from services.ingest.providers.domain import Bar as ToldBar
from services.ingest.providers.domain import DailySeries, DividendAction, SplitAction
from services.ingest.sessions.domain import sessions_between

NOW = datetime(2020, 1, 2, 21, 30, tzinfo=UTC)
SESSIONS = sessions_between(date(2010, 1, 4), date(2019, 12, 31))
SYMBOL = "TEST"

type Number = str | int | Decimal


def bar(session: date, close: Number, *, volume: int = 10) -> ToldBar:
    """Return a bar that opened, stayed and closed at one price."""
    price = Decimal(close)
    return ToldBar(session=session, open=price, high=price, low=price, close=price, volume=volume)


def answer(
    *closes: Number,
    first: int = 0,
    provider: str = "csv",
    symbol: str = SYMBOL,
    volume: int = 10,
    splits: Sequence[tuple[date, Number]] | None = None,
    dividends: Sequence[tuple[date, Number]] | None = None,
    notes: tuple[str, ...] = (),
) -> DailySeries:
    """Return closes of consecutive sessions from the one numbered `first`, with splits and dividends."""
    days = SESSIONS[first : first + len(closes)]
    return DailySeries(
        symbol=symbol,
        provider=provider,
        attribution=f"terms of {provider}",
        bars=tuple(bar(day, close, volume=volume) for day, close in zip(days, closes, strict=True)),
        splits=None
        if splits is None
        else tuple(SplitAction(ex_date=day, ratio=Decimal(ratio)) for day, ratio in splits),
        dividends=None
        if dividends is None
        else tuple(DividendAction(ex_date=day, amount=Decimal(amount)) for day, amount in dividends),
        notes=notes,
    )


def tell(series: DailySeries, *, replaces: bool = False, fetch_id: UUID | None = None) -> Recording:
    """Record an answer in a transaction of its own."""
    with transaction.atomic(using="ingest", durable=True):
        return record_series(series=series, fetch_id=fetch_id or uuid4(), now=NOW, replaces=replaces)


def known_bars(symbol: str = SYMBOL) -> list[tuple[Any, ...]]:
    """Return provider, close and volume of the current bars, by session."""
    rows = Bar.objects.using("ingest").filter(symbol=symbol, superseded_version=None).order_by("session")
    return list(rows.values_list("provider", "close", "volume"))


def known_actions(symbol: str = SYMBOL) -> list[tuple[Any, ...]]:
    """Return provider, ex-date and value of the current splits and dividends, by day."""
    rows = Action.objects.using("ingest").filter(symbol=symbol, superseded_version=None)
    return list(rows.order_by("ex_date", "kind").values_list("provider", "ex_date", "value"))


def stored_rows(owner: Any) -> list[Any]:
    """Return every row of bars, actions, events and held changes, in the order of all their columns."""
    tables = ("bar", "action", "event", "instrument", "instrument_version", "quarantine", "quarantined_bar")
    return [owner.execute(f"SELECT t::text FROM ingest.{name} t ORDER BY 1").fetchall() for name in tables]
