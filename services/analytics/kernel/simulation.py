"""What a simulated account did, session by session and trade by trade."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from services.analytics.kernel.arrays import DateArray, FlagArray, FloatArray

type Side = Literal["buy", "sell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One executed order: price after slippage, commission in money."""

    session: date
    side: Side
    shares: float
    price: float
    commission: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOrder:
    """An order decided at the last close, which no later open could fill."""

    side: Side
    decided_session: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A closed position, from its entry fill to its exit fill.

    Prices are after slippage. `exit_shares` differs from `shares` only where a split came between, on raw.
    `pnl` is money, net of both commissions and without dividends, which stand in their own column.
    `return_ratio` is pnl over what the entry cost, its commission included.
    """

    entry_session: date
    exit_session: date
    shares: float
    exit_shares: float
    entry_price: float
    exit_price: float
    entry_commission: float
    exit_commission: float
    dividends: float
    pnl: float
    return_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrade:
    """A position still held at the end, valued at the last close; part of no trade statistic.

    `unrealised_pnl` is money, net of the entry commission and without dividends.
    """

    entry_session: date
    shares: float
    held_shares: float
    entry_price: float
    entry_commission: float
    dividends: float
    last_close: float
    market_value: float
    unrealised_pnl: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """The account over n sessions. Money in the currency of the prices; no NaN anywhere.

    dates               (n + 1,) datetime64[D]: the opening date, then each session
    equity              (n + 1,): opening capital, then cash + shares * close at each close
    cash, shares        (n,): at each close
    held                (n,) bool: a position existed at some time in the session, from the previous close on;
                        so the session at whose open a position is sold still counts
    dividend_income     (n,): cash credited at each ex-date
    unaffordable_orders how many buy orders could not pay for a single share
    """

    dates: DateArray
    equity: FloatArray
    cash: FloatArray
    shares: FloatArray
    held: FlagArray
    dividend_income: FloatArray
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    open_trade: OpenTrade | None
    pending_order: PendingOrder | None
    unaffordable_orders: int

    @property
    def final_equity(self) -> float:
        """Return the equity at the last close, in money."""
        return float(self.equity[-1])

    @property
    def dividends_total(self) -> float:
        """Return all dividends received, in money."""
        return float(np.sum(self.dividend_income))

    @property
    def fees_total(self) -> float:
        """Return the commissions of all fills, in money; slippage is part of the prices."""
        return sum((fill.commission for fill in self.fills), 0.0)
