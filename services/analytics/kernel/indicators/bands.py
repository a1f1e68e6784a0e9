"""Standard deviation in a moving window, and the bands drawn by it."""

from typing import NamedTuple

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.compiled import compiled
from services.analytics.kernel.indicators.averages import sma


class Bands(NamedTuple):
    """Three lines (n,) float64, NaN in warm-up."""

    lower: FloatArray
    middle: FloatArray
    upper: FloatArray


def standard_deviation(values: FloatArray, window: int) -> FloatArray:
    """Return the deviation of values[t - window + 1 .. t] from their mean, ddof 0.

    values (n,) float64, no NaN, window >= 1 sessions; returns (n,) float64, NaN for the first window - 1.
    Exactly 0 where a window holds one price only. The squares are of distances from a value of the window,
    which keeps the rounding of the variance below about window * 1e-15 of it.

    Source: TA-Lib STDDEV and BBANDS. pandas rolling(window).std() has ddof 1 unless told otherwise.
    """
    deviations = np.full(len(values), np.nan)
    window_deviations(values, window, np.zeros(len(values)), deviations)
    return deviations


def bollinger(close: FloatArray, window: int, width: float) -> Bands:
    """Return the mean of the window and `width` standard deviations (ddof 0) below and above it.

    close (n,) float64, no NaN. Source: TA-Lib BBANDS with the simple average.
    """
    middle = sma(close, window)
    distance = width * standard_deviation(close, window)
    return Bands(lower=middle - distance, middle=middle, upper=middle + distance)


@compiled
def window_deviations(values: FloatArray, window: int, sums: FloatArray, deviations: FloatArray) -> None:
    """Write the deviation of each complete window; see Note [Sums of windows]. sums (n,) of 0 is room to work."""
    n = len(values)
    for anchor in range(0, n, window):
        origin = values[anchor]
        end = anchor + window
        total, squares = 0.0, 0.0
        if anchor > 0:
            for t in range(end - 2, anchor - 1, -1):
                distance = values[t - window + 1] - origin
                total += distance
                squares += distance * distance
                if t < n:
                    sums[t], deviations[t] = total, squares
        if end <= n:
            sums[end - 1], deviations[end - 1] = 0.0, 0.0
        total, squares = 0.0, 0.0
        for t in range(anchor, min(end, n)):
            distance = values[t] - origin
            total += distance
            squares += distance * distance
            mean = (sums[t] + total) / window
            variance = (deviations[t] + squares) / window - mean * mean
            deviations[t] = np.sqrt(max(variance, 0.0))
    deviations[: window - 1] = np.nan
