"""What a simulated account did, session by session and trade by trade; objects are made when asked for."""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np

from services.analytics.kernel.arrays import DateArray, FlagArray, FloatArray, IndexArray
from services.analytics.kernel.trades import Credits, FillColumns, TradeColumns, trade_columns

type Side = Literal["buy", "sell"]
type Reason = Literal["signal", "stop", "target", "trailing"]

# By the numbers of `engine.prices`.
_REASONS: tuple[Reason, ...] = ("signal", "signal", "stop", "target", "trailing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One executed order: price after all costs but the commission, which is money.

    `stop` is the level that protects the position from this entry on, in the prices of the session.
    """

    symbol: str
    session: date
    side: Side
    shares: float
    price: float
    commission: float
    reason: Reason
    stop: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOrder:
    """An order that waits for the session after the last; limit and stop are prices of that last session."""

    side: Side
    decided_session: date
    symbol: str
    limit: float | None = None
    stop: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A closed position, from its entry fill to its exit fill.

    Prices are after costs. `exit_shares` differs from `shares` only where a split came between, on raw.
    `pnl` is money, net of both commissions and without dividends, which stand in their own column and are
    negative where a short position owed them. `return_ratio` is pnl over what the entry cost, its commission
    included. `initial_risk` is money from the entry price to the stop of the entry, None without one.
    """

    symbol: str
    side: Literal["long", "short"]
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
    initial_risk: float | None
    exit_reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrade:
    """A position still held at the end, valued at the last close; part of no trade statistic.

    Shares are positive on both sides; `market_value` is negative for a short. `unrealised_pnl` is money, net
    of the entry commission and without dividends.
    """

    symbol: str
    side: Literal["long", "short"]
    entry_session: date
    shares: float
    held_shares: float
    entry_price: float
    entry_commission: float
    dividends: float
    last_close: float
    market_value: float
    unrealised_pnl: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulation:
    """An account over n sessions and m instruments. Money in the currency of the prices; no NaN in columns.

    symbols             (m,)
    dates               (n + 1,) datetime64[D]: the opening date, then each session
    equity              (n + 1,): opening capital, then cash + all holdings * close at each close
    stops               (count + 1,) int64: the sessions from whose close on the account may have another cash or
                        other shares, the first always, and n at the end
    cash_from           (count,): cash from each stop on
    shares_from         (m, count): signed shares of each instrument from each stop on
    credits             the dividends
    closes              (m, n)
    fill_columns        the fills in order
    pending_orders      what waits for the session after the last
    unaffordable_orders how many entries could not pay for a single share
    refused_orders      how many entries had no size: no stop on the right side to risk, or no volatility yet
    """

    symbols: tuple[str, ...]
    dates: DateArray
    equity: FloatArray
    stops: IndexArray
    cash_from: FloatArray
    shares_from: FloatArray
    credits: Credits
    closes: FloatArray
    fill_columns: FillColumns
    pending_orders: tuple[PendingOrder, ...]
    unaffordable_orders: int
    refused_orders: int

    def after_first_session(self) -> "Simulation":
        """Return the account from its first close on, at which it held nothing and had not yet traded."""
        first = int(self.stops[1] == 1)
        return replace(
            self,
            dates=self.dates[1:],
            equity=self.equity[1:],
            stops=np.maximum(self.stops[first:] - 1, 0),
            cash_from=self.cash_from[first:],
            shares_from=self.shares_from[:, first:],
            closes=self.closes[:, 1:],
            credits=replace(
                self.credits, sessions=self.credits.sessions - 1, session=self.credits.session - 1
            ),
            fill_columns=replace(self.fill_columns, session=self.fill_columns.session - 1),
        )

    @cached_property
    def cash(self) -> FloatArray:
        """Return (n,) the cash at each close."""
        return np.repeat(self.cash_from, np.diff(self.stops))

    @cached_property
    def holdings(self) -> FloatArray:
        """Return (m, n) the signed shares of each instrument at each close."""
        return np.repeat(self.shares_from, np.diff(self.stops), axis=1)

    @property
    def shares(self) -> FloatArray:
        """Return (n,) the signed shares of the only instrument at each close."""
        (shares,) = self.holdings
        return np.asarray(shares)

    @cached_property
    def held(self) -> FlagArray:
        """Return (n,) whether a position existed at some time in the session, from the previous close on.

        So the session at whose open a position is sold still counts, and one entered and left inside a bar.
        """
        held: FlagArray = (self.holdings != 0.0).any(axis=0)
        held[1:] |= (self.holdings[:, :-1] != 0.0).any(axis=0)
        held[self.fill_columns.session] = True
        return held

    @property
    def gross_value(self) -> FloatArray:
        """Return (n,) the value of all positions at each close, shorts counted as positive."""
        return np.asarray(np.abs(self.holdings * self.closes).sum(axis=0))

    @property
    def incomes(self) -> FloatArray:
        """Return (m, n) the cash that each instrument credited (negative: owed) at each ex-date."""
        incomes = np.zeros_like(self.holdings)
        incomes[self.credits.asset, self.credits.session] = self.credits.amount
        return incomes

    @property
    def dividend_income(self) -> FloatArray:
        """Return (n,) the cash credited (negative: owed) at each ex-date."""
        return np.asarray(self.incomes.sum(axis=0))

    @property
    def final_equity(self) -> float:
        """Return the equity at the last close, in money."""
        return float(self.equity[-1])

    @property
    def dividends_total(self) -> float:
        """Return all dividends received less those owed, in money."""
        return float(np.sum(self.credits.amount))

    @property
    def fees_total(self) -> float:
        """Return the commissions of all fills, in money; slippage is part of the prices."""
        return float(np.sum(self.fill_columns.commission))

    @property
    def pending_order(self) -> PendingOrder | None:
        """Return what waits in an account of one instrument."""
        return self.pending_orders[0] if self.pending_orders else None

    @cached_property
    def trade_columns(self) -> TradeColumns:
        """Return the closed trades as columns, in the order of their exits."""
        return trade_columns(self.fill_columns, self.credits, instruments=len(self.symbols))

    @cached_property
    def fills(self) -> tuple[Fill, ...]:
        """Return every fill in order."""
        columns = self.fill_columns
        return tuple(
            Fill(
                symbol=self.symbols[asset],
                session=self._session(session),
                side="buy" if quantity > 0 else "sell",
                shares=abs(quantity),
                price=price,
                commission=commission,
                reason=_REASONS[reason],
                stop=None if np.isnan(stop) else stop,
            )
            for session, asset, quantity, price, commission, reason, stop in columns.rows()
        )

    @cached_property
    def trades(self) -> tuple[Trade, ...]:
        """Return every closed trade in the order of their exits."""
        return tuple(
            Trade(
                symbol=self.symbols[asset],
                side="long" if quantity > 0 else "short",
                entry_session=self._session(entry),
                exit_session=self._session(exit_),
                shares=abs(quantity),
                initial_risk=None if np.isnan(risk) else risk,
                exit_reason=_REASONS[reason],
                **figures,
            )
            for asset, quantity, entry, exit_, risk, reason, figures in self.trade_columns.rows()
        )

    @cached_property
    def open_trades(self) -> tuple[OpenTrade, ...]:
        """Return the positions still held at the end, in the order of their entries."""
        return tuple(self._open_trade(row) for row in self.trade_columns.open_entries.tolist())

    @property
    def open_trade(self) -> OpenTrade | None:
        """Return the position still held in an account of one instrument."""
        return self.open_trades[0] if self.open_trades else None

    def _open_trade(self, row: int) -> OpenTrade:
        columns = self.fill_columns
        asset, entry = int(columns.asset[row]), int(columns.session[row])
        quantity, price = float(columns.quantity[row]), float(columns.price[row])
        commission, last_close = float(columns.commission[row]), float(self.closes[asset, -1])
        held = float(self.shares_from[asset, -1])
        last = np.array([self.closes.shape[1] - 1])
        dividends = self.credits.between(columns.asset[[row]], columns.session[[row]], last)
        return OpenTrade(
            symbol=self.symbols[asset],
            side="long" if quantity > 0 else "short",
            entry_session=self._session(entry),
            shares=abs(quantity),
            held_shares=abs(held),
            entry_price=price,
            entry_commission=commission,
            dividends=float(dividends[0]),
            last_close=last_close,
            market_value=held * last_close,
            unrealised_pnl=held * last_close - quantity * price - commission,
        )

    def _session(self, t: int) -> date:
        found: date = self.dates[t + 1].item()
        return found
