"""What rules of a fast and a slow line share: the check of their windows, and crossings of many pairs."""

from collections.abc import Callable, Sequence

import numpy as np

from services.analytics.kernel.arrays import FloatArray, SignalArray
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.indicators import cross_signals
from services.analytics.kernel.strategies.base import Parameters


def check_shorter(parameters: Parameters, fast: str, slow: str) -> None:
    """Raise InvalidParameter, naming the field, unless the fast window is shorter than the slow one."""
    fast_window, slow_window = getattr(parameters, fast), getattr(parameters, slow)
    if fast_window >= slow_window:
        raise InvalidParameter(
            f"{fast} is {fast_window} and must be less than {slow}, {slow_window}.", field=fast
        )


def signals_of_lines(
    close: FloatArray,
    windows: Sequence[tuple[int, int]],
    line: Callable[..., FloatArray],
) -> SignalArray:
    """Return (k, n) int8: where, for each of k pairs of windows, the fast line crosses the slow one.

    `line(close, window, out=...)` draws one line of the close, NaN before its window is full; each distinct window
    is drawn once.
    """
    distinct = dict.fromkeys((window for pair in windows for window in pair), 0)
    lines = np.empty((len(distinct), len(close)))
    for row, window in enumerate(distinct):
        line(close, window, out=lines[row])
        distinct[window] = row
    fasts, slows = ([distinct[pair[i]] for pair in windows] for i in (0, 1))
    cells = np.array((fasts, slows, slows, [slow for _, slow in windows]), dtype=np.int64)
    signals = np.empty((len(windows), len(close)), dtype=np.int8)
    cross_signals(lines, np.ascontiguousarray(cells.T), signals)
    return signals
