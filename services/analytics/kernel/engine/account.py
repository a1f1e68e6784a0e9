"""One account over m instruments and n sessions, kept whole."""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

import numpy as np

from services.analytics.kernel.arrays import FloatArray, IndexArray, SignalArray
from services.analytics.kernel.compiled import compiled, inlined
from services.analytics.kernel.engine.book import (
    ACCOUNT_WIDTH,
    BOOK_WIDTH,
    EQUITY,
    FILL_WIDTH,
    FILLS,
    open_book,
)
from services.analytics.kernel.engine.busy import run_busy, write_actions, write_busy
from services.analytics.kernel.engine.steps import take_order
from services.analytics.kernel.engine.terms import CLOSE, Terms


@compiled
def run_account(
    bars: FloatArray,
    signals: SignalArray,
    levels: FloatArray | None,
    opening: int,
    capital: float,
    terms: Terms,
    instruments: int | None,
) -> tuple[FloatArray, IndexArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Run one account through n sessions of m instruments.

    bars and levels (7, m, n) float64 as in `terms`; signals (m, n) int8, each decided at the close of its
    session; `opening` is decided before the first. `instruments` is m, or None for one alone, whose loops the
    compiler then leaves out.

    Returns equity (n + 1,) with the capital first; stops (count + 1,), the sessions at whose close cash and
    shares may be others than before, and n; cash (count,) and signed shares (m, count) from each of them on;
    the table of fills (7, count); and book and account after the last close, with the orders that it decided.
    """
    m = 1 if instruments is None else instruments
    n = signals.shape[1]
    book, account = np.empty((BOOK_WIDTH, m)), np.empty(ACCOUNT_WIDTH)
    open_book(book, account, capital)
    has_action, busy = np.empty(n, np.bool_), np.empty(n + 1, np.int64)
    write_actions(m, bars, has_action)
    most = write_busy(0, m, signals, levels, has_action, busy)
    if terms.is_gtc:
        most = n
    stops, cash, shares = np.empty(most + 1, np.int64), np.empty(most), np.empty((m, most))
    # An order fills at most once and has one exit. Rows that stay empty are never touched and cost no memory.
    fills = np.empty((2 * (np.count_nonzero(signals) + m), FILL_WIDTH))
    count = run_busy(
        0, m, bars, signals, levels, opening, busy, stops, cash, shares, book, account, fills, terms
    )
    equity = np.empty(n + 1)
    equity[0] = capital
    for row in range(count):
        _value(row, m, bars, stops, cash, shares, equity)
    account[EQUITY] = equity[n]
    for i in range(m):
        take_order(n, i, signals, opening, book, terms)
    written = fills[: int(account[FILLS])].T.copy()
    return equity, stops[: count + 1], cash[:count], shares[:, :count].copy(), written, book, account


@inlined
def _value(
    row: int,
    m: int,
    bars: FloatArray,
    stops: IndexArray,
    cash: FloatArray,
    shares: FloatArray,
    equity: FloatArray,
) -> None:
    """Write the equity at each close from one stop to the next."""
    first, until, money = stops[row], stops[row + 1], cash[row]
    closes, worth = bars[CLOSE, :, first:until], equity[first + 1 : until + 1]
    for t in range(len(worth)):
        value = 0.0
        for i in range(m):
            value += shares[i, row] * closes[i, t]
        worth[t] = money + value
