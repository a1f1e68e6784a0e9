"""The single passes give what whole-array formulas give, to 1e-12."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.metrics.curve import curve_metrics, drawdowns_summed
from services.analytics.kernel.metrics.drawdowns import drawdown_ratios, drawdowns_of
from services.analytics.kernel.metrics.relative import relative_metrics
from services.analytics.kernel.metrics.sums import exposure_sums
from services.analytics.kernel.metrics.trade_statistics import trade_metrics
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.tests.synthetic import business_days

curves = st.tuples(st.integers(0, 2**32 - 1), st.integers(20, 300), st.floats(0.001, 0.04))


def curve(seed: int, count: int, volatility: float) -> FloatArray:
    moves = np.random.default_rng(seed).normal(0.0004, volatility, count)
    # Whole cents, so that equity often comes back to exactly its peak.
    return np.round(np.concatenate(([100.0], 100 * np.cumprod(1 + moves))), 2)


@given(shape=curves, risk_free=st.floats(0, 0.1))
def test_risk_and_drawdown_are_those_of_whole_arrays(shape: tuple[int, int, float], risk_free: float) -> None:
    equity, year = curve(*shape), Year(risk_free=risk_free)
    dates = business_days(len(equity))

    figures = {name: figure.value for name, figure in curve_metrics(equity, dates, year=year).items()}

    returns = equity[1:] / equity[:-1] - 1
    excess = returns - year.risk_free_per_period
    n, ratio = len(excess), excess.mean() / excess.std(ddof=1)
    standard = (excess - excess.mean()) / excess.std()
    error = np.sqrt((1 - (standard**3).mean() * ratio + ((standard**4).mean() - 1) / 4 * ratio**2) / (n - 1))
    episodes = drawdowns_of(equity, dates)
    expected = {
        "annual_volatility": returns.std(ddof=1) * np.sqrt(252),
        "sharpe": ratio * np.sqrt(252),
        "probabilistic_sharpe": NormalDist().cdf(ratio / error),
        "sortino": excess.mean() / np.sqrt((np.minimum(excess, 0) ** 2).mean()) * np.sqrt(252),
        "max_drawdown": drawdown_ratios(equity).min(),
        "max_dd_duration_days": max((episode.days for episode in episodes), default=0),
        "max_dd_duration_sessions": max((episode.sessions for episode in episodes), default=0),
    }
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, rel=1e-12, abs=1e-14), name


@given(shape=curves, other=curves)
def test_alpha_and_beta_are_those_of_whole_arrays(
    shape: tuple[int, int, float], other: tuple[int, int, float]
) -> None:
    count = min(shape[1], other[1]) + 1
    equity, benchmark, year = curve(*shape)[:count], curve(*other)[:count], Year(risk_free=0.03)

    figures = relative_metrics(equity, benchmark, year=year)

    x, y = (c[1:] / c[:-1] - 1 - year.risk_free_per_period for c in (equity, benchmark))
    beta = np.cov(x, y, ddof=1)[0, 1] / np.var(y, ddof=1)
    assert figures["beta"].value == pytest.approx(beta, rel=1e-11, abs=1e-13)
    assert figures["alpha"].value == pytest.approx(
        (1 + (x - beta * y).mean()) ** 252 - 1, rel=1e-9, abs=1e-12
    )


@given(cents=st.lists(st.integers(-5000, 5000), min_size=2, max_size=60))
def test_trade_statistics_are_those_of_whole_arrays(cents: list[int]) -> None:
    pnl = np.array(cents) / 100
    risk = np.abs(pnl) + 1.0

    figures = {name: figure.value for name, figure in trade_metrics(pnl, pnl / 1000, risk).items()}

    wins, losses = pnl[pnl > 0], pnl[pnl < 0]
    assert figures["win_rate"] == len(wins) / len(pnl)
    assert figures["expectancy"] == pytest.approx(pnl.mean(), rel=1e-12, abs=1e-12)
    assert figures["expectancy_pct"] == pytest.approx(pnl.mean() / 10, rel=1e-12, abs=1e-12)
    assert figures["expectancy_r"] == pytest.approx((pnl / risk).mean(), rel=1e-12, abs=1e-12)
    if len(losses):
        assert figures["profit_factor"] == pytest.approx(wins.sum() / -losses.sum(), rel=1e-12)
    if len(set(cents)) > 1:
        expected = np.sqrt(len(pnl)) * pnl.mean() / pnl.std(ddof=1)
        assert figures["sqn"] == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_one_trade_without_a_stop_leaves_no_mean_multiple_of_risk() -> None:
    pnl = np.array([30.0, -10.0])

    for missing in (np.nan, 0.0):
        figures = trade_metrics(pnl, pnl / 100, np.array([10.0, missing]))
        assert figures["expectancy_r"].reason == "not every trade had a stop"


def test_a_drawdown_that_lasts_to_the_end_is_cautioned() -> None:
    open_, closed = (
        curve_metrics(np.array(equity), business_days(4), year=Year())
        for equity in ([100.0, 90.0, 95.0, 99.0], [100.0, 90.0, 95.0, 100.0])
    )

    for name in ("max_dd_duration_days", "max_dd_duration_sessions"):
        assert open_[name].caution == "not recovered by the last session"
        assert closed[name].caution is None


def test_of_equal_drawdowns_the_first_is_told() -> None:
    found = drawdowns_summed(np.array([100.0, 90.0, 100.0, 90.0, 100.0]), business_days(5))

    assert found.deepest == found.longest == (0, 1, 2)


def test_a_curve_without_dates_has_no_figures_of_calendar_days() -> None:
    figures = curve_metrics(np.linspace(100, 120, 30), None, year=Year())

    undefined = {name for name, figure in figures.items() if figure.reason == "the curve has no dates"}
    assert undefined == {"cagr_calendar", "max_dd_duration_days"}


def test_exposure_counts_positions_no_close_ever_saw() -> None:
    # Held at the closes of sessions 2 and 3, until some time in 4; in and out within 0 and, twice, within 6.
    stops, shares = np.array([0, 2, 4, 6, 7, 8]), np.array([[0.0, 5.0, 0.0, 0.0, 0.0]])
    fills = np.array([0, 0, 2, 4, 4, 4, 6, 6, 6, 6])

    held, exposure = exposure_sums(np.full(9, 100.0), stops, shares, np.full((1, 8), 10.0), fills)

    assert held == 5
    assert exposure == pytest.approx(1.0)


def test_exposure_adds_long_and_short_positions_up() -> None:
    stops, shares = np.array([0, 1, 2]), np.array([[5.0, 5.0], [-2.0, 0.0]])

    held, exposure = exposure_sums(np.full(3, 100.0), stops, shares, np.full((2, 2), 10.0), np.array([0, 1]))

    assert held == 2
    assert exposure == pytest.approx(0.7 + 0.5)
