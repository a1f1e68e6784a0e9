"""Figures of a curve against its benchmark."""

from math import sqrt

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.metrics.curve import RUINED, TOO_FEW_RETURNS
from services.analytics.kernel.metrics.sharpe import ZERO_DISPERSION
from services.analytics.kernel.metrics.sums import pair_sums
from services.analytics.kernel.metrics.value import Metrics, defined, undefined
from services.analytics.kernel.metrics.year import Year

NO_BENCHMARK = "no benchmark to compare with"


def relative_metrics(equity: FloatArray, benchmark: FloatArray | None, *, year: Year) -> Metrics:
    """Return alpha (annual, a fraction) and beta of excess simple returns.

    equity and benchmark (n + 1,) money over the same sessions, no NaN.
    Source: spec metrics/1: beta = cov(x, y) / var(y) with ddof 1, alpha = (1 + mean(x - beta * y)) ^ P - 1;
    agrees with empyrical. backtesting.py regresses logarithms and gives the alpha of the whole period.
    """
    if benchmark is None:
        return _both_undefined(NO_BENCHMARK)
    if len(equity) < 3:
        return _both_undefined(TOO_FEW_RETURNS)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is reported as undefined
        sums = pair_sums(equity, benchmark, year.risk_free_per_period)
    if sums.is_ruined:
        return _both_undefined(RUINED)
    if sqrt(sums.variance_y) < ZERO_DISPERSION:
        return _both_undefined("the benchmark's returns do not vary")
    beta = sums.covariance / sums.variance_y
    growth = 1.0 + (sums.mean_x - beta * sums.mean_y)
    if growth <= 0:
        return {"beta": defined(beta), "alpha": undefined("the average session lost more than everything")}
    return {"beta": defined(beta), "alpha": defined(_power(growth, year.periods) - 1.0)}


def _power(base: float, exponent: int) -> float:
    try:
        return float(base) ** exponent
    except OverflowError:
        return np.inf


def _both_undefined(reason: str) -> Metrics:
    return {"beta": undefined(reason), "alpha": undefined(reason)}
