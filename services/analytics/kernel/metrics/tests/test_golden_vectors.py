"""The golden vectors of metrics/1: they agree with empyrical to 1e-12 and never change in this version."""

from datetime import date

import numpy as np
import pytest

from services.analytics.kernel.metrics.curve import curve_metrics
from services.analytics.kernel.metrics.drawdowns import drawdowns_of
from services.analytics.kernel.metrics.relative import relative_metrics
from services.analytics.kernel.metrics.trade_statistics import trade_metrics
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.tests.synthetic import business_days

EQUITY = np.array([10000.0, 10120, 10060, 10250, 9890, 9890, 10010, 10430, 10390, 10520])
BENCHMARK = np.array([200.0, 201, 200.5, 203, 199, 199.6, 201, 204.5, 205, 206])
DATES = business_days(10)
PNL = np.array([120.0, -60, 0, 250, -90, 40])

GOLDEN = {
    0.0: {
        "total_return": 0.052,
        "cagr": 3.134668685477764,
        "annual_volatility": 0.3339734958617824,
        "sharpe": 4.410293366949151,
        "sortino": 7.769939553239512,
        "max_drawdown": -0.035121951219512,
        "calmar": 89.250983405964,
        "beta": 1.956406816636637,
        "alpha": -0.158707219339461,
    },
    0.04: {
        "total_return": 0.052,
        "cagr": 3.134668685477764,
        "annual_volatility": 0.3339734958617824,
        "sharpe": 4.292847623770682,
        "sortino": 7.521908219801074,
        "max_drawdown": -0.035121951219512,
        "calmar": 89.250983405964,
        "beta": 1.956406816636637,
        "alpha": -0.126527585096694,
    },
}


@pytest.mark.parametrize("risk_free", GOLDEN)
def test_the_curve_gives_the_golden_figures(risk_free: float) -> None:
    year = Year(periods=252, risk_free=risk_free)

    figures = curve_metrics(EQUITY, DATES, year=year, minimum_sessions=1)
    figures |= relative_metrics(EQUITY, BENCHMARK, year=year)

    for name, expected in GOLDEN[risk_free].items():
        assert figures[name].value == pytest.approx(expected, rel=1e-12), name


def test_the_calendar_growth_uses_years_of_365_and_a_quarter_days() -> None:
    # 2024-01-02 to 2024-01-15 are 13 days.
    figures = curve_metrics(EQUITY, DATES, year=Year(), minimum_sessions=1)

    assert figures["cagr_calendar"].value == pytest.approx(1.052 ** (365.25 / 13) - 1, rel=1e-12)


def test_the_drawdowns_are_the_golden_ones() -> None:
    episodes = [
        (d.peak_date, round(d.depth_ratio, 6), d.end_date, d.days, d.sessions)
        for d in drawdowns_of(EQUITY, DATES)
    ]

    assert episodes == [
        (date(2024, 1, 3), -0.005929, date(2024, 1, 5), 2, 2),
        (date(2024, 1, 5), -0.035122, date(2024, 1, 11), 6, 4),
        (date(2024, 1, 11), -0.003835, date(2024, 1, 15), 4, 2),
    ]
    assert all(d.recovered for d in drawdowns_of(EQUITY, DATES))


def test_the_trades_give_the_golden_figures() -> None:
    figures = trade_metrics(PNL, PNL / 1000)

    expected = {
        "trade_count": 6,
        "win_rate": 0.5,
        "profit_factor": 2.7333333,
        "expectancy": 43.3333333,
        "expectancy_pct": 4.33333333,
        "sqn": 0.844797273,
        "payoff": 1.8222222,
    }
    for name, value in expected.items():
        assert figures[name].value == pytest.approx(value, abs=5e-8), name
