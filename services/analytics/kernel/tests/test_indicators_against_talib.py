"""TA-Lib is the oracle: the same indicators to 1e-9 on random walks and on stored prices."""

from pathlib import Path

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.indicators import (
    atr,
    bollinger,
    ema,
    highest,
    lowest,
    macd,
    rsi,
    sma,
    standard_deviation,
    true_range,
)
from services.analytics.kernel.series import Series

BUNDLED = Path(__file__).parents[3] / "ingest" / "providers" / "bundled"
STORED = sorted(path.stem for path in BUNDLED.glob("*.csv"))


def stored(symbol: str) -> Series:
    columns = np.loadtxt(BUNDLED / f"{symbol}.csv", delimiter=",", skiprows=1, usecols=range(1, 6)).T
    open_, high, low, close, volume = (np.ascontiguousarray(column) for column in columns)
    return Series(open=open_, high=high, low=low, close=close, volume=volume)


def walk(seed: int, count: int) -> Series:
    source = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(source.normal(0, 0.02, count)))
    high, low = close * (1 + source.uniform(0, 0.03, count)), close * (1 - source.uniform(0, 0.03, count))
    return Series(open=close, high=high, low=low, close=close, volume=source.uniform(0, 1e6, count))


def assert_same(ours: FloatArray, theirs: FloatArray, *, size: float = 1.0) -> None:
    """Compare where TA-Lib has a value; `size` is what 1e-9 is relative to where values come near 0."""
    known = ~np.isnan(theirs)
    np.testing.assert_allclose(ours[known], theirs[known], rtol=1e-9, atol=1e-9 * size)


def assert_all_same(series: Series, window: int) -> None:
    high, low, close = series.high, series.low, series.close
    price = float(close.max())
    middle_and_bands = talib.BBANDS(close, window, 2.0, 2.0)
    bands = bollinger(close, window, 2.0)
    pairs = [
        (sma(close, window), talib.SMA(close, window)),
        (ema(close, window), talib.EMA(close, window)),
        (rsi(close, window), talib.RSI(close, window)),
        (atr(high, low, close, window), talib.ATR(high, low, close, window)),
        (highest(high, window), talib.MAX(high, window)),
        (lowest(low, window), talib.MIN(low, window)),
        (true_range(high, low, close), talib.TRANGE(high, low, close)),
        (bands.upper, middle_and_bands[0]),
        (bands.middle, middle_and_bands[1]),
        (bands.lower, middle_and_bands[2]),
    ]
    for ours, theirs in pairs:
        assert np.isnan(ours).tolist() == np.isnan(theirs).tolist()
        assert_same(ours, theirs)
    # TA-Lib subtracts sums of squares of whole prices, so that its own deviations are good to 1e-7 of a price.
    np.testing.assert_allclose(
        standard_deviation(close, window), talib.STDDEV(close, window), rtol=1e-9, atol=1e-7 * price
    )


@pytest.mark.parametrize("symbol", STORED)
@pytest.mark.parametrize("window", [2, 14, 20, 200])
def test_every_indicator_agrees_on_stored_prices(symbol: str, window: int) -> None:
    assert len(STORED) >= 6

    assert_all_same(stored(symbol), window)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 400), window=st.integers(2, 60))
def test_every_indicator_agrees_on_random_walks(seed: int, count: int, window: int) -> None:
    assert_all_same(walk(seed, count), window)


@given(
    seed=st.integers(0, 2**32 - 1),
    fast=st.integers(2, 20),
    more=st.integers(1, 20),
    signal=st.integers(1, 15),
)
def test_macd_agrees_on_random_walks(seed: int, fast: int, more: int, signal: int) -> None:
    close = walk(seed, 150).close

    line, average = macd(close, fast_window=fast, slow_window=fast + more, signal_window=signal)

    theirs = talib.MACD(close, fast, fast + more, signal)
    assert_same(line, theirs[0])
    assert_same(average, theirs[1])
    assert np.isnan(average).tolist() == np.isnan(theirs[1]).tolist()


@pytest.mark.parametrize("symbol", STORED)
def test_macd_agrees_on_stored_prices(symbol: str) -> None:
    close = stored(symbol).close

    line, signal = macd(close, fast_window=12, slow_window=26, signal_window=9)

    theirs = talib.MACD(close)
    assert_same(line, theirs[0])
    assert_same(signal, theirs[1])


def test_rsi_differs_from_talib_only_where_the_price_never_moved() -> None:
    assert talib.RSI(np.full(30, 5.0), 14)[-1] == 0
    assert np.isnan(rsi(np.full(30, 5.0), 14)).all()
