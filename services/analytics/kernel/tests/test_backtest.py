from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from services.analytics.kernel.backtest import BacktestResult, run
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import DEFINITIONS
from services.analytics.kernel.strategies.moving_average_dip import (
    MovingAverageDip,
    MovingAverageDipParameters,
)
from services.analytics.kernel.tests.synthetic import market_of, random_walk
from services.tests.independent_backtest import backtest_moving_average_dip
from shared.errors import InsufficientHistory

COSTS = Costs(commission_bps=10, slippage_bps=5)


def backtested(
    market: MarketData,
    *,
    capital: float = 10_000.0,
    risk_free: float = 0.0,
    sell_window: int = 200,
    index: MarketData | None = None,
) -> BacktestResult:
    return run(
        market,
        MovingAverageDip(),
        MovingAverageDipParameters(buy_window=50, sell_window=sell_window),
        initial_capital=capital,
        costs=COSTS,
        risk_free=risk_free,
        index=index,
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_backtest_agrees_with_the_independent_one(seed: int) -> None:
    market = random_walk(seed, 900)

    result = backtested(market)

    expected = backtest_moving_average_dip(
        opens=market.open.tolist(), closes=market.close.tolist(), dividends=market.dividend.tolist()
    )
    assert len(result.simulation.trades) == expected.trade_count > 0
    assert result.simulation.final_equity == pytest.approx(expected.final_equity, rel=1e-9)
    for name in ("total_return", "max_drawdown", "sharpe"):
        assert result.metrics[name].value == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-12)


def test_with_an_index_alpha_and_beta_are_against_it_and_all_else_stays() -> None:
    market, index = random_walk(1, 400), random_walk(2, 400)
    dear = replace(
        index,
        **{name: getattr(index, name) * 1e5 for name in ("open", "high", "low", "close", "signal_close")},
    )

    alone, compared = backtested(market), backtested(market, index=dear)

    assert (alone.index, alone.index_metrics, alone.compared_with) == (None, None, alone.benchmark)
    assert compared.compared_with is compared.index
    assert compared.index_metrics is not None
    assert compared.index_metrics["total_return"].value is not None
    assert compared.index_metrics["total_return"].value > -1
    assert compared.index_metrics["exposure_time"].value == 1.0
    differing = {name for name in alone.metrics if alone.metrics[name].value != compared.metrics[name].value}
    assert differing == {"alpha", "beta"}


def test_200_sessions_are_refused_with_what_is_missing() -> None:
    with pytest.raises(InsufficientHistory) as caught:
        backtested(random_walk(1, 200))

    assert caught.value.status == 422
    assert (caught.value.needed_sessions, caught.value.present_sessions) == (201, 200)
    assert caught.value.extra["missing_sessions"] == 1


def test_no_sessions_at_all_are_refused_the_same_way() -> None:
    with pytest.raises(InsufficientHistory, match="has 0 sessions and 201 are needed"):
        backtested(market_of([], []))


def test_the_first_fill_can_come_on_session_201() -> None:
    falling = np.linspace(300, 100, 201)

    result = backtested(market_of(falling, falling))

    assert [fill.session for fill in result.simulation.fills] == [result.simulation.dates[201].item()]


@pytest.mark.parametrize("capital", [-1.0, 0.0, 0.5, 1e13, float("nan"), float("inf")])
def test_absurd_money_is_refused(capital: float) -> None:
    with pytest.raises(InvalidParameter) as caught:
        backtested(random_walk(1, 300), capital=capital)

    assert caught.value.extra["field"] == "initial_capital"


def test_an_absurd_rate_is_refused() -> None:
    with pytest.raises(InvalidParameter) as caught:
        backtested(random_walk(1, 300), risk_free=5.0)

    assert caught.value.extra["field"] == "risk_free"


def test_signals_come_from_the_split_adjusted_close_while_fills_use_the_traded_price() -> None:
    falling = np.linspace(300, 100, 250)
    raw = market_of(falling, falling)
    rising = replace(raw, signal_close=np.linspace(100, 300, 250))

    assert backtested(raw).simulation.fills[0].price == pytest.approx(falling[200] * 1.0005)
    assert backtested(rising).simulation.fills == ()


def test_strategy_and_benchmark_start_from_the_same_money_on_the_same_date() -> None:
    market = replace(random_walk(2, 300), opening_date=np.datetime64("2023-12-29"))

    result = backtested(market)

    for account in (result.simulation, result.benchmark):
        assert (account.dates[0].item(), account.equity[0]) == (date(2023, 12, 29), 10_000)
        assert len(account.equity) == len(account.dates) == len(market) + 1
    assert result.benchmark.fills[0].session == market.sessions[0].item()
    assert result.benchmark.fills[0].price == pytest.approx(market.open[0] * 1.0005)


def test_a_result_measures_both_sides_by_the_whole_table_and_names_its_versions() -> None:
    result = backtested(random_walk(2, 300))

    names = [definition.name for definition in DEFINITIONS]
    assert list(result.metrics) == list(result.benchmark_metrics) == names
    assert (result.engine_version, result.metrics_version) == ("engine/2", "metrics/1")
    assert (result.strategy_name, result.strategy_version) == ("moving_average_dip", 1)
    assert [m for m, v in result.benchmark_metrics.items() if v.reason == "no benchmark to compare with"] == [
        "beta",
        "alpha",
    ]


def test_a_run_repeated_gives_the_same_bits() -> None:
    first, second = backtested(random_walk(5, 700)), backtested(random_walk(5, 700))

    assert first.simulation.equity.tobytes() == second.simulation.equity.tobytes()
    assert first.metrics == second.metrics
