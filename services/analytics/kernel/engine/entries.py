"""How the waiting order of an instrument enters."""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

import math

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.compiled import inlined
from services.analytics.kernel.engine.book import (
    AT_THE_OPEN,
    BEST,
    CASH,
    DECIDED,
    ENTERED,
    EQUITY,
    INSIDE,
    ORDER,
    REFERENCE,
    REFUSED_ORDERS,
    SHARES,
    SPLIT_SINCE,
    STOP,
    TARGET,
    TRAIL,
    TRIGGERED,
    UNAFFORDABLE_ORDERS,
    record,
)
from services.analytics.kernel.engine.prices import BY_SIGNAL, entry_price, not_beyond, price_after_costs
from services.analytics.kernel.engine.sizing import FILLED, REFUSED, UNAFFORDABLE, WAITING, entry_fill
from services.analytics.kernel.engine.terms import (
    CLOSE,
    HIGH,
    LIMIT,
    LOW,
    OPEN,
    PRICE_RATIO,
    STOP_ENTRY,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING,
    VOLATILITY,
    VOLUME,
    Terms,
)


@inlined
def enter(
    t: int,
    i: int,
    bars: FloatArray,
    levels: FloatArray | None,
    book: FloatArray,
    account: FloatArray,
    fills: FloatArray,
    terms: Terms,
) -> None:
    """Fill the waiting entry order if the bar meets it; a day order that the bar does not meet lapses."""
    side, outcome = int(book[ORDER, i]), WAITING
    if levels is None:
        price = bars[OPEN, i, t]
        quantity, paid, commission, outcome = entry_fill(
            side, price, np.nan, bars[VOLUME, i, t], free_cash(t, bars, book, account, terms),
            account[EQUITY], np.inf, np.nan, terms,
        )  # fmt: skip
        if outcome == FILLED:
            _open(t, i, quantity, paid, commission, np.nan, book, account, fills)
    else:
        outcome = _enter_by_levels(t, i, side, bars, levels, book, account, fills, terms)
    if outcome == UNAFFORDABLE:
        account[UNAFFORDABLE_ORDERS] += 1.0
    elif outcome == REFUSED:
        account[REFUSED_ORDERS] += 1.0
    if outcome != WAITING or not terms.is_gtc:
        book[ORDER, i] = 0.0


@inlined
def free_cash(t: int, bars: FloatArray, book: FloatArray, account: FloatArray, terms: Terms) -> float:
    """Return the cash that may be spent: of a short position's proceeds nothing, and as much again is bound."""
    free: float = account[CASH]
    if terms.allow_short:
        for j in range(book.shape[1]):
            free += 2.0 * min(book[SHARES, j], 0.0) * bars[OPEN, j, t]
    return free


@inlined
def _enter_by_levels(
    t: int,
    i: int,
    side: int,
    bars: FloatArray,
    levels: FloatArray,
    book: FloatArray,
    account: FloatArray,
    fills: FloatArray,
    terms: Terms,
) -> int:
    """Fill an entry order that may have a limit, a stop and protection; return what became of it."""
    d = int(book[DECIDED, i])
    ratio = levels[PRICE_RATIO, i, d] / book[SPLIT_SINCE, i]
    limit = levels[LIMIT, i, d] * ratio
    price, is_at_open, is_triggered = entry_price(
        side, bars[OPEN, i, t], bars[HIGH, i, t], bars[LOW, i, t], bars[CLOSE, i, t],
        limit, levels[STOP_ENTRY, i, d] * ratio, book[TRIGGERED, i] != 0.0,
    )  # fmt: skip
    book[TRIGGERED, i] = is_triggered
    if math.isnan(price):
        return WAITING
    first = not_beyond(limit, price_after_costs(price, side, 0.0, terms), side)
    _protect(i, d, side, first, ratio, levels, book, terms)
    quantity, paid, commission, outcome = entry_fill(
        side, price, limit, bars[VOLUME, i, t], free_cash(t, bars, book, account, terms), account[EQUITY],
        side * first - max(book[STOP, i], book[TRAIL, i]), levels[VOLATILITY, i, d], terms,
    )  # fmt: skip
    if outcome == FILLED:
        _protect(i, d, side, paid, ratio, levels, book, terms)
        book[BEST, i], book[REFERENCE, i] = side * price, price
        book[ENTERED, i] = AT_THE_OPEN if is_at_open else INSIDE
        nearest = side * max(book[STOP, i], book[TRAIL, i])
        stop = np.nan if math.isinf(nearest) else nearest
        _open(t, i, quantity, paid, commission, stop, book, account, fills)
    return outcome


@inlined
def _protect(
    i: int, d: int, side: int, paid: float, ratio: float, levels: FloatArray, book: FloatArray, terms: Terms
) -> None:
    """Set the levels of a position entered at this price: those decided at d, else the run's ratios of it."""
    stop = side * levels[STOP_LOSS, i, d] * ratio
    if math.isnan(stop):
        stop = side * paid - terms.stop_loss_ratio * paid
    target = side * levels[TAKE_PROFIT, i, d] * ratio
    if math.isnan(target):
        target = side * paid + terms.take_profit_ratio * paid
    distance = levels[TRAILING, i, d] * ratio
    if math.isnan(distance):
        distance = terms.trailing_ratio * paid
    book[STOP, i] = -np.inf if math.isnan(stop) else stop
    book[TARGET, i] = np.inf if math.isnan(target) else target
    book[TRAIL, i] = -np.inf if math.isnan(distance) else side * paid - distance


@inlined
def _open(
    t: int,
    i: int,
    quantity: float,
    paid: float,
    commission: float,
    stop: float,
    book: FloatArray,
    account: FloatArray,
    fills: FloatArray,
) -> None:
    record(fills, account, t, i, quantity, paid, commission, BY_SIGNAL, stop)
    book[SHARES, i] = quantity
    if quantity > 0.0:
        # All in leaves a rounding of 1e-12 on either side of nothing.
        account[CASH] = max(account[CASH], 0.0)
