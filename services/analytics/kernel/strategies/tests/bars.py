"""Bars made up for tests of strategies."""

import numpy as np

from services.analytics.kernel.series import Series


def walk(seed: int, count: int, *, tick: float = 0.0) -> Series:
    """Return bars of a random walk with ranges and bursts of volume; in whole ticks if a tick is given."""
    source = np.random.default_rng(seed)
    calm_or_wild = np.where(np.arange(count) // 12 % 2, 0.003, 0.02)
    close = 100 * np.exp(np.cumsum(source.normal(0, 1, count) * calm_or_wild))
    if tick:
        close = np.round(close / tick) * tick + tick
    reach = np.abs(source.normal(0, 0.004, (2, count)))
    volume = 1e6 * source.lognormal(0, 0.7, count)
    return Series(
        open=close, high=close * (1 + reach[0]), low=close * (1 - reach[1]), close=close, volume=volume
    )
