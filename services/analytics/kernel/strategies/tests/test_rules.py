"""Each rule on closes worked out by hand, with its equalities."""

from typing import Any

import numpy as np
import pytest

from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.tests.synthetic import series_of


def signals(name: str, closes: list[float], **parameters: Any) -> list[int]:
    strategy = strategy_named(name)
    decided: list[int] = strategy.decide(series_of(closes), strategy.parse(parameters)).signal.tolist()
    return decided


def test_sma_cross_buys_above_and_sells_below_once_per_crossing() -> None:
    # Fast is the close, slow the mean of two: above while the price rises. Session 1 has no session before it
    # with both lines; at 5 the two are equal; at 6 it rises again.
    assert signals("sma_cross", [1, 2, 3, 2, 1, 1, 2], fast_window=1, slow_window=2) == [0, 0, 0, -1, 0, 0, 1]


def test_sma_cross_takes_a_touch_for_no_crossing() -> None:
    assert signals("sma_cross", [1, 2, 3, 3, 4, 4, 3], fast_window=1, slow_window=2) == [0] * 6 + [-1]


def test_sma_cross_crosses_when_lines_that_were_equal_first_part() -> None:
    assert signals("sma_cross", [5, 5, 5, 5, 6, 7], fast_window=1, slow_window=2) == [0, 0, 0, 0, 1, 0]


def test_ema_cross_follows_averages_seeded_by_their_first_window() -> None:
    # Fast is the close. Slow: mean of 4, 2 = 3, then by 2/3 of the way to 6: 5, to 4: 4.33, to 5: 4.78.
    closes = [4.0, 2.0, 6.0, 4.0, 5.0]

    assert signals("ema_cross", closes, fast_window=1, slow_window=2) == [0, 0, 1, -1, 1]


def test_rsi_buys_below_and_sells_above_its_levels_and_not_at_them() -> None:
    # Two changes in the window: gains of 1 and losses of 3 are an index of 25.
    closes = [10.0, 11.0, 8.0]

    assert signals("rsi", closes, window=2, oversold=26, overbought=70)[-1] == 1
    assert signals("rsi", closes, window=2, oversold=25, overbought=70)[-1] == 0
    assert signals("rsi", closes, window=2, oversold=10, overbought=25)[-1] == 0
    assert signals("rsi", closes, window=2, oversold=10, overbought=24.5)[-1] == -1


def test_macd_signals_where_the_line_crosses_its_average() -> None:
    # With a fast window of 1 and a signal of 2 sessions: the line falls, then turns at session 5.
    closes = [10.0, 9.0, 7.0, 4.0, 0.5, 6.0, 8.0, 3.0]

    assert signals("macd", closes, fast_window=1, slow_window=2, signal_window=2) == [0, 0, 0, 0, 0, 1, 0, -1]


def test_bollinger_buys_below_the_lower_band_and_sells_above_the_mean() -> None:
    # The last of five is 2 deviations away if the others are equal; a band of 1.9 is then passed.
    drop, rise = [10.0, 10, 10, 10, 8], [10.0, 10, 10, 10, 11]

    assert signals("bollinger", drop, window=5, width=1.9)[-1] == 1
    assert signals("bollinger", drop, window=5, width=2.0)[-1] == 0
    assert signals("bollinger", rise, window=5, width=5)[-1] == -1  # long before the upper band


def test_bollinger_does_not_sell_at_the_mean() -> None:
    assert signals("bollinger", [10.0, 12, 14, 10, 11.5], window=5)[-1] == 0


def test_buy_and_hold_buys_at_the_first_close_and_never_again() -> None:
    assert signals("buy_and_hold", [3.0, 2.0, 1.0]) == [1, 0, 0]


@pytest.mark.parametrize(
    ("name", "parameters", "first"),
    [
        ("sma_cross", {"fast_window": 3, "slow_window": 8}, 8),
        ("ema_cross", {"fast_window": 3, "slow_window": 8}, 8),
        ("rsi", {"window": 5}, 5),
        ("bollinger", {"window": 8}, 7),
        ("moving_average_dip", {"buy_window": 4, "sell_window": 8}, 7),
        ("macd", {"fast_window": 2, "slow_window": 6, "signal_window": 3}, 8),
    ],
)
def test_the_first_decision_can_fall_on_the_last_session_of_the_warm_up(
    name: str, parameters: dict[str, Any], first: int
) -> None:
    strategy = strategy_named(name)
    # Falls faster and faster, then leaps: every rule decides something at the leap or the plunge.
    fall = 1000.0 - np.arange(first) ** 2.0
    leap, plunge = [*fall, 2000.0], [*fall, 1.0]

    assert strategy.warm_up_sessions(strategy.parse(parameters)) == first + 1
    at_leap, at_plunge = (signals(name, closes, **parameters) for closes in (leap, plunge))
    assert set(at_leap[:first]) == set(at_plunge[:first]) == {0}
    assert at_leap[first] or at_plunge[first]
