"""Many signals over one market: the same sessions as `account`, measured as they pass and not kept."""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

import math
from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FlagArray, FloatArray, SignalArray
from services.analytics.kernel.compiled import compiled, inlined
from services.analytics.kernel.engine.book import (
    ACCOUNT_WIDTH,
    BOOK_WIDTH,
    CASH,
    EQUITY,
    FILL_WIDTH,
    FILLS,
    ORDER,
    SHARES,
    open_book,
)
from services.analytics.kernel.engine.steps import meaning, trade_session
from services.analytics.kernel.engine.terms import CLOSE, DIVIDEND, SPLIT_RATIO, Terms
from services.analytics.kernel.metrics.curve import MINIMUM_SESSIONS
from services.analytics.kernel.metrics.sharpe import ZERO_DISPERSION

# Columns of what a sweep measures.
SWEEP_METRICS: Final = ("total_return", "cagr", "sharpe", "max_drawdown", "trade_count", "win_rate")
TOTAL_RETURN, CAGR, SHARPE, MAX_DRAWDOWN, TRADE_COUNT, WIN_RATE = range(6)
SWEEP_WIDTH: Final = 6


@compiled
def run_cells(
    bars: FloatArray,
    signals: SignalArray,
    capital: float,
    terms: Terms,
    periods_per_year: int,
    risk_free_per_period: float,
) -> FloatArray:
    """Return (k, 6) the SWEEP_METRICS of k accounts, NaN where a figure is undefined.

    bars (7, 1, n) as in `terms`, signals (k, n) int8. The memory it needs does not grow with k but for the
    result. Equal to the metrics of `run_account` up to rounding, 1e-9.
    """
    k, n = signals.shape
    book, account = np.empty((BOOK_WIDTH, 1)), np.empty(ACCOUNT_WIDTH)
    fills = np.empty((2 * n + 2, FILL_WIDTH))
    measured = np.empty((k, SWEEP_WIDTH))
    has_action = (bars[SPLIT_RATIO, 0] != 1.0) | (bars[DIVIDEND, 0] != 0.0)
    for cell in range(k):
        open_book(book, account, capital)
        total, squares, lowest = _run_cell(cell, bars, signals, has_action, book, account, fills, terms)
        growth, row = account[EQUITY] / capital, measured[cell]
        row[TOTAL_RETURN], row[MAX_DRAWDOWN] = growth - 1.0, lowest - 1.0
        row[CAGR] = _annual_growth(growth, n, periods_per_year)
        row[SHARPE] = _sharpe(total, squares, n, periods_per_year, risk_free_per_period)
        row[TRADE_COUNT], row[WIN_RATE] = _trades(fills, int(account[FILLS]))
    return measured


@inlined
def _run_cell(
    cell: int,
    bars: FloatArray,
    signals: SignalArray,
    has_action: FlagArray,
    book: FloatArray,
    account: FloatArray,
    fills: FloatArray,
    terms: Terms,
) -> tuple[float, float, float]:
    """Run one account; return the sums of returns and of their squares (NaN once ruined), and equity over peak.

    Steps are taken only in sessions in which one can have an effect: with an order or an action.
    """
    peak = equity = account[CASH]
    cash, shares, is_waiting = equity, 0.0, False
    total, squares, lowest = 0.0, 0.0, 1.0
    last = signals.shape[1] - 1
    for t in range(1, last + 1):
        leaves, side = meaning(signals[cell, t - 1], shares, terms.allow_short)
        is_due = is_waiting or leaves or side != 0
        if shares == 0.0 and not is_due:
            continue
        if is_due or has_action[t]:
            account[EQUITY] = equity
            trade_session(t, 1, bars, signals[cell : cell + 1], None, 0, book, account, fills, terms)
            cash, shares, is_waiting = account[CASH], book[SHARES, 0], book[ORDER, 0] != 0.0
        before, equity = equity, cash + shares * bars[CLOSE, 0, t]
        if before > 0.0:
            change = equity / before - 1.0
            total += change
            squares += change * change
        if equity > peak:
            peak = equity
        elif equity < lowest * peak:
            lowest = equity / peak
            if equity <= 0.0 and t < last:
                total = np.nan
    account[EQUITY] = equity
    return total, squares, lowest


@inlined
def _annual_growth(growth: float, n: int, periods_per_year: int) -> float:
    if n < MINIMUM_SESSIONS:
        return np.nan
    return -1.0 if growth <= 0.0 else growth ** (periods_per_year / n) - 1.0


@inlined
def _sharpe(
    total: float, squares: float, n: int, periods_per_year: int, risk_free_per_period: float
) -> float:
    """Return the annual Sharpe ratio from the sum of the returns and that of their squares.

    The first return is 0, for nothing fills in the first session, so the mean is no larger than the
    dispersion's order and the difference of the two sums keeps its digits.
    """
    if n < 2:
        return np.nan
    mean = total / n
    deviation = math.sqrt(max(0.0, squares - mean * total) / (n - 1))
    if not deviation >= ZERO_DISPERSION:
        return np.nan
    return (mean - risk_free_per_period) / deviation * math.sqrt(periods_per_year)


@inlined
def _trades(fills: FloatArray, count: int) -> tuple[float, float]:
    """Return the number of closed trades and the share of them that won, from fills that alternate."""
    closed, won = count // 2, 0
    for row in range(1, count, 2):
        entry = fills[row - 1, 2] * fills[row - 1, 3] + fills[row - 1, 4]
        if -fills[row, 2] * fills[row, 3] - fills[row, 4] - entry > 0.0:
            won += 1
    return float(closed), (won / closed if closed > 0 else np.nan)
