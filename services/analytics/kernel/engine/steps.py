"""The steps of one session: what the event loop repeats, for one account as for each cell of a sweep.

Without levels (None) the compiler leaves out all that only levels need. bars and levels are the matrices of
`terms`, book, account and fills the tables of `book`, which the steps change in place.
"""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

from services.analytics.kernel.arrays import FloatArray, SignalArray
from services.analytics.kernel.compiled import inlined
from services.analytics.kernel.decisions import BUY, SHORT
from services.analytics.kernel.engine.book import (
    BEST,
    CASH,
    DECIDED,
    LEAVING,
    ORDER,
    SHARES,
    SPLIT_SINCE,
    STOP,
    TARGET,
    TRAIL,
    TRIGGERED,
)
from services.analytics.kernel.engine.entries import enter
from services.analytics.kernel.engine.exits import leave_at_open, leave_inside
from services.analytics.kernel.engine.terms import CLOSE, DIVIDEND, SPLIT_RATIO, Terms


@inlined
def trade_session(
    t: int,
    m: int,
    bars: FloatArray,
    signals: SignalArray,
    levels: FloatArray | None,
    opening: int,
    book: FloatArray,
    account: FloatArray,
    fills: FloatArray,
    terms: Terms,
) -> float:
    """Take m instruments through session t and return what is held at its close, in money.

    In this order: splits and dividends, exits at the open, entries in the order of the rows as far as the
    cash goes, exits at levels inside the bar, the valuation.
    """
    for i in range(m):
        take_order(t, i, signals, opening, book, terms)
        take_actions(t, i, bars, levels, book, account)
    for i in range(m):
        if book[SHARES, i] != 0.0:
            leave_at_open(t, i, bars, levels, book, account, fills, terms)
    for i in range(m):
        if book[ORDER, i] != 0.0 and book[SHARES, i] == 0.0:
            enter(t, i, bars, levels, book, account, fills, terms)
    for i in range(m):
        if book[SHARES, i] != 0.0:
            leave_inside(t, i, bars, levels, book, account, fills, terms)
    return value_held(t, m, bars, book)


@inlined
def value_held(t: int, m: int, bars: FloatArray, book: FloatArray) -> float:
    """Return what is held at the close of session t, in money."""
    value = 0.0
    for i in range(m):
        if book[SHARES, i] != 0.0:
            value += book[SHARES, i] * bars[CLOSE, i, t]
    return value


@inlined
def meaning(signal: int, shares: float, allow_short: bool) -> tuple[bool, int]:
    """Return whether a signal leaves what is held, and the side that it enters, 0 for none."""
    if signal == BUY:
        return shares < 0.0, (1 if shares <= 0.0 else 0)
    if signal == SHORT and allow_short:
        return shares > 0.0, (-1 if shares >= 0.0 else 0)
    return signal != 0 and shares != 0.0, 0


@inlined
def take_order(t: int, i: int, signals: SignalArray, opening: int, book: FloatArray, terms: Terms) -> None:
    """Make the orders of session t from the signal of the close before it; `opening` stands before the first.

    The shift by one session stands here and nowhere else: no order can fill on the bar that decided it.
    """
    signal = signals[i, t - 1] if t > 0 else opening
    if signal != 0:
        leaves, side = meaning(signal, book[SHARES, i], terms.allow_short)
        book[LEAVING, i], book[ORDER, i] = leaves, side
        if leaves or side != 0:
            book[DECIDED, i], book[SPLIT_SINCE, i], book[TRIGGERED, i] = t - 1, 1.0, 0.0


@inlined
def take_actions(
    t: int, i: int, bars: FloatArray, levels: FloatArray | None, book: FloatArray, account: FloatArray
) -> None:
    """Multiply shares and divide levels by a split, then credit the dividend; a short position owes it."""
    split = bars[SPLIT_RATIO, i, t]
    if split != 1.0:
        book[SHARES, i] *= split
        if levels is not None:
            book[SPLIT_SINCE, i] *= split
            for level in (STOP, TRAIL, TARGET, BEST):
                book[level, i] /= split
    if book[SHARES, i] != 0.0:
        account[CASH] += book[SHARES, i] * bars[DIVIDEND, i, t]
