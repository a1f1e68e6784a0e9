import numpy as np
import pytest

from services.analytics.kernel.metrics import DEFINITIONS, Year, measure_curve
from services.analytics.kernel.metrics.tests.test_golden_vectors import BENCHMARK, EQUITY, GOLDEN, PNL


@pytest.mark.parametrize("risk_free", GOLDEN)
def test_a_bare_curve_has_the_golden_figures(risk_free: float) -> None:
    figures = measure_curve(
        EQUITY, benchmark=BENCHMARK, trade_pnl=PNL, year=Year(risk_free=risk_free), minimum_sessions=1
    )

    assert list(figures) == [definition.name for definition in DEFINITIONS]
    for name, expected in GOLDEN[risk_free].items():
        assert figures[name].value == pytest.approx(expected, rel=1e-12), name
    assert figures["sqn"].value == pytest.approx(0.844797273, abs=5e-10)


def test_what_a_bare_curve_cannot_tell_has_a_reason() -> None:
    figures = measure_curve(np.array([100.0, 101.0, 99.0]), year=Year())

    reasons = {name: figure.reason for name, figure in figures.items() if figure.reason}
    assert reasons["fees_paid"] == "a curve does not tell what was held and paid"
    assert reasons["win_rate"] == "no list of trades is given"
    assert reasons["cagr_calendar"] == "the curve has no dates"
    assert reasons["beta"] == "no benchmark to compare with"
    assert figures["sharpe"].value is not None


def test_a_list_of_no_trades_is_not_a_missing_one() -> None:
    figures = measure_curve(np.array([100.0, 101.0, 99.0]), year=Year(), trade_pnl=np.array([]))

    assert figures["trade_count"].value == 0
    assert figures["win_rate"].reason == "no closed trades"


def test_the_costs_of_bare_trades_are_not_known() -> None:
    figures = measure_curve(np.array([100.0, 101.0, 99.0]), year=Year(), trade_pnl=np.array([5.0, -2.0]))

    assert figures["expectancy"].value == 1.5
    assert figures["expectancy_pct"].reason == "the cost of the trades is not known"
