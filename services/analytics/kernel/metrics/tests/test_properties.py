import json
from dataclasses import asdict, replace
from math import isclose
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.engine import buy_and_hold, simulate
from services.analytics.kernel.metrics import DEFINITIONS, Metrics, Year, measure
from services.analytics.kernel.metrics.curve import curve_metrics, period_returns
from services.analytics.kernel.metrics.definitions import Unit
from services.analytics.kernel.simulation import Simulation
from services.analytics.kernel.tests.synthetic import business_days, market_of, random_walk

COSTS = Costs(commission_bps=10, slippage_bps=5, commission_per_order=1)
RATIOS = ("total_return", "cagr", "annual_volatility", "sharpe", "sortino", "max_drawdown", "calmar")

# Between -9 % and +9 % a session, in steps that cannot hide behind rounding.
returns_of_a_month = st.lists(st.integers(-90, 90).map(lambda n: n / 1000), min_size=21, max_size=60)


def figures_of(returns: list[float], *, start: float = 10_000.0) -> Metrics:
    equity = np.concatenate(([start], start * np.cumprod(1 + np.array(returns))))
    return curve_metrics(equity, business_days(len(equity)), year=Year())


def same(left: Metrics, right: Metrics, *names: str) -> bool:
    pairs = [(left[name].value, right[name].value) for name in names]
    return all(
        a == b if a is None or b is None else isclose(a, b, rel_tol=1e-7, abs_tol=1e-9) for a, b in pairs
    )


def simulated(
    seed: int, signals: list[int], *, capital: float = 1000.0, costs: Costs = COSTS
) -> tuple[Simulation, Simulation]:
    market = random_walk(seed, len(signals), dividend_every=7)
    orders = Decisions(signal=np.array(signals))
    return (
        simulate(market, orders, initial_capital=capital, costs=costs),
        buy_and_hold(market, initial_capital=capital, costs=costs, whole_shares=True),
    )


@given(returns=returns_of_a_month, factor=st.floats(0.01, 1000))
def test_scaling_the_equity_changes_no_ratio(returns: list[float], factor: float) -> None:
    assert same(figures_of(returns), figures_of(returns, start=10_000 * factor), *RATIOS)


@given(returns=returns_of_a_month, order=st.randoms(use_true_random=False))
def test_the_order_of_returns_matters_to_the_drawdown_alone(returns: list[float], order: Random) -> None:
    shuffled = list(returns)
    order.shuffle(shuffled)

    assert same(
        figures_of(returns), figures_of(shuffled), "total_return", "cagr", "annual_volatility", "sharpe"
    )


def test_the_drawdown_sees_the_order_of_returns() -> None:
    falls_first, alternates = [-0.1] * 11 + [0.1] * 11, [-0.1, 0.1] * 11

    assert not same(figures_of(falls_first), figures_of(alternates), "max_drawdown")


@given(returns=returns_of_a_month)
def test_a_session_without_return_changes_neither_total_return_nor_drawdown(returns: list[float]) -> None:
    assert same(figures_of(returns), figures_of([*returns, 0.0]), "total_return", "max_drawdown")


@given(loss=st.floats(0.001, 0.9))
def test_a_loss_on_the_first_day_is_a_drawdown(loss: float) -> None:
    figures = figures_of([-loss, *[0.0] * 20])

    assert figures["max_drawdown"].value == pytest.approx(-loss)
    assert figures["max_dd_duration_sessions"].value == 21


def test_a_constant_equity_has_no_volatility_and_no_sharpe_ratio() -> None:
    figures = figures_of([0.0] * 30)

    assert figures["annual_volatility"].value == 0
    assert figures["sharpe"].reason == "the returns do not vary"
    assert figures["max_drawdown"].value == 0


@given(seed=st.integers(0, 100), signals=st.lists(st.sampled_from([-1, 0, 1]), min_size=30, max_size=60))
def test_without_a_benchmark_only_alpha_and_beta_are_undefined(seed: int, signals: list[int]) -> None:
    strategy, benchmark = simulated(seed, signals)

    with_it = measure(strategy, benchmark=benchmark, year=Year())
    without = measure(strategy, benchmark=None, year=Year())

    assert without.pop("alpha").value is without.pop("beta").value is None
    assert with_it.pop("alpha").value is not None
    assert with_it.pop("beta").value is not None
    assert with_it == without


@given(
    seed=st.integers(0, 100),
    signals=st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=40),
    capital=st.sampled_from([1.0, 150.0, 1e4, 1e12]),
    # Three fees of 4,000 ruin an account of 10,000.
    fee=st.sampled_from([0.0, 4000.0]),
)
def test_json_holds_every_figure_and_no_nan_or_infinity(
    seed: int, signals: list[int], capital: float, fee: float
) -> None:
    costs = replace(COSTS, commission_per_order=fee)
    strategy, benchmark = simulated(seed, signals, capital=capital, costs=costs)

    figures = measure(strategy, benchmark=benchmark, year=Year())

    text = json.dumps({name: asdict(figure) for name, figure in figures.items()}, allow_nan=False)
    assert list(json.loads(text)) == [definition.name for definition in DEFINITIONS]
    assert all(figure.value is not None or figure.reason for figure in figures.values())


def test_exposure_counts_sessions_and_weighs_positions() -> None:
    market = market_of([10] * 5, [10] * 5)
    free = Costs(commission_bps=0, slippage_bps=0)
    orders = Decisions(signal=np.array([1, 0, -1, 0, 0]))

    result = simulate(market, orders, initial_capital=1005, costs=free)
    figures = measure(result, benchmark=None, year=Year())

    # Held at the closes of rows 1 and 2 with 1000 of 1005, and until the open of row 3.
    assert figures["exposure_time"].value == pytest.approx(3 / 5)
    assert figures["mean_gross_exposure"].value == pytest.approx(2 / 5 * 1000 / 1005)


def test_fees_of_open_trades_and_all_dividends_are_counted() -> None:
    market = market_of([10] * 4, [10] * 4, dividends={2: 0.5})
    costs = Costs(commission_bps=0, slippage_bps=0, commission_per_order=5)

    result = buy_and_hold(market, initial_capital=1005, costs=costs, whole_shares=True)
    figures = measure(result, benchmark=None, year=Year())

    assert (figures["fees_paid"].value, figures["dividends"].value) == (5, 50)
    assert figures["trade_count"].value == 0


def test_exposure_of_a_ruined_account_is_undefined() -> None:
    result = buy_and_hold(market_of([10, 10], [10, 10]), initial_capital=100, costs=COSTS, whole_shares=True)
    ruined = replace(result, equity=np.array([100.0, 10.0, -1.0]))

    assert measure(ruined, benchmark=None, year=Year())["mean_gross_exposure"].value is None


@given(returns=returns_of_a_month)
def test_period_returns_rebuild_the_curve(returns: list[float]) -> None:
    equity = np.concatenate(([1.0], np.cumprod(1 + np.array(returns))))

    np.testing.assert_allclose(period_returns(equity), returns, atol=1e-12)


def test_the_table_names_each_figure_once_with_label_unit_and_formula() -> None:
    assert len({d.name for d in DEFINITIONS}) == len({d.label for d in DEFINITIONS}) == len(DEFINITIONS)
    assert all(d.formula and "\n" not in d.formula and isinstance(d.unit, Unit) for d in DEFINITIONS)
