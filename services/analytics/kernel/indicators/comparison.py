"""The one comparison that strategies use, and crossings told by it."""

import numpy as np

from services.analytics.kernel.arrays import FloatArray, IndexArray, SignalArray
from services.analytics.kernel.compiled import compiled

# Two prices closer than this, relative to their size, are equal. The rounding of an average over 1,000 prices
# stays below 3e-13, while a price up to 1,000 quoted in 1/10000 that truly differs from it is 1e-10 away.
EQUALITY_TOLERANCE_RATIO = 1e-12


def compared(
    values: FloatArray, others: FloatArray | float, *, scale: FloatArray | float | None = None
) -> SignalArray:
    """Return (n,) int8: -1 where values lie below others, +1 above, 0 where equal or where either is NaN.

    Values within EQUALITY_TOLERANCE_RATIO of the scale are equal: otherwise the rounding of a mean would
    decide trades, and the same prices in another unit (after a split) would trade on other days. The scale is
    `others` itself, unless the two are differences of prices, which round as prices do: then it is the price.
    """
    tolerance = EQUALITY_TOLERANCE_RATIO * np.abs(others if scale is None else scale)
    above = values > others + tolerance
    below = values < others - tolerance
    return above.astype(np.int8) - below.astype(np.int8)


def crossed(
    values: FloatArray, others: FloatArray, *, first: int, scale: FloatArray | None = None
) -> SignalArray:
    """Return (n,) int8: +1 where values get above others, -1 where they get below, 0 elsewhere.

    They get above at t if they are above at t and were not when they were last unequal: lines that touch
    and part on the side they came from do not cross, and after equality from the start any side is new.
    Nothing crosses before `first` >= 1, the first t at which both lines exist at t - 1 too. Equality and scale
    are as in `compared`.

    Source: the crossover of charting tools, which looks back one session only and so takes a touch for a
    crossing; backtesting.py misses a crossing that passes by equality.
    """
    signals = np.empty((1, len(values)), dtype=np.int8)
    lines = np.stack((values, others, others if scale is None else scale))
    cross_signals(lines, np.array([[0, 1, 2, first]]), signals)
    found: SignalArray = signals[0]
    return found


@compiled
def cross_signals(lines: FloatArray, cells: IndexArray, signals: SignalArray) -> None:
    """Write where two lines cross, for k cells at once, by the rule of `crossed`.

    lines (m, n) float64; cells (k, 4): row of the values, row of the others, row of the scale, first session
    that may signal; signals (k, n), overwritten. Each pass is a loop that the compiler turns into instructions
    for several sessions at once, but the one that only lines which touch need.
    """
    n = lines.shape[1]
    sides = np.empty(n, np.int8)
    for cell in range(len(cells)):
        values, others, scale = lines[cells[cell, 0]], lines[cells[cell, 1]], lines[cells[cell, 2]]
        first, equal = cells[cell, 3], 0
        for t in range(n):
            tolerance = EQUALITY_TOLERANCE_RATIO * abs(scale[t])
            is_above, is_below = values[t] > others[t] + tolerance, values[t] < others[t] - tolerance
            sides[t] = np.int8(is_above) - np.int8(is_below)
        sides[: first - 1] = 0
        for t in range(n):
            equal += sides[t] == 0
        if equal >= first:
            for t in range(first, n):
                if sides[t] == 0:
                    sides[t] = sides[t - 1]
        found, now, before = signals[cell], sides[1:], sides[:-1]
        for t in range(n - 1):
            found[t + 1] = now[t] if now[t] != before[t] else 0
        found[:first] = 0
