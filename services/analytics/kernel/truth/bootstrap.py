"""The stationary block bootstrap: could luck have made this mean, and how bad could the same days have been?"""

from dataclasses import dataclass
from math import ceil, log10, sqrt

import numpy as np
from numpy.random import Generator

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.compiled import MANY_NUMBERS, compiled

DEFAULT_PATHS = 1000
PERCENTILES = (5.0, 50.0, 95.0)
# So many random numbers are drawn at once: they stay in the cache of the processor.
_NUMBERS_AT_ONCE = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The 5th, 50th and 95th percentile over the resampled paths."""

    p5: float
    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """What resampled paths of the same n returns say.

    p_value               share of paths whose mean, centred on 0, reaches the observed mean excess return; the
                          observed path counts as one of them, so it is never 0
    block_length          mean length of the blocks, in sessions
    max_drawdown          fractions <= 0: p5 is the bad end
    end_equity            final equity over the opening capital
    time_under_water      longest stretch below a peak, in sessions
    """

    p_value: float
    block_length: float
    paths: int
    max_drawdown: Spread
    end_equity: Spread
    time_under_water: Spread


def bootstrap(
    returns: FloatArray,
    *,
    generator: Generator,
    risk_free_per_period: float = 0.0,
    paths: int = DEFAULT_PATHS,
    block_length: float | None = None,
) -> Bootstrap:
    """Resample (n,) simple returns, n >= 2, no NaN, in blocks of random length, circularly.

    The block length is that of Politis and White for these returns unless given. The same generator state
    gives the same result.
    Source: Politis and Romano 1994; arch StationaryBootstrap. Resampling single days (Jesse) would take the
    autocorrelation out of the returns and make the p-value too small.
    """
    length = max(optimal_block_length(returns) if block_length is None else block_length, 1.0)
    table = np.empty((paths, 4))
    at_once = max(_NUMBERS_AT_ONCE // len(returns), 1)
    # No part of the work is large, all of it is.
    drawn = resample.machine if paths * len(returns) >= MANY_NUMBERS else resample
    for first in range(0, paths, at_once):
        part = table[first : first + at_once]
        drawn(returns, generator.random((len(part), len(returns))), 1.0 / length, part)
    means, growth, depth, under_water = table.T
    observed = float(np.mean(returns)) - risk_free_per_period
    reached = int(np.count_nonzero(means - np.mean(returns) >= observed))
    return Bootstrap(
        p_value=(1 + reached) / (1 + paths),
        block_length=length,
        paths=paths,
        max_drawdown=_spread(depth),
        end_equity=_spread(growth),
        time_under_water=_spread(under_water),
    )


def optimal_block_length(returns: FloatArray) -> float:
    """Return the mean block length in sessions that estimates the variance of the mean best.

    returns (n,) no NaN. 1.0 where there are too few (below 8) or they do not vary.
    Source: Politis and White 2004 with the correction of Patton, Politis and White 2009; arch
    optimal_block_length, column `stationary`.
    """
    n = len(returns)
    if n < 8 or np.ptp(returns) == 0.0:
        return 1.0
    deviations = returns - np.mean(returns)
    consecutive = max(5, int(log10(n)))
    furthest = ceil(sqrt(n)) + consecutive
    lags = range(min(furthest, n - 2) + 1)
    products = np.array([np.sum(deviations[lag:] * deviations[: n - lag]) for lag in lags])
    bandwidth = _bandwidth(deviations, products, consecutive, furthest)
    k = np.arange(1, min(bandwidth, len(products) - 1) + 1)
    weights = np.minimum(1.0, 2.0 * (1.0 - k / bandwidth))  # flat-top window
    covariances = products[1 : len(k) + 1] / n
    slope = 2.0 * np.sum(weights * k * covariances)
    spectrum = products[0] / n + 2.0 * np.sum(weights * covariances)
    longest = ceil(min(3.0 * sqrt(n), n / 3.0))
    if spectrum == 0.0:
        return float(longest)
    return float(min((slope**2 / spectrum**2 * n) ** (1.0 / 3.0), longest))


@compiled
def resample(returns: FloatArray, uniforms: FloatArray, restart: float, table: FloatArray) -> None:
    """Write for each path: mean return, growth of 1, maximum drawdown, longest time under water.

    uniforms (paths, n) in [0, 1); restart is the probability that a block ends; table (paths, 4). One number
    decides both whether a new block begins, u < restart, and where: u / restart is then uniform again.
    """
    n = len(returns)
    for path in range(len(uniforms)):
        total, depth = 0.0, 0.0
        equity = peak = lowest = 1.0
        since, longest = 0, 0
        position = min(int(uniforms[path, 0] * n), n - 1)
        for t in range(n):
            if t > 0:
                u = uniforms[path, t]
                if u < restart:
                    position = min(int(u / restart * n), n - 1)
                else:
                    position += 1
                    if position == n:
                        position = 0
            total += returns[position]
            equity = max(equity * (1.0 + returns[position]), 0.0)
            if equity >= peak:
                depth = min(depth, lowest / peak - 1.0)
                peak, lowest, since = equity, equity, 0
            else:
                lowest = min(lowest, equity)
                since += 1
                longest = max(longest, since)
        depth = min(depth, lowest / peak - 1.0)
        table[path, 0], table[path, 1], table[path, 2], table[path, 3] = total / n, equity, depth, longest


def _bandwidth(deviations: FloatArray, products: FloatArray, consecutive: int, furthest: int) -> int:
    """Return twice the last lag before `consecutive` autocorrelations in a row that are insignificant."""
    n = len(deviations)
    squares = np.cumsum(deviations**2)
    lags = np.arange(len(products))
    tails = np.sqrt((squares[-1] - squares[lags]) * squares[n - 2 - lags])
    is_small = np.abs(products) < 2.0 * sqrt(log10(n) / n) * tails
    for lag in range(consecutive, len(products)):
        if is_small[lag - consecutive : lag].all():
            return min(2 * max(lag - consecutive, 1), furthest)
    return furthest


def _spread(values: FloatArray) -> Spread:
    p5, p50, p95 = np.percentile(values, PERCENTILES).tolist()
    return Spread(p5=p5, p50=p50, p95=p95)
