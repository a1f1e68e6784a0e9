"""Markets made up for tests: short ones written by hand, long ones from a seed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.analytics.kernel.arrays import DateArray, FloatArray
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.series import Series


def business_days(count: int) -> DateArray:
    """Return weekdays from 2024-01-02."""
    return np.asarray(np.busday_offset(np.datetime64("2024-01-02"), list(range(count)), roll="raise"))


def series_of(closes: Sequence[float] | FloatArray) -> Series:
    """Return bars of one price each, of a thousand shares."""
    prices = np.array(closes, dtype=float)
    return Series(open=prices, high=prices, low=prices, close=prices, volume=np.full(len(prices), 1000.0))


def market_of(
    opens: Sequence[float] | FloatArray,
    closes: Sequence[float] | FloatArray,
    *,
    highs: Sequence[float] | FloatArray | None = None,
    lows: Sequence[float] | FloatArray | None = None,
    volumes: Sequence[float] | FloatArray | None = None,
    dividends: dict[int, float] | None = None,
    splits: dict[int, float] | None = None,
) -> MarketData:
    """Return business days from 2024-01-02; high and low, if not given, are the tightest of the bar.

    The volume, if not given, is a million shares, in the terms of each session.
    """
    count = len(closes)
    dividend, split_ratio = np.zeros(count), np.ones(count)
    for row, cash in (dividends or {}).items():
        dividend[row] = cash
    for row, ratio in (splits or {}).items():
        split_ratio[row] = ratio
    later_splits = np.append(np.cumprod(split_ratio[::-1])[::-1][1:], 1.0)
    return MarketData(
        symbol="TEST",
        sessions=business_days(count),
        open=np.array(opens, dtype=float),
        high=np.maximum(opens, closes) if highs is None else np.array(highs, dtype=float),
        low=np.minimum(opens, closes) if lows is None else np.array(lows, dtype=float),
        close=np.array(closes, dtype=float),
        volume=np.full(count, 1e6) if volumes is None else np.array(volumes, dtype=float),
        dividend=dividend,
        split_ratio=split_ratio,
        signal_close=np.array(closes) / later_splits,
    )


def random_walk(seed: int, count: int = 600, *, dividend_every: int = 63) -> MarketData:
    """Return a market of daily moves of about 2 % with gaps between close and open, in cents."""
    source = np.random.default_rng(seed)
    closes = np.round(100 * np.exp(np.cumsum(source.normal(0, 0.02, count))), 2) + 0.01
    gaps = np.exp(source.normal(0, 0.005, count))
    opens = np.round(np.concatenate(([100.0], closes[:-1])) * gaps, 2) + 0.01
    dividends = dict.fromkeys(range(dividend_every, count, dividend_every), 0.25)
    return market_of(opens, closes, dividends=dividends)


def with_split(market: MarketData, row: int, ratio: float) -> MarketData:
    """Return the same market as it was traded if `ratio` new shares per old came at that row: basis raw."""
    factor = np.where(np.arange(len(market)) < row, ratio, 1.0)
    split_ratio = np.ones(len(market))
    split_ratio[row] = ratio
    return replace(
        market,
        open=market.open * factor,
        high=market.high * factor,
        low=market.low * factor,
        close=market.close * factor,
        volume=market.volume / factor,
        dividend=market.dividend * factor,
        split_ratio=split_ratio,
    )
