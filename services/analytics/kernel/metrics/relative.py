"""Figures of a curve against its benchmark."""

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.metrics.curve import (
    RUINED,
    TOO_FEW_RETURNS,
    ZERO_DISPERSION,
    period_returns,
)
from services.analytics.kernel.metrics.value import Metrics, defined, undefined
from services.analytics.kernel.metrics.year import Year


def relative_metrics(equity: FloatArray, benchmark: FloatArray | None, *, year: Year) -> Metrics:
    """Return alpha (annual, a fraction) and beta of excess simple returns.

    equity and benchmark (n + 1,) money over the same sessions, no NaN.
    Source: spec metrics/1: beta = cov(x, y) / var(y) with ddof 1, alpha = (1 + mean(x - beta * y)) ^ P - 1;
    agrees with empyrical. backtesting.py regresses logarithms and gives the alpha of the whole period.
    """
    reason = _why_undefined(equity, benchmark)
    if benchmark is None or reason is not None:
        return dict.fromkeys(("beta", "alpha"), undefined(reason or "no benchmark"))
    ours = period_returns(equity) - year.risk_free_per_period
    theirs = period_returns(benchmark) - year.risk_free_per_period
    if np.std(theirs) < ZERO_DISPERSION:
        return dict.fromkeys(("beta", "alpha"), undefined("the benchmark's returns do not vary"))
    beta = np.cov(ours, theirs, ddof=1)[0, 1] / np.var(theirs, ddof=1)
    daily_alpha = np.mean(ours - beta * theirs)
    with np.errstate(over="ignore"):
        alpha = (
            defined((1.0 + daily_alpha) ** year.periods - 1.0)
            if daily_alpha > -1.0
            else undefined("the average session lost more than everything")
        )
    return {"beta": defined(beta), "alpha": alpha}


def _why_undefined(equity: FloatArray, benchmark: FloatArray | None) -> str | None:
    if benchmark is None:
        return "no benchmark to compare with"
    if np.any(equity[:-1] <= 0) or np.any(benchmark[:-1] <= 0):
        return RUINED
    return TOO_FEW_RETURNS if len(equity) < 3 else None
