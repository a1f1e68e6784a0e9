"""Many signals over one market: the same sessions as `account`, measured as they pass and not kept."""
# ruff: noqa: PLR0917 - compiled functions take plain positional arguments

import math
from typing import Final

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
from services.analytics.kernel.engine.terms import CLOSE, Terms
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
    cash, shares, measured = np.empty(n), np.empty((1, n)), np.empty((k, SWEEP_WIDTH))
    has_action, busy, stops = np.empty(n, np.bool_), np.empty(n + 1, np.int64), np.empty(n + 1, np.int64)
    write_actions(1, bars, has_action)
    for cell in range(k):
        open_book(book, account, capital)
        write_busy(cell, 1, signals, None, has_action, busy)
        count = run_busy(
            cell, 1, bars, signals, None, 0, busy, stops, cash, shares, book, account, fills, terms
        )
        total, squares, lowest = _measure(bars[CLOSE, 0], stops, count, cash, shares[0], account)
        growth, row = account[EQUITY] / capital, measured[cell]
        row[TOTAL_RETURN], row[MAX_DRAWDOWN] = growth - 1.0, lowest - 1.0
        row[CAGR] = _annual_growth(growth, n, periods_per_year)
        row[SHARPE] = _sharpe(total, squares, n, periods_per_year, risk_free_per_period)
        row[TRADE_COUNT], row[WIN_RATE] = _trades(fills, int(account[FILLS]))
    return measured


@inlined
def _measure(
    closes: FloatArray,
    stops: IndexArray,
    count: int,
    cash: FloatArray,
    shares: FloatArray,
    account: FloatArray,
) -> tuple[float, float, float]:
    """Return the sums of returns and of their squares (NaN once ruined), and the lowest equity over its peak.

    Leaves the last equity in the account. It passes all sessions in a loop of its own, small enough for its
    state to stay in the registers of the processor.
    """
    peak = equity = cash[0]  # nothing fills in the first session
    total, squares, lowest = 0.0, 0.0, 1.0
    for row in range(count):
        first, until, money, held = stops[row], stops[row + 1], cash[row], shares[row]
        if held == 0.0:
            until = min(until, first + 2)  # the others return 0 like the second, or nothing after ruin
        for close in closes[first:until]:
            before, equity = equity, money + held * close
            if before > 0.0:
                change = equity / before - 1.0
                total += change
                squares += change * change
            else:
                total = np.nan
            if equity > peak:
                peak = equity
            elif equity < lowest * peak:
                lowest = equity / peak
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
