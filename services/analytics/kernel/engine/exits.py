"""How a position is left: by signal or level at the open, by level inside the bar; and how its stop follows."""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

import math

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.compiled import inlined
from services.analytics.kernel.engine.book import (
    BEST,
    ENTERED,
    HELD,
    INSIDE,
    LEAVING,
    REFERENCE,
    SHARES,
    STOP,
    TARGET,
    TRAIL,
    record,
)
from services.analytics.kernel.engine.prices import BY_SIGNAL, BY_TARGET, NOT_MET, exit_price
from services.analytics.kernel.engine.sizing import exit_fill
from services.analytics.kernel.engine.terms import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    PRICE_RATIO,
    TRAILING,
    VOLUME,
    Terms,
)


@inlined
def leave_at_open(
    t: int,
    i: int,
    bars: FloatArray,
    levels: FloatArray | None,
    book: FloatArray,
    account: FloatArray,
    fills: FloatArray,
    terms: Terms,
) -> None:
    """Leave at the open by signal, or by a level that the price has passed over night."""
    open_ = bars[OPEN, i, t]
    if book[LEAVING, i] != 0.0:
        book[LEAVING, i] = 0.0
        _leave(t, i, open_, BY_SIGNAL, bars, book, account, fills, terms)
    elif levels is not None:
        book[REFERENCE, i], book[ENTERED, i] = open_, HELD
        _leave_at_level(t, i, open_, open_, bars, book, account, fills, terms)


@inlined
def leave_inside(
    t: int,
    i: int,
    bars: FloatArray,
    levels: FloatArray | None,
    book: FloatArray,
    account: FloatArray,
    fills: FloatArray,
    terms: Terms,
) -> None:
    """Leave at a level met inside the bar; then let the trailing stop of what is still held follow."""
    if levels is not None:
        high, low = bars[HIGH, i, t], bars[LOW, i, t]
        _leave_at_level(t, i, high, low, bars, book, account, fills, terms)
        if book[SHARES, i] != 0.0:
            _follow(t, i, bars, levels, book, terms)


@inlined
def _leave_at_level(
    t: int,
    i: int,
    high: float,
    low: float,
    bars: FloatArray,
    book: FloatArray,
    account: FloatArray,
    fills: FloatArray,
    terms: Terms,
) -> None:
    """Leave what is held if this range of prices meets its stop or its target.

    After an entry inside the bar the target does not count: the high may have come before the entry.
    """
    side = 1 if book[SHARES, i] > 0.0 else -1
    target = np.inf if book[ENTERED, i] == INSIDE else book[TARGET, i]
    price, reason = exit_price(side, book[REFERENCE, i], high, low, book[STOP, i], book[TRAIL, i], target)
    if reason != NOT_MET:
        _leave(t, i, price, reason, bars, book, account, fills, terms)


@inlined
def _leave(
    t: int,
    i: int,
    price: float,
    reason: int,
    bars: FloatArray,
    book: FloatArray,
    account: FloatArray,
    fills: FloatArray,
    terms: Terms,
) -> None:
    shares = book[SHARES, i]
    limit = np.nan
    if reason == BY_TARGET:
        limit = book[TARGET, i] if shares > 0.0 else -book[TARGET, i]
    got, commission = exit_fill(shares, price, limit, bars[VOLUME, i, t], terms)
    record(fills, account, t, i, -shares, got, commission, reason, np.nan)
    book[SHARES, i] = 0.0


@inlined
def _follow(t: int, i: int, bars: FloatArray, levels: FloatArray, book: FloatArray, terms: Terms) -> None:
    """Raise the best price and the trailing stop; of a bar that was entered inside only the close counts."""
    side = 1 if book[SHARES, i] > 0.0 else -1
    if book[ENTERED, i] == INSIDE:
        seen = side * bars[CLOSE, i, t]
    else:
        seen = max(side * bars[HIGH, i, t], side * bars[LOW, i, t])
    best = max(book[BEST, i], seen)
    distance = levels[TRAILING, i, t] * levels[PRICE_RATIO, i, t]
    if math.isnan(distance):
        distance = terms.trailing_ratio * abs(best)
    if not math.isnan(distance):
        book[TRAIL, i] = max(book[TRAIL, i], best - distance)
    book[BEST, i] = best
