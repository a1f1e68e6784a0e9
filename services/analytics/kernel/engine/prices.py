"""At what price an order or a protection fills inside one bar.

A short position is a long one in mirrored prices: with `side` -1 every price is negated, and high and low
change places. So each rule stands here once, in the words of a buyer.
"""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

import math
from typing import Final

import numpy as np

from services.analytics.kernel.compiled import inlined
from services.analytics.kernel.engine.terms import Terms

# Why a fill happened; the entry of a position is always by signal.
NOT_MET: Final = 0
BY_SIGNAL: Final = 1
BY_STOP: Final = 2
BY_TARGET: Final = 3
BY_TRAILING: Final = 4


@inlined
def entry_price(
    side: int, open_: float, high: float, low: float, close: float, limit: float, stop: float, triggered: bool
) -> tuple[float, bool, bool]:
    """Return the price at which an entry order meets the bar, NaN where it does not.

    Also whether that is at the open, and whether the stop of a stop-limit order is triggered by now.
    limit and stop are NaN where the order has none. What came first inside a bar is not known: a stop-limit
    order triggered inside it above its limit fills only if the close is back at the limit.
    """
    first, last = side * open_, side * close
    highest, lowest = max(side * high, side * low), min(side * high, side * low)
    ceiling, trigger = side * limit, side * stop
    if not (triggered or math.isnan(trigger)):
        if not highest >= trigger:
            return np.nan, False, False
        at_open, price = first >= trigger, max(first, trigger)
        if price > ceiling:
            is_reached = lowest <= ceiling if at_open else last <= ceiling
            return (side * ceiling if is_reached else np.nan), False, True
        return side * price, at_open, True
    if not math.isnan(ceiling):
        if not lowest <= ceiling:
            return np.nan, False, triggered
        return side * min(first, ceiling), first <= ceiling, triggered
    return open_, True, triggered


@inlined
def exit_price(
    side: int, reference: float, high: float, low: float, stop: float, trail: float, target: float
) -> tuple[float, int]:
    """Return the price at which a position is left and why, NOT_MET where no level is met.

    stop, trail and target are mirrored and infinite where there is none. `reference` is the price at which
    the position meets the bar: a level beyond it was passed before, so the reference itself is the price.
    Stop and target in one bar: the stop, for nobody knows which came first.
    """
    first = side * reference
    highest, lowest = max(side * high, side * low), min(side * high, side * low)
    nearest = max(stop, trail)
    if lowest <= nearest:
        return side * min(first, nearest), (BY_TRAILING if trail > stop else BY_STOP)
    if highest >= target:
        return side * max(first, target), BY_TARGET
    return np.nan, NOT_MET


@inlined
def price_after_costs(price: float, side: int, participation: float, terms: Terms) -> float:
    """Return what a buyer (side 1) or seller (side -1) pays or gets for a share, commission aside."""
    return price * (1.0 + side * (terms.slippage_ratio + terms.impact * participation * participation))


@inlined
def participation_of(quantity: float, volume: float) -> float:
    """Return the share of the session's volume that a fill is, at most 1."""
    return quantity / volume if quantity < volume else 1.0


@inlined
def commission_of(quantity: float, price: float, terms: Terms) -> float:
    """Return the commission of a fill of so many shares, in money."""
    return (
        quantity * price * terms.commission_ratio
        + terms.commission_per_order
        + quantity * terms.commission_per_share
    )


@inlined
def not_beyond(limit: float, price: float, side: int) -> float:
    """Return the price, or the limit where the price is worse; NaN is no limit."""
    return limit if side * price > side * limit else price
