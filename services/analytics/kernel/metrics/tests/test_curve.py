from datetime import date

import numpy as np
import pytest

from services.analytics.kernel.metrics.curve import RUINED, curve_metrics
from services.analytics.kernel.metrics.drawdowns import drawdowns_of
from services.analytics.kernel.metrics.relative import relative_metrics
from services.analytics.kernel.metrics.value import Metrics, MetricValue, defined
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.tests.synthetic import business_days


def figures_of(equity: list[float], *, risk_free: float = 0.0) -> Metrics:
    return curve_metrics(
        np.array(equity, dtype=float), business_days(len(equity)), year=Year(risk_free=risk_free)
    )


def test_annual_growth_needs_20_sessions() -> None:
    short, enough = figures_of([100.0] * 19 + [101.0]), figures_of([100.0] * 20 + [101.0])

    assert short["cagr"] == MetricValue(reason="needs at least 20 sessions, there are 19")
    assert short["cagr_calendar"].value is None
    assert short["calmar"] == MetricValue(
        reason="cagr is undefined: needs at least 20 sessions, there are 19"
    )
    assert enough["cagr"].value == pytest.approx(1.01 ** (252 / 20) - 1)


def test_one_session_has_a_return_but_no_spread() -> None:
    figures = figures_of([100.0, 80.0])

    assert figures["total_return"].value == pytest.approx(-0.2)
    assert figures["max_drawdown"].value == pytest.approx(-0.2)
    assert figures["sharpe"].reason == "needs at least 2 sessions"


def test_steady_growth_has_no_sharpe_ratio_although_rounding_makes_returns_vary() -> None:
    equity = (100 * 1.001 ** np.arange(60)).tolist()

    figures = figures_of(equity)

    assert figures["sharpe"].reason == "the returns do not vary"
    assert figures["sortino"].reason == "no session returned less than the risk-free rate"
    assert figures["calmar"].reason == "equity never fell below its peak"
    assert figures["max_dd_duration_sessions"].value == 0


def test_a_ruined_account_has_lost_everything_and_has_no_ratio_after_that() -> None:
    figures = figures_of([100.0] * 20 + [0.0, -5.0])

    assert figures["cagr"].value == figures["cagr_calendar"].value == -1
    assert figures["max_drawdown"].value == pytest.approx(-1.05)
    assert figures["sharpe"].reason == figures["sortino"].reason == RUINED
    ruined, steady = np.array([100.0, 0.0, 1.0]), np.array([100.0, 101.0, 99.0])
    for pair in ((ruined, steady), (steady, ruined)):
        assert relative_metrics(*pair, year=Year())["beta"].reason == RUINED


def test_growth_too_large_for_a_number_is_undefined_and_not_infinite() -> None:
    figures = figures_of([1e-100] * 20 + [1e100])

    assert figures["cagr"].reason == "the figure is too large to be represented"


def test_the_longest_drawdown_need_not_be_the_deepest_and_may_last_to_the_end() -> None:
    equity = [100.0, 100.0, 50.0, 110.0, 108.0, 109.0, 107.0, 109.5]

    deepest, longest = drawdowns_of(np.array(equity), business_days(8))
    figures = figures_of(equity)

    assert (deepest.peak_date, deepest.trough_date, deepest.end_date) == (
        date(2024, 1, 3),
        date(2024, 1, 4),
        date(2024, 1, 5),
    )
    assert (deepest.depth_ratio, deepest.recovered) == (-0.5, True)
    assert (longest.peak_date, longest.trough_date, longest.end_date) == (
        date(2024, 1, 5),
        date(2024, 1, 10),
        date(2024, 1, 11),
    )
    assert not longest.recovered
    assert (figures["max_dd_duration_days"].value, figures["max_dd_duration_sessions"].value) == (6, 4)
    assert figures["max_drawdown"].value == -0.5


def test_alpha_and_beta_are_undefined_where_the_benchmark_does_not_move() -> None:
    figures = relative_metrics(np.array([1.0, 2.0, 1.0]), np.array([5.0, 5.0, 5.0]), year=Year())

    assert figures["beta"].reason == figures["alpha"].reason == "the benchmark's returns do not vary"


def test_a_metric_is_a_finite_value_or_a_reason_and_never_both() -> None:
    for value, reason in ((None, None), (1.0, "no"), (float("nan"), None), (float("inf"), None)):
        with pytest.raises(ValueError, match="a metric"):
            MetricValue(value=value, reason=reason)
    assert type(defined(np.float64(1.5)).value) is float
