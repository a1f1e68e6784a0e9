import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.strategies.moving_average_dip import (
    MovingAverageDip,
    MovingAverageDipParameters,
)
from services.analytics.kernel.tests.synthetic import series_of

STRATEGY = MovingAverageDip()
SHORT = MovingAverageDipParameters(buy_window=2, sell_window=3)


def signals_of(closes: list[float] | FloatArray, parameters: MovingAverageDipParameters = SHORT) -> list[int]:
    signals: list[int] = STRATEGY.decide(series_of(closes), parameters).signal.tolist()
    return signals


def test_it_buys_below_both_averages_and_sells_above_the_long_one() -> None:
    # t=2: 8 is below 8.5 (of 2) and 9 (of 3): buy.  t=3: 12 is above 9.67 (of 3): sell.
    # t=4: 10 is below 11 (of 2) and equal to 10 (of 3): buy, for <= holds.
    # t=5: 11 is above 10.5 (of 2) and equal to 11 (of 3): nothing.
    assert signals_of([10, 9, 8, 12, 10, 11]) == [0, 0, 1, -1, 1, 0]


def test_it_neither_buys_nor_sells_while_the_close_equals_the_buy_average() -> None:
    # t=3: the mean of 9 and 9 is 9, equal to the close, which is below the mean of 12, 9, 9.
    assert signals_of([12, 12, 9, 9]) == [0, 0, 1, 0]


def test_it_does_nothing_above_the_buy_average_and_below_the_sell_average() -> None:
    # t=3: 8 is above the mean of 7 and 8 and below the mean of 12, 7 and 8.
    assert signals_of([12, 12, 7, 8]) == [0, 0, 1, 0]


@given(price=st.floats(0.01, 10_000), buy=st.integers(2, 60), more=st.integers(0, 60))
def test_a_constant_price_never_signals(price: float, buy: int, more: int) -> None:
    parameters = MovingAverageDipParameters(buy_window=buy, sell_window=buy + more)

    assert set(signals_of(np.full(150, price), parameters)) == {0}


def test_the_first_decision_falls_on_session_200() -> None:
    falling = np.linspace(300, 100, 210)

    signals = signals_of(falling, MovingAverageDipParameters())

    assert STRATEGY.warm_up_sessions(MovingAverageDipParameters()) == 200
    assert signals == [0] * 199 + [1] * 11


@given(closes=st.lists(st.floats(1, 1000), min_size=3, max_size=40), cut=st.integers(1, 40))
def test_no_signal_depends_on_a_later_close(closes: list[float], cut: int) -> None:
    assert signals_of(closes[:cut]) == signals_of(closes)[:cut]


@given(
    cents=st.lists(st.integers(100, 100_000), min_size=3, max_size=40), ratio=st.sampled_from([2, 3, 7, 20])
)
def test_the_same_prices_in_shares_after_a_split_give_the_same_signals(cents: list[int], ratio: int) -> None:
    closes = np.array(cents) / 100

    assert signals_of(closes) == signals_of(closes / ratio)
