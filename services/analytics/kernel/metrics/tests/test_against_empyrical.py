"""empyrical-reloaded is the oracle: same figures on random curves, to 1e-9."""

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.metrics.curve import curve_metrics
from services.analytics.kernel.metrics.relative import relative_metrics
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.tests.synthetic import business_days


def curve(returns: FloatArray) -> FloatArray:
    return np.concatenate(([10_000.0], 10_000.0 * np.cumprod(1 + returns)))


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(20, 500),
    volatility=st.floats(0.001, 0.05),
    risk_free=st.floats(0, 0.1),
)
def test_every_figure_empyrical_has_is_the_same(
    seed: int, count: int, volatility: float, risk_free: float
) -> None:
    source = np.random.default_rng(seed)
    theirs = source.normal(0.0003, 0.01, count)
    ours = 0.5 * theirs + source.normal(0.0003, volatility, count)
    year = Year(risk_free=risk_free)
    rate = year.risk_free_per_period

    figures = curve_metrics(curve(ours), business_days(count + 1), year=year)
    figures |= relative_metrics(curve(ours), curve(theirs), year=year)

    oracle = {
        "total_return": empyrical.cum_returns_final(ours),
        "cagr": empyrical.annual_return(ours),
        "annual_volatility": empyrical.annual_volatility(ours),
        "sharpe": empyrical.sharpe_ratio(ours, rate),
        "sortino": empyrical.sortino_ratio(ours, rate),
        "max_drawdown": empyrical.max_drawdown(ours),
        "calmar": empyrical.calmar_ratio(ours),
        "beta": empyrical.beta(ours, theirs, rate),
        "alpha": empyrical.alpha(ours, theirs, rate),
    }
    for name, expected in oracle.items():
        assert figures[name].value == pytest.approx(expected, rel=1e-9, abs=1e-9), name
