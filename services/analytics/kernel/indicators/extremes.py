"""Highest, lowest and rank in a moving window."""

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.compiled import compiled
from services.analytics.kernel.indicators.comparison import EQUALITY_TOLERANCE_RATIO


def highest(values: FloatArray, window: int) -> FloatArray:
    """Return the largest of values[t - window + 1 .. t]: (n,) float64, NaN for the first window - 1.

    values (n,) float64, no NaN, window >= 1 sessions. Source: TA-Lib MAX.
    """
    maxima = np.full(len(values), np.nan)
    window_maxima(values, window, maxima)
    return maxima


def lowest(values: FloatArray, window: int) -> FloatArray:
    """Return the smallest of values[t - window + 1 .. t], as `highest` does. Source: TA-Lib MIN."""
    return -highest(-values, window)


def smaller_before(values: FloatArray, window: int) -> FloatArray:
    """Return how many of values[t - window + 1 .. t] are smaller than values[t]: 0 at a minimum.

    values (n,) float64 >= 0, NaN in a warm-up; window >= 1 sessions. Returns (n,) float64, NaN where a window
    is incomplete. Values equal by EQUALITY_TOLERANCE_RATIO are not smaller.
    """
    counts = np.full(len(values), np.nan)
    limits = (values * (1.0 - EQUALITY_TOLERANCE_RATIO))[window - 1 :]
    counts[window - 1 :] = np.where(np.isnan(values[: len(limits)]), np.nan, 0.0)
    for offset in range(window - 1):
        counts[window - 1 :] += values[offset : offset + len(limits)] < limits
    return counts


@compiled
def window_maxima(values: FloatArray, window: int, maxima: FloatArray) -> None:
    """Write the maximum of each complete window: see Note [Sums of windows], with max in place of plus."""
    n = len(values)
    for anchor in range(0, n, window):
        end = anchor + window
        largest = values[anchor]
        if anchor > 0:
            for t in range(end - 2, anchor - 1, -1):
                largest = max(largest, values[t - window + 1])
                if t < n:
                    maxima[t] = largest
        if end <= n:
            maxima[end - 1] = values[anchor]
        largest = values[anchor]
        for t in range(anchor, min(end, n)):
            largest = max(largest, values[t])
            maxima[t] = max(maxima[t], largest)
