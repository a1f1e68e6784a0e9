"""Indicators, sums and resampled paths are the same bits compiled as plain."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from services.analytics.kernel.compiled import Compiled
from services.analytics.kernel.indicators import comparison
from services.analytics.kernel.indicators.averages import smooth, window_means
from services.analytics.kernel.indicators.bands import window_deviations
from services.analytics.kernel.indicators.extremes import window_maxima
from services.analytics.kernel.metrics import sums
from services.analytics.kernel.trades import match_fills
from services.analytics.kernel.truth.bootstrap import resample

COUNT = 211
SOURCE = np.random.default_rng(1)
PRICES = 100 * np.exp(np.cumsum(SOURCE.normal(0, 0.02, COUNT)))
OTHERS = 100 * np.exp(np.cumsum(SOURCE.normal(0, 0.02, COUNT)))
PNL = np.round(SOURCE.normal(5, 50, 40), 2)
LINES = np.array([PRICES, OTHERS])
CELLS = np.array([[0, 1, 1, 1], [1, 0, 0, 20]])

# The function, its inputs, and the shape of what it writes, if it writes.
CASES: dict[str, tuple[Compiled[Any, Any], tuple[Any, ...], Callable[[], tuple[Any, ...]]]] = {
    "window_means": (window_means, (PRICES, 20), lambda: (np.full(COUNT, np.nan),)),
    "smooth": (smooth, (PRICES, 3, 14, 1 / 14), lambda: (np.full(COUNT, np.nan),)),
    "window_deviations": (
        window_deviations, (PRICES, 20), lambda: (np.zeros(COUNT), np.full(COUNT, np.nan))
    ),
    "window_maxima": (window_maxima, (PRICES, 7), lambda: (np.full(COUNT, np.nan),)),
    "cross_signals": (
        comparison.cross_signals, (LINES, CELLS), lambda: (np.empty((2, COUNT), dtype=np.int8),)
    ),
    "return_sums": (sums.return_sums, (PRICES, 0.0001), tuple),
    "drawdown_sums": (sums.drawdown_sums, (PRICES, np.arange(COUNT)), tuple),
    "pair_sums": (sums.pair_sums, (PRICES, OTHERS, 0.0001), tuple),
    "exposure_sums": (
        sums.exposure_sums,
        (
            PRICES,
            np.array([0, 5, 60, 90, 91, COUNT - 1]),
            np.array([[0.0, 3.0, -1.0, 0.0, 2.0], [0.0, 0.0, 4.0, 0.0, 0.0]]),
            np.ascontiguousarray(LINES[:, 1:]),
            np.array([3, 5, 60, 90, 91]),
        ),
        tuple,
    ),
    "trade_sums": (sums.trade_sums, (PNL, PNL / 1000, np.abs(PNL) + 1), tuple),
    "resample": (
        resample, (SOURCE.normal(0, 0.02, 60), SOURCE.random((5, 60)), 0.2), lambda: (np.empty((5, 4)),)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_compiled_figures_are_the_plain_ones_to_the_last_bit(name: str) -> None:
    function, inputs, outputs = CASES[name]
    plain, machine = outputs(), outputs()

    returned = function.plain(*inputs, *plain), function.machine(*inputs, *machine)

    assert repr(returned[0] and tuple(map(float, flat(returned[0])))) == repr(
        returned[1] and tuple(map(float, flat(returned[1])))
    )
    for ours, theirs in zip(plain, machine, strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_fills_are_matched_alike_compiled_and_plain() -> None:
    assets = np.array([2, 0, 2, 1, 0, 2, 0])

    plain, machine = match_fills.plain(assets, 3), match_fills.machine(assets, 3)

    assert [rows.tolist() for rows in plain] == [[0, 1], [2, 4], [3, 5, 6]]
    assert [rows.tolist() for rows in machine] == [rows.tolist() for rows in plain]


def flat(values: Any) -> list[Any]:
    """Return the numbers of nested tuples in order."""
    return [x for value in values for x in (flat(value) if isinstance(value, tuple) else [value])]
