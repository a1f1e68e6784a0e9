"""The event loop: one account, m instruments, n sessions."""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

import numpy as np

from services.analytics.kernel.arrays import FloatArray, SignalArray
from services.analytics.kernel.compiled import compiled
from services.analytics.kernel.engine.book import (
    ACCOUNT_WIDTH,
    BOOK_WIDTH,
    CASH,
    EQUITY,
    FILL_WIDTH,
    FILLS,
    SHARES,
    open_book,
)
from services.analytics.kernel.engine.steps import take_order, trade_session
from services.analytics.kernel.engine.terms import Terms


@compiled
def run_account(
    bars: FloatArray,
    signals: SignalArray,
    levels: FloatArray | None,
    opening: int,
    capital: float,
    terms: Terms,
    instruments: int | None,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Run one account through n sessions of m instruments.

    bars and levels (7, m, n) float64 as in `terms`; signals (m, n) int8, each decided at the close of its
    session; `opening` is decided before the first. `instruments` is m, or None for one alone, whose loops the
    compiler then leaves out.

    Returns equity (n + 1,) with the capital first, cash (n,) and signed shares (m, n) at each close, the
    table of fills (count, 7), and book and account after the last close, with the orders that it decided.
    """
    m = 1 if instruments is None else instruments
    n = signals.shape[1]
    book, account = np.empty((BOOK_WIDTH, m)), np.empty(ACCOUNT_WIDTH)
    open_book(book, account, capital)
    # An order fills at most once and has one exit. Rows that stay empty are never touched and cost no memory.
    fills = np.empty((2 * (np.count_nonzero(signals) + m), FILL_WIDTH))
    equity, cash, shares = np.empty(n + 1), np.empty(n), np.empty((m, n))
    equity[0] = capital
    for t in range(n):
        value = trade_session(t, m, bars, signals, levels, opening, book, account, fills, terms)
        cash[t] = account[CASH]
        equity[t + 1] = account[CASH] + value
        account[EQUITY] = equity[t + 1]
        for i in range(m):
            shares[i, t] = book[SHARES, i]
    for i in range(m):
        take_order(n, i, signals, opening, book, terms)
    return equity, cash, shares, fills[: int(account[FILLS])].copy(), book, account
