from math import fsum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.indicators import (
    atr,
    bollinger,
    compared,
    crossed,
    ema,
    highest,
    lowest,
    macd,
    rsi,
    sma,
    smaller_before,
    standard_deviation,
    true_range,
)

prices = st.floats(min_value=0.01, max_value=10_000)
some_prices = st.lists(prices, min_size=1, max_size=60).map(np.array)


def test_sma_is_the_mean_of_the_window_that_ends_here_and_nan_before() -> None:
    averages = sma(np.array([1.0, 2.0, 6.0, 4.0]), 3)

    np.testing.assert_array_equal(averages, [np.nan, np.nan, 3.0, 4.0])


@pytest.mark.parametrize("indicator", [sma, ema, rsi, standard_deviation, highest, lowest, smaller_before])
def test_a_series_shorter_than_its_window_is_all_nan(indicator: object) -> None:
    assert callable(indicator)
    for count in range(3):
        np.testing.assert_array_equal(indicator(np.arange(1.0, count + 1), 3), np.full(count, np.nan))


@given(price=prices, window=st.integers(1, 250))
def test_averages_of_a_constant_price_are_exactly_that_price(price: float, window: int) -> None:
    constant = np.full(2 * window + 5, price)

    assert set(sma(constant, window)[window - 1 :]) == {price}
    assert set(ema(constant, window)[window - 1 :]) == {price}
    assert set(standard_deviation(constant, window)[window - 1 :]) == {0.0}


@given(values=st.lists(prices, min_size=5, max_size=40), window=st.integers(1, 5))
def test_sma_agrees_with_an_exactly_rounded_sum(values: list[float], window: int) -> None:
    expected = [fsum(values[t - window + 1 : t + 1]) / window for t in range(window - 1, len(values))]

    np.testing.assert_allclose(sma(np.array(values), window)[window - 1 :], expected, rtol=1e-11)


@pytest.mark.parametrize("window", [2, 50, 137])
def test_windows_do_not_depend_on_history_before_them(window: int) -> None:
    recent = np.random.default_rng(1).uniform(1, 2, 300)
    after_a_crash = np.concatenate((np.full(101, 1e9), recent))

    for indicator in (sma, standard_deviation):
        np.testing.assert_allclose(
            indicator(after_a_crash, window)[101 + window - 1 :],
            indicator(recent, window)[window - 1 :],
            rtol=1e-13,
        )


def test_windows_do_not_drift_over_a_million_sessions() -> None:
    # A running sum of squares around 1e9 would have lost the small deviations at the end altogether.
    values = np.concatenate((np.full(999_900, 1e9), np.random.default_rng(2).uniform(1, 1.001, 100)))

    assert standard_deviation(values, 20)[-1] == pytest.approx(np.std(values[-20:]), rel=1e-12)
    assert sma(values, 20)[-1] == pytest.approx(np.mean(values[-20:]), rel=1e-15)


@given(values=some_prices, window=st.integers(1, 12))
def test_extremes_and_ranks_are_those_of_the_window(values: FloatArray, window: int) -> None:
    windows = [values[t - window + 1 : t + 1] for t in range(window - 1, len(values))]

    assert highest(values, window)[window - 1 :].tolist() == [max(w) for w in windows]
    assert lowest(values, window)[window - 1 :].tolist() == [min(w) for w in windows]
    assert smaller_before(values, window)[window - 1 :].tolist() == [
        sum(v < w[-1] * (1 - 1e-12) for v in w) for w in windows
    ]


def test_the_rank_of_a_series_with_a_warm_up_waits_for_a_window_of_values() -> None:
    ranks = smaller_before(np.array([np.nan, np.nan, 3.0, 1.0, 2.0, 9.0]), 3)

    np.testing.assert_array_equal(ranks, [np.nan] * 4 + [1.0, 2.0])


def test_ema_starts_from_the_mean_of_its_first_window() -> None:
    averages = ema(np.array([9.0, 1.0, 2.0, 6.0, 5.0]), 3, first=1)

    np.testing.assert_array_equal(averages, [np.nan, np.nan, np.nan, 3.0, 4.0])


