"""The one engine: decide at the close of t, fill at the open of t + 1; long or flat, all in."""

from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FlagArray, FloatArray, SignalArray
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.simulation import PendingOrder, Simulation
from services.analytics.kernel.strategies.base import BUY, SELL
from services.analytics.kernel.trades import fills_from, trades_from

ENGINE_VERSION: Final = "engine/1"


def simulate(
    market: MarketData, signals: SignalArray, *, initial_capital: float, costs: Costs, whole_shares: bool
) -> Simulation:
    """Trade the signals (n,) int8, n >= 1, each at the open after the close that decided it.

    A buy signal while holding and a sell signal while flat do nothing. The signal of the last close fills
    nowhere and is listed as pending.
    """
    # The shift by one session stands here and nowhere else: no order can fill on the bar that decided it.
    orders = np.concatenate((np.zeros(1, dtype=np.int8), signals))
    return _run(market, orders, initial_capital, costs, whole_shares)


def buy_and_hold(
    market: MarketData, *, initial_capital: float, costs: Costs, whole_shares: bool
) -> Simulation:
    """Buy at the open of the first bar and hold: the benchmark, with the same costs and dividends."""
    orders = np.zeros(len(market) + 1, dtype=np.int8)
    orders[0] = BUY
    return _run(market, orders, initial_capital, costs, whole_shares)


def event_loop(  # noqa: PLR0917 - a compiled loop takes plain positional arrays and scalars
    open_: FloatArray,
    close: FloatArray,
    dividend: FloatArray,
    split_ratio: FloatArray,
    orders: SignalArray,
    initial_capital: float,
    commission_ratio: float,
    commission_per_order: float,
    slippage_ratio: float,
    whole_shares: bool,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Run one account through n sessions, in plain arrays and scalars that a compiler can take as they are.

    orders (n or more,) int8: +1 buys and -1 sells at the open of that session. In each session, in this
    order: a split multiplies the shares, a dividend is credited on the shares of the previous close, the
    order fills, the close values the account. A buy spends all cash; the 1e-12 keeps an order that is
    affordable to the cent from losing a whole share to the rounding of the division.

    Returns equity (n + 1,) and, each (n,): cash and shares at the close; filled (signed shares), fill price
    after slippage, and commission, all 0 where nothing filled; dividend income.
    """
    n = len(close)
    equity, cash_at, shares_at = np.empty(n + 1), np.empty(n), np.empty(n)
    filled, price_at, commission_at, income_at = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    cash, shares = initial_capital, 0.0
    equity[0] = cash
    for t in range(n):
        shares *= split_ratio[t]
        income_at[t] = shares * dividend[t]
        cash += income_at[t]
        quantity, price = 0.0, 0.0
        if orders[t] > 0 and shares == 0.0:
            price = open_[t] * (1.0 + slippage_ratio)
            quantity = max(0.0, (cash - commission_per_order) / (price * (1.0 + commission_ratio)))
            if whole_shares:
                quantity = np.floor(quantity * (1.0 + 1e-12))
        elif orders[t] < 0 and shares > 0.0:
            price = open_[t] * (1.0 - slippage_ratio)
            quantity = -shares
        if quantity != 0.0:
            filled[t], price_at[t] = quantity, price
            commission_at[t] = abs(quantity) * price * commission_ratio + commission_per_order
            cash -= quantity * price + commission_at[t]
            shares += quantity
            if quantity > 0.0:
                cash = max(cash, 0.0)  # all in leaves a rounding of 1e-12 on either side of nothing
        cash_at[t], shares_at[t], equity[t + 1] = cash, shares, cash + shares * close[t]
    return equity, cash_at, shares_at, filled, price_at, commission_at, income_at


def _run(
    market: MarketData, orders: SignalArray, initial_capital: float, costs: Costs, whole_shares: bool
) -> Simulation:
    """Run the loop and name what it did; orders (n + 1,), the last of which can only be pending."""
    equity, cash, shares, filled, price, commission, income = event_loop(
        market.open,
        market.close,
        market.dividend,
        market.split_ratio,
        orders,
        initial_capital,
        costs.commission_ratio,
        costs.commission_per_order,
        costs.slippage_ratio,
        whole_shares,
    )
    fills = fills_from(market.sessions, filled, price, commission)
    trades, open_trade = trades_from(fills, market.sessions, income, shares, float(market.close[-1]))
    shares_before = np.concatenate((np.zeros(1), shares[:-1]))
    return Simulation(
        dates=market.equity_dates,
        equity=equity,
        cash=cash,
        shares=shares,
        held=(shares_before > 0) | (shares > 0),
        dividend_income=income,
        fills=fills,
        trades=trades,
        open_trade=open_trade,
        pending_order=_pending_order(market, int(orders[-1]), float(shares[-1])),
        unaffordable_orders=_count_unaffordable(orders[:-1], shares_before, filled),
    )


def _pending_order(market: MarketData, last_order: int, shares: float) -> PendingOrder | None:
    decided_session = market.sessions[-1].item()
    if last_order == BUY and shares == 0:
        return PendingOrder(side="buy", decided_session=decided_session)
    if last_order == SELL and shares > 0:
        return PendingOrder(side="sell", decided_session=decided_session)
    return None


def _count_unaffordable(orders: SignalArray, shares_before: FloatArray, filled: FloatArray) -> int:
    unaffordable: FlagArray = (orders == BUY) & (shares_before == 0) & (filled == 0)
    return int(np.count_nonzero(unaffordable))
