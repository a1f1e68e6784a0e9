"""From fills to trades: long or flat and all in, so every sell closes the one buy before it."""

from datetime import date

import numpy as np

from services.analytics.kernel.arrays import DateArray, FloatArray
from services.analytics.kernel.simulation import Fill, OpenTrade, Trade


def fills_from(
    sessions: DateArray, filled: FloatArray, price: FloatArray, commission: FloatArray
) -> tuple[Fill, ...]:
    """Return the fills in order; all arrays (n,), `filled` in signed shares, 0 where nothing filled."""
    return tuple(
        Fill(
            session=sessions[t].item(),
            side="buy" if filled[t] > 0 else "sell",
            shares=float(abs(filled[t])),
            price=float(price[t]),
            commission=float(commission[t]),
        )
        for t in np.flatnonzero(filled)
    )


def trades_from(
    fills: tuple[Fill, ...],
    sessions: DateArray,
    dividend_income: FloatArray,
    shares: FloatArray,
    last_close: float,
) -> tuple[tuple[Trade, ...], OpenTrade | None]:
    """Match each sell with the buy before it; a last buy without a sell is the open trade.

    sessions, dividend_income (money) and shares (at the close) are (n,).
    Identity: sum of pnl + unrealised pnl + dividends = final equity - opening capital.
    """
    trades = tuple(
        _closed(entry, exit_, _income_between(sessions, dividend_income, entry.session, exit_.session))
        for entry, exit_ in zip(fills[0::2], fills[1::2], strict=False)
    )
    if len(fills) % 2 == 0:
        return trades, None
    entry = fills[-1]
    dividends = _income_between(sessions, dividend_income, entry.session, sessions[-1].item())
    return trades, _still_open(entry, dividends, float(shares[-1]), last_close)


def _closed(entry: Fill, exit_: Fill, dividends: float) -> Trade:
    cost = entry.shares * entry.price + entry.commission
    pnl = exit_.shares * exit_.price - exit_.commission - cost
    return Trade(
        entry_session=entry.session,
        exit_session=exit_.session,
        shares=entry.shares,
        exit_shares=exit_.shares,
        entry_price=entry.price,
        exit_price=exit_.price,
        entry_commission=entry.commission,
        exit_commission=exit_.commission,
        dividends=dividends,
        pnl=pnl,
        return_ratio=pnl / cost,
    )


def _still_open(entry: Fill, dividends: float, held_shares: float, last_close: float) -> OpenTrade:
    market_value = held_shares * last_close
    return OpenTrade(
        entry_session=entry.session,
        shares=entry.shares,
        held_shares=held_shares,
        entry_price=entry.price,
        entry_commission=entry.commission,
        dividends=dividends,
        last_close=last_close,
        market_value=market_value,
        unrealised_pnl=market_value - entry.shares * entry.price - entry.commission,
    )


def _income_between(sessions: DateArray, dividend_income: FloatArray, first: date, last: date) -> float:
    """Sum the income of the sessions after `first` up to `last`.

    A share bought at the open of its ex-date has no claim; one sold at that open still has.
    """
    inside = (sessions > np.datetime64(first)) & (sessions <= np.datetime64(last))
    return float(np.sum(dividend_income[inside]))
