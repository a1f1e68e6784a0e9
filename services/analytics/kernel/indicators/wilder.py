"""Wilder's indicators: averages that move by 1 / window of the way."""

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.indicators.averages import smooth


def rsi(close: FloatArray, window: int) -> FloatArray:
    """Return the relative strength index, 0 to 100: gains as a share of all movement.

    close (n,) float64, no NaN, window >= 1 sessions. The first of the (n,) elements that is not NaN is at
    `window`: as many changes as the window holds need one more close. While the price has never moved there
    is nothing to share, and the index is NaN.

    Source: Wilder 1978 by TA-Lib RSI, which gives 0 where the price has never moved.
    """
    changes = np.diff(close, prepend=np.nan)
    gains = _smoothed(np.maximum(changes, 0.0), window)
    losses = _smoothed(np.maximum(-changes, 0.0), window)
    movement = gains + losses
    index = np.full(len(close), np.nan)
    np.divide(100.0 * gains, movement, out=index, where=movement > 0)
    return index


def true_range(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """Return how far each session's price went from the close before it on: (n,), NaN at the first.

    All (n,) float64, no NaN. Source: TA-Lib TRANGE: max(high, close[t-1]) - min(low, close[t-1]).
    """
    ranges = np.full(len(close), np.nan)
    ranges[1:] = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    return ranges


def atr(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Return the average true range in money: (n,) float64, NaN for the first `window` sessions.

    All (n,) float64, no NaN, window >= 1 sessions. Source: Wilder 1978 by TA-Lib ATR.
    """
    return _smoothed(true_range(high, low, close), window)


def _smoothed(values: FloatArray, window: int) -> FloatArray:
    """Return Wilder's average of values whose first element is none: NaN up to `window` - 1."""
    averages = np.full(len(values), np.nan)
    smooth(values, 1, window, 1.0 / window, averages)
    return averages
