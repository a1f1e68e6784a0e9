from math import log

import numpy as np
import pytest

from services.analytics.forecasting.domain import InvalidCloses, NoVolatility
from services.analytics.forecasting.features import FEATURE_NAMES, LOOKBACK_CLOSES, scaled_returns
from shared.errors import InsufficientHistory

ZIGZAG = np.tile([100.0, 110.0], 50)


def test_returns_of_a_zigzag_are_plus_and_minus_one_volatility() -> None:
    features = scaled_returns(ZIGZAG, symbol="AAPL")

    assert features.scale == pytest.approx(log(1.1), rel=1e-14)
    np.testing.assert_allclose(features.returns, [1.0, -1.0] * 49 + [1.0], rtol=1e-13)


def test_the_volatility_is_about_zero_so_a_steady_climb_has_one() -> None:
    features = scaled_returns(1.01 ** np.arange(100), symbol="AAPL")

    assert features.scale == pytest.approx(log(1.01), rel=1e-12)
    np.testing.assert_allclose(features.returns, np.ones(99), rtol=1e-10)


def test_the_newest_return_comes_last() -> None:
    closes = ZIGZAG.copy()
    closes[-1] = 90.0

    returns = scaled_returns(closes, symbol="AAPL").returns

    assert returns[-1] == returns.min() < 0
    assert (FEATURE_NAMES[0], FEATURE_NAMES[-1]) == ("scaled_log_return_lag_98", "scaled_log_return_lag_0")


def test_a_batch_of_rows_equals_its_rows_one_by_one() -> None:
    rows = np.vstack([ZIGZAG, 1.01 ** np.arange(100)])

    batch = scaled_returns(rows, symbol="AAPL")

    for i in range(2):
        single = scaled_returns(rows[i], symbol="AAPL")
        np.testing.assert_array_equal(batch.returns[i], single.returns)
        assert batch.scale[i] == single.scale


def test_ninety_nine_closes_are_refused_with_the_count_that_is_missing() -> None:
    with pytest.raises(InsufficientHistory) as refusal:
        scaled_returns(ZIGZAG[:99], symbol="FB")

    assert refusal.value.extra["missing_sessions"] == 1
    assert refusal.value.extra["symbol"] == "FB"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0.0, -5.0])
def test_a_close_that_is_no_price_is_refused_wherever_it_stands(bad: float) -> None:
    for position in range(LOOKBACK_CLOSES):
        closes = ZIGZAG.copy()
        closes[position] = bad

        with pytest.raises(InvalidCloses, match="AAPL has 1 closes"):
            scaled_returns(closes, symbol="AAPL")


@pytest.mark.parametrize("closes", [np.full(100, 42.0), 42.0 * (1 + 1e-9 * ZIGZAG)])
def test_a_price_that_does_not_move_is_refused(closes: np.ndarray) -> None:
    with pytest.raises(NoVolatility, match="moved"):
        scaled_returns(closes, symbol="AAPL")
