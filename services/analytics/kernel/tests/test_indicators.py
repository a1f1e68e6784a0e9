from math import fsum

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.indicators import compared, sma

prices = st.floats(min_value=0.01, max_value=10_000)


def test_sma_is_the_mean_of_the_window_that_ends_here_and_nan_before() -> None:
    averages = sma(np.array([1.0, 2.0, 6.0, 4.0]), 3)

    np.testing.assert_array_equal(averages, [np.nan, np.nan, 3.0, 4.0])


def test_sma_of_a_series_shorter_than_its_window_is_all_nan() -> None:
    np.testing.assert_array_equal(sma(np.array([1.0, 2.0]), 3), [np.nan, np.nan])
    assert len(sma(np.array([]), 3)) == 0


@given(price=prices, window=st.integers(1, 250))
def test_sma_of_a_constant_price_is_exactly_that_price(price: float, window: int) -> None:
    averages = sma(np.full(window + 5, price), window)

    assert set(averages[window - 1 :]) == {price}


@given(values=st.lists(prices, min_size=5, max_size=40), window=st.integers(1, 5))
def test_sma_agrees_with_an_exactly_rounded_sum(values: list[float], window: int) -> None:
    expected = [fsum(values[t - window + 1 : t + 1]) / window for t in range(window - 1, len(values))]

    np.testing.assert_allclose(sma(np.array(values), window)[window - 1 :], expected, rtol=1e-11)


def test_sma_does_not_depend_on_history_before_its_window() -> None:
    recent = np.random.default_rng(1).uniform(1, 2, 300)
    after_a_crash = np.concatenate((np.full(100, 1e9), recent))

    np.testing.assert_array_equal(sma(after_a_crash, 50)[-251:], sma(recent, 50)[-251:])


def test_compared_tells_below_equal_above_and_says_nothing_of_nan() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])
    averages = np.array([2.0, 2.0, 2.0, np.nan])

    assert compared(values, averages).tolist() == [-1, 0, 1, 0]


def test_compared_takes_split_adjusted_prices_that_average_to_the_last_as_equal() -> None:
    # The mean of 10.26, 10.30 and 10.28 is 10.28; after a split of 7 for 1, in binary, it misses by one bit.
    values = np.array([10.26, 10.30, 10.28]) / 7
    assert sma(values, 3)[-1] != values[-1]

    assert compared(values, sma(values, 3))[-1] == 0


def test_compared_sees_a_difference_of_a_hundredth_of_a_cent_in_an_average_of_200() -> None:
    values = np.full(200, 1000.0)
    values[0] += 0.0001

    assert compared(values, sma(values, 200))[-1] == -1
