"""Indicators over a price series, and the one comparison that strategies use."""

import numpy as np

from services.analytics.kernel.arrays import FloatArray, SignalArray

# Two prices closer than this, relative to their size, are equal. The rounding of an average over 1,000 prices
# stays below 3e-13, while a price up to 1,000 quoted in 1/10000 that truly differs from it is 1e-10 away.
EQUALITY_TOLERANCE_RATIO = 1e-12


def sma(values: FloatArray, window: int) -> FloatArray:
    """Return the simple moving average: element t is the mean of values[t - window + 1 .. t].

    values (n,) float64, window >= 1 sessions; returns (n,) float64, NaN for the first window - 1 elements.

    Each element is summed from its own window alone, as distances from the window's last value. So it neither
    drifts along the series nor depends on history before the window, and a window of equal prices averages to
    exactly that price. A running sum has none of these properties.

    Source: arithmetic mean; equals pandas rolling(window).mean() up to rounding.
    """
    averages = np.full(len(values), np.nan)
    if len(values) < window:
        return averages
    latest = values[window - 1 :]
    distance = np.zeros(len(latest))
    for offset in range(window - 1):
        distance += values[offset : offset + len(latest)] - latest
    averages[window - 1 :] = latest + distance / window
    return averages


def compared(values: FloatArray, averages: FloatArray) -> SignalArray:
    """Return (n,) int8: -1 where values lie below averages, +1 above, 0 where equal or where either is NaN.

    Values within EQUALITY_TOLERANCE_RATIO of the average are equal: otherwise the rounding of a mean would
    decide trades, and the same prices in another unit (after a split) would trade on other days.
    """
    tolerance = EQUALITY_TOLERANCE_RATIO * np.abs(averages)
    above = values > averages + tolerance
    below = values < averages - tolerance
    return above.astype(np.int8) - below.astype(np.int8)