def test_macd_is_the_difference_of_two_averages_that_begin_together() -> None:
    close = np.array([1.0, 6.0, 5.0, 4.0, 8.0])

    line, signal = macd(close, fast_window=2, slow_window=3, signal_window=2)

    # At session 3 of 5 the slow average is the mean of 1, 6, 5 and the fast one that of 6, 5.
    fast = [5.5, 5.5 - 2 / 3 * 1.5, 4.5 + 2 / 3 * 3.5]
    slow = [4.0, 4.0, 4.0 + 1 / 2 * 4.0]
    expected = [f - s for f, s in zip(fast, slow, strict=True)]
    np.testing.assert_allclose(line, [np.nan, np.nan, *expected])
    mean = (expected[0] + expected[1]) / 2
    np.testing.assert_allclose(signal, [np.nan] * 3 + [mean, mean + 2 / 3 * (expected[2] - mean)])


def test_rsi_is_the_share_of_gains_and_undefined_while_nothing_moved() -> None:
    index = rsi(np.array([5.0, 5.0, 5.0, 8.0, 7.0, 7.0]), 2)

    # Gains 3, then 1.5 of 2 averages; Wilder's step is half of the way.
    np.testing.assert_allclose(index, [np.nan] * 3 + [100, 100 * 0.75 / 1.25, 100 * 0.375 / 0.625])


def test_the_true_range_reaches_from_the_close_before() -> None:
    high, low, close = np.array([10.0, 12.0, 9.0]), np.array([9.0, 11.0, 8.0]), np.array([9.5, 11.5, 8.5])

    np.testing.assert_array_equal(true_range(high, low, close), [np.nan, 2.5, 3.5])
    np.testing.assert_array_equal(atr(high, low, close, 2), [np.nan, np.nan, 3.0])


def test_bollinger_bands_lie_at_deviations_around_the_mean() -> None:
    bands = bollinger(np.array([1.0, 3.0, 3.0, 7.0]), 2, 2.0)

    np.testing.assert_array_equal(bands.lower, [np.nan, 0.0, 3.0, 1.0])
    np.testing.assert_array_equal(bands.middle, [np.nan, 2.0, 3.0, 5.0])
    np.testing.assert_array_equal(bands.upper, [np.nan, 4.0, 3.0, 9.0])


def test_compared_tells_below_equal_above_and_says_nothing_of_nan() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])
    averages = np.array([2.0, 2.0, 2.0, np.nan])

    assert compared(values, averages).tolist() == [-1, 0, 1, 0]
    assert compared(values, 3.0).tolist() == [-1, -1, 0, 1]


def test_compared_takes_split_adjusted_prices_that_average_to_the_last_as_equal() -> None:
    # The mean of 10.26, 10.30 and 10.28 is 10.28; after a split of 7 for 1, in binary, it misses by one bit.
    values = np.array([10.26, 10.30, 10.28]) / 7
    assert sma(values, 3)[-1] != values[-1]

    assert compared(values, sma(values, 3))[-1] == 0


def test_compared_sees_a_difference_of_a_hundredth_of_a_cent_in_an_average_of_200() -> None:
    values = np.full(200, 1000.0)
    values[0] += 0.0001

    assert compared(values, sma(values, 200))[-1] == -1


def test_differences_of_prices_are_equal_by_the_scale_of_the_price() -> None:
    difference, other, price = np.array([1e-9]), np.array([1.05e-9]), np.array([1000.0])

    assert compared(difference, other)[0] == -1
    assert compared(difference, other, scale=price)[0] == 0


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ([-1, 1, 1, -1], [0, 1, 0, -1]),
        ([-1, 0, 1, 0, -1], [0, 0, 1, 0, -1]),  # by equality
        ([1, 0, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0]),  # touched, did not cross
        ([0, 0, 1, 0, -1], [0, 0, 1, 0, -1]),  # equal from the start
        ([1, 1, 1], [0, 0, 0]),
        ([-1], [0]),
    ],
)
def test_lines_cross_when_they_part_on_the_other_side(sides: list[int], expected: list[int]) -> None:
    others = np.full(len(sides), 100.0)

    assert crossed(others + np.array(sides), others, first=1).tolist() == expected


def test_nothing_crosses_before_both_lines_exist() -> None:
    values, others = np.array([np.nan, 9.0, 11.0, 9.0]), np.array([np.nan, np.nan, 10.0, 10.0])

    assert crossed(values, others, first=3).tolist() == [0, 0, 0, -1]


@pytest.mark.parametrize("first", [1, 3])
def test_lines_that_touch_once_and_part_on_the_side_they_came_from_do_not_cross(first: int) -> None:
    others = np.full(7, 10.0)
    sides = np.array([1, 1, 1, 1, 0, 1, -1])

    assert crossed(others + sides, others, first=first).tolist() == [0, 0, 0, 0, 0, 0, -1]
