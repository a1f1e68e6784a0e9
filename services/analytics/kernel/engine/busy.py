"""The event loop: it stops at the sessions in which anything can happen, and at no other.

Without levels little happens: an order of the close before, an order that still waits, a split, a dividend. From
one such session to the next an account keeps its cash and its shares. With levels every session is busy.
"""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

from services.analytics.kernel.arrays import FlagArray, FloatArray, IndexArray, SignalArray
from services.analytics.kernel.compiled import inlined
from services.analytics.kernel.engine.book import CASH, EQUITY, ORDER, SHARES
from services.analytics.kernel.engine.steps import trade_session, value_held
from services.analytics.kernel.engine.terms import DIVIDEND, SPLIT_RATIO, Terms


@inlined
def write_actions(m: int, bars: FloatArray, has_action: FlagArray) -> None:
    """Write (n,) whether any of m instruments has a split or a dividend."""
    has_action[:] = False
    for i in range(m):
        for t in range(len(has_action)):
            has_action[t] |= (bars[SPLIT_RATIO, i, t] != 1.0) | (bars[DIVIDEND, i, t] != 0.0)


@inlined
def write_busy(
    first: int,
    m: int,
    signals: SignalArray,
    levels: FloatArray | None,
    has_action: FlagArray,
    busy: IndexArray,
) -> int:
    """Write the busy sessions into busy (n + 1,), the first of all always, and n after them; return how many.

    The instruments have m rows of signals from `first` on.
    """
    count = 0
    for t in range(len(has_action)):
        is_busy = t == 0 or levels is not None or has_action[t]
        for i in range(first, first + m):
            is_busy = is_busy or signals[i, t - 1] != 0
        if is_busy:
            busy[count] = t
            count += 1
    busy[count] = len(has_action)
    return count


@inlined
def run_busy(
    first: int,
    m: int,
    bars: FloatArray,
    signals: SignalArray,
    levels: FloatArray | None,
    opening: int,
    busy: IndexArray,
    stops: IndexArray,
    cash: FloatArray,
    shares: FloatArray,
    book: FloatArray,
    account: FloatArray,
    fills: FloatArray,
    terms: Terms,
) -> int:
    """Take an account through its busy sessions and those in which an order waits; return how many these were.

    Writes these stops, n after the last of them, and what the account has from each on until the next: cash, and
    shares of m instruments. There may be n of them where orders may wait, else as many as are busy.
    """
    n, number, count, t = signals.shape[1], 0, 0, 0
    while t < n:
        if t > 0:
            account[EQUITY] = account[CASH] + value_held(t - 1, m, bars, book)
        own = signals[first : first + m]
        trade_session(t, m, bars, own, levels, opening, book, account, fills, terms)
        stops[count], cash[count], is_waiting = t, account[CASH], False
        for i in range(m):
            shares[i, count] = book[SHARES, i]
            is_waiting |= book[ORDER, i] != 0.0
        count += 1
        number += t == busy[number]
        t = t + 1 if is_waiting else busy[number]
    stops[count] = n
    return count
