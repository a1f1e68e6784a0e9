"""Moving averages and their difference."""

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.compiled import compiled


def sma(values: FloatArray, window: int, *, out: FloatArray | None = None) -> FloatArray:
    """Return the simple moving average: element t is the mean of values[t - window + 1 .. t].

    values (n,) float64, no NaN, window >= 1 sessions; returns (n,) float64, `out` if given, NaN for the first
    window - 1.

    Each element is summed from its own window alone, as distances from one value of that window. So it does
    not drift along the series, no history before the window reaches it, and a window of equal prices averages
    to exactly that price. A running sum has none of these properties.

    Source: arithmetic mean; TA-Lib SMA, pandas rolling(window).mean().
    """
    means = np.empty(len(values)) if out is None else out
    means[: window - 1] = np.nan
    window_means(values, window, means)
    return means


def ema(values: FloatArray, window: int, *, first: int = 0, out: FloatArray | None = None) -> FloatArray:
    """Return the exponential moving average: e[t] = e[t-1] + 2 / (window + 1) * (values[t] - e[t-1]).

    values (n,) float64, no NaN from `first` on; window >= 1 sessions. The first element, at
    first + window - 1, is the mean of the window; those before are NaN. A constant price averages to itself.
    The array is `out` if given.

    Source: TA-Lib EMA (unstable period 0). pandas ewm(adjust=False) starts from the first price instead.
    """
    averages = np.empty(len(values)) if out is None else out
    averages[: first + window - 1] = np.nan
    smooth(values, first, window, 2.0 / (window + 1.0), averages)
    return averages


def macd(
    close: FloatArray, *, fast_window: int, slow_window: int, signal_window: int
) -> tuple[FloatArray, FloatArray]:
    """Return the line, EMA(fast) - EMA(slow), and its signal, an EMA of the line, both (n,).

    close (n,) float64, no NaN; fast_window <= slow_window. The line starts at slow_window - 1, the signal
    signal_window - 1 later; NaN before. The fast average is seeded by the last of the first slow_window
    closes, so that both begin together.

    Source: TA-Lib MACD, which shows the line only once the signal exists.
    """
    line = ema(close, fast_window, first=slow_window - fast_window) - ema(close, slow_window)
    return line, ema(line, signal_window, first=slow_window - 1)


@compiled
def window_means(values: FloatArray, window: int, means: FloatArray) -> None:
    """Write the mean of each complete window into means (n,), whose first window - 1 elements are NaN and stay it.

    Note [Sums of windows]: every window that ends at t holds exactly one multiple of `window`, its anchor
    session. Its sum is that of the part before the anchor plus that of the part from it on; both grow by one
    element from window to window, which makes O(n) of it without ever subtracting what has left a window.
    """
    for anchor in range(0, len(values), window):
        origin, part = values[anchor], means[anchor : anchor + window]
        if anchor > 0:
            before, older = 0.0, values[anchor - window + 1 : anchor]
            for j in range(len(older) - 1, -1, -1):
                before += older[j] - origin
                if j < len(part):
                    part[j] = before
        if len(part) == window:
            part[-1] = 0.0  # the whole of this window lies from the anchor on
        since, own = 0.0, values[anchor : anchor + window]
        for j in range(len(part)):
            since += own[j] - origin
            part[j] = origin + (part[j] + since) / window


@compiled
def smooth(values: FloatArray, first: int, window: int, weight: float, averages: FloatArray) -> None:
    """Write from first + window - 1 on: the mean of the first window, then steps of `weight` to each value."""
    n = len(values)
    start = first + window - 1
    if start >= n:
        return
    origin = values[start]
    distance = 0.0
    for t in range(first, start):
        distance += values[t] - origin
    average = origin + distance / window
    averages[start] = average
    for t in range(start + 1, n):
        average += weight * (values[t] - average)
        averages[t] = average
