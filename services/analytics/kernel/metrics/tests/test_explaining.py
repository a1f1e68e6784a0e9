import json
from collections.abc import Callable
from math import sqrt
from operator import itemgetter
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.engine import buy_and_hold, simulate
from services.analytics.kernel.metrics import DEFINITIONS, Year, measure
from services.analytics.kernel.metrics.explaining import Explanation, explain
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.simulation import Simulation
from services.analytics.kernel.tests.synthetic import random_walk
from shared.errors import NotFound

YEAR = Year(periods=252, risk_free=0.02)
COSTS = Costs(commission_bps=10, slippage_bps=5)


def runs(*, sessions: int = 200, trades: bool = True) -> tuple[Simulation, Simulation]:
    market = random_walk(4, sessions)
    signal = np.zeros(sessions, dtype=np.int8)
    if trades:
        signal[5::20], signal[15::20] = 1, -1
    execution = Execution(stop_loss_ratio=0.5)
    simulation = simulate(
        market, Decisions(signal=signal), initial_capital=1e4, costs=COSTS, execution=execution
    )
    return simulation, buy_and_hold(market, initial_capital=1e4, costs=COSTS)


def explained(name: str) -> Explanation:
    simulation, benchmark = runs()
    return explain(name, simulation, benchmark=benchmark, year=YEAR)


RECOMPUTED: dict[str, Callable[[Any], float]] = {
    "total_return": lambda i: i["E[n]"] / i["E[0]"] - 1,
    "cagr": lambda i: (i["E[n]"] / i["E[0]"]) ** (i["P"] / i["n"]) - 1,
    "cagr_calendar": lambda i: (i["E[n]"] / i["E[0]"]) ** (365.25 / i["calendar_days"]) - 1,
    "annual_volatility": lambda i: i["std(x, ddof 1)"] * sqrt(i["P"]),
    "sharpe": lambda i: i["mean(x)"] / i["std(x, ddof 1)"] * sqrt(i["P"]),
    "probabilistic_sharpe": lambda i: probability(
        i["mean(x)"] / i["std(x, ddof 1)"], i["g3"], i["g4"], i["n"]
    ),
    "sortino": lambda i: i["mean(x)"] * i["P"] / (i["sqrt(mean(min(x, 0)^2))"] * sqrt(i["P"])),
    "max_drawdown": lambda i: i["deepest"]["depth_ratio"],
    "max_dd_duration_days": lambda i: i["longest"]["days"],
    "max_dd_duration_sessions": lambda i: i["longest"]["sessions"],
    "calmar": lambda i: i["cagr"] / -i["deepest"]["depth_ratio"],
    "exposure_time": lambda i: i["sessions_held"] / i["n"],
    "mean_gross_exposure": lambda i: i["sum(value / E)"] / i["n"],
    "beta": lambda i: i["cov(x, y)"] / i["var(y)"],
    "alpha": lambda i: (1 + i["mean(x)"] - i["beta"] * i["mean(y)"]) ** i["P"] - 1,
    "trade_count": itemgetter("n"),
    "win_rate": lambda i: i["count(pnl > 0)"] / i["n"],
    "profit_factor": lambda i: i["sum(pnl > 0)"] / -i["sum(pnl < 0)"],
    "payoff": lambda i: i["sum(pnl > 0)"] / i["count(pnl > 0)"] / (-i["sum(pnl < 0)"] / i["count(pnl < 0)"]),
    "expectancy": lambda i: i["mean(pnl)"],
    "expectancy_pct": lambda i: 100 * i["mean(pnl / cost)"],
    "expectancy_r": lambda i: i["mean(pnl / initial risk)"],
    "sqn": lambda i: sqrt(i["n"]) * i["mean(pnl)"] / i["std(pnl, ddof 1)"],
    "fees_paid": lambda i: i["sum(commission)"],
    "dividends": lambda i: i["sum(dividends)"],
}


def probability(ratio: float, skewness: float, kurtosis: float, n: int) -> float:
    error = sqrt((1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2) / (n - 1))
    return NormalDist().cdf(ratio / error)


@pytest.mark.parametrize("name", [definition.name for definition in DEFINITIONS])
def test_every_figure_follows_from_the_inputs_that_its_explanation_gives(name: str) -> None:
    found = explained(name)

    assert found.definition.name == name
    assert found.figure.value == pytest.approx(RECOMPUTED[name]({**found.inputs, "n": found.n}), rel=1e-10)
    assert found.inputs == json.loads(json.dumps(found.inputs, allow_nan=False))


def test_figures_of_trades_count_trades_and_others_sessions() -> None:
    simulation, _ = runs()

    assert explained("sqn").n == len(simulation.trades) == 10
    assert explained("sharpe").n == 200


@pytest.mark.parametrize("name", [definition.name for definition in DEFINITIONS])
def test_a_figure_without_a_value_is_explained_by_what_there_is(name: str) -> None:
    simulation, _ = runs(sessions=2, trades=False)

    found = explain(name, simulation, benchmark=None, year=YEAR)

    assert found.figure == measure(simulation, benchmark=None, year=YEAR)[name]
    json.dumps(found.inputs, allow_nan=False)


def test_an_unknown_figure_is_answered_with_those_that_exist() -> None:
    with pytest.raises(NotFound, match="permitted are total_return, cagr,"):
        explained("luck")
