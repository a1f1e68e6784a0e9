import numpy as np
import pytest

from services.analytics.kernel.metrics.trade_statistics import trade_metrics


def test_without_trades_only_their_number_is_known() -> None:
    figures = trade_metrics(np.array([]), np.array([]))

    assert figures.pop("trade_count").value == 0
    assert {figure.reason for figure in figures.values()} == {"no closed trades"}


def test_a_zero_counts_as_a_trade_but_neither_as_win_nor_as_loss() -> None:
    figures = trade_metrics(np.array([10.0, 0.0, 0.0, 20.0]), np.zeros(4))

    assert figures["win_rate"].value == 0.5
    assert figures["profit_factor"].reason == figures["payoff"].reason == "no trade lost money"


def test_only_losses_give_a_profit_factor_of_zero_and_no_payoff() -> None:
    figures = trade_metrics(np.array([-10.0, -20.0]), np.zeros(2))

    assert figures["profit_factor"].value == 0
    assert figures["payoff"].reason == "no trade made money"


def test_quality_needs_two_trades_that_differ() -> None:
    assert trade_metrics(np.array([5.0]), np.zeros(1))["sqn"].reason == "needs at least 2 closed trades"
    assert trade_metrics(np.full(3, 0.1), np.zeros(3))["sqn"].reason == "all trades have the same result"


def test_quality_of_few_trades_carries_a_caution() -> None:
    few, enough = (np.arange(count, dtype=float) for count in (29, 30))

    assert "only 29 trades" in str(trade_metrics(few, few)["sqn"].caution)
    assert trade_metrics(enough, enough)["sqn"].caution is None


def test_expectancy_in_risk_needs_a_stop_on_every_trade() -> None:
    pnl, risk = np.array([30.0, -10.0]), np.array([10.0, 20.0])

    assert trade_metrics(pnl, pnl / 100)["expectancy_r"].reason == "not every trade had a stop"
    assert trade_metrics(pnl, pnl / 100, risk)["expectancy_r"].value == pytest.approx((3 - 0.5) / 2)
