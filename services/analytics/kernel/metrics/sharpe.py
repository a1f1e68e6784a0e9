"""The Sharpe ratio with the shape of the returns it came from, and how sure it is."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray

# Returns of a curve that grows by the same ratio each session differ by rounding, some 1e-16. A dispersion of
# that size is none; dividing by it would give a ratio of 1e15.
ZERO_DISPERSION: Final = 1e-14

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class SharpeMoments:
    """A Sharpe ratio per period with the shape of the n excess returns it came from.

    kurtosis is the raw one: 3 for normal returns.
    """

    sharpe: float
    skewness: float
    kurtosis: float
    sessions: int

    @classmethod
    def of(cls, excess: FloatArray) -> "SharpeMoments | None":
        """Return the moments of (n,) excess returns, no NaN; None if n < 2 or they do not vary."""
        n = len(excess)
        if n < 2:
            return None
        mean = float(np.mean(excess))
        distance = excess - mean
        squares = distance * distance
        variance = float(np.mean(squares))
        if sqrt(variance) < ZERO_DISPERSION:
            return None
        return cls(
            sharpe=mean / sqrt(variance * n / (n - 1)),
            skewness=float(np.mean(squares * distance)) / variance**1.5,
            kurtosis=float(np.mean(squares * squares)) / variance**2,
            sessions=n,
        )

    @property
    def unit_variance(self) -> float:
        """Return the variance of the ratio times n - 1: 1 - g3 * SR + (g4 - 1) / 4 * SR^2, never below 0."""
        ratio = self.sharpe
        return max(1.0 - self.skewness * ratio + (self.kurtosis - 1.0) / 4.0 * ratio**2, 0.0)


def probabilistic_sharpe(moments: SharpeMoments, benchmark_sharpe: float = 0.0) -> float:
    """Return the probability that the true ratio exceeds the benchmark's; both per period.

    Source: Bailey and Lopez de Prado 2012, with raw kurtosis; spec metrics/1.
    """
    error = sqrt(moments.unit_variance / (moments.sessions - 1))
    if error == 0.0:
        return float(moments.sharpe > benchmark_sharpe)
    return _NORMAL.cdf((moments.sharpe - benchmark_sharpe) / error)
