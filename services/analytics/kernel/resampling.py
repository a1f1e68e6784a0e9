"""Weekly and monthly bars made of daily ones."""

from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.market import MarketData

PERIODS_PER_YEAR: Final = {"1d": 252, "1wk": 52, "1mo": 12}
_MONDAY = 3  # what the epoch, a Thursday, is after a Monday


def resampled(market: MarketData, interval: str) -> MarketData:
    """Return the market in bars of `1d`, `1wk` (Monday to Sunday) or `1mo` (calendar month).

    A bar opens with the first session of its period, closes with the last one and carries its date; volume and
    dividends are sums. A period that is not over yet ends with the last session there is. Raises InvalidParameter
    for another interval, and for prices as traded across a split: half a bar would be in other shares.
    """
    if interval not in PERIODS_PER_YEAR:
        permitted = ", ".join(PERIODS_PER_YEAR)
        raise InvalidParameter(
            f"interval is {interval!r:.20} and only daily bars are kept: permitted are {permitted}.",
            field="interval",
        )
    if interval == "1d" or not len(market):
        return market
    if np.any(market.split_ratio != 1.0):
        raise InvalidParameter(
            f"interval {interval} needs prices that are adjusted for splits: basis split or total_return.",
            field="interval",
        )
    return _in_periods(market, _first_of_periods(market, interval))


def _first_of_periods(market: MarketData, interval: str) -> np.typing.NDArray[np.intp]:
    """Return the index of the first session of each period."""
    if interval == "1mo":
        periods = market.sessions.astype("datetime64[M]").astype(np.int64)
    else:
        periods = (market.sessions.astype(np.int64) + _MONDAY) // 7
    return np.flatnonzero(np.diff(periods, prepend=periods[:1] - 1))


def _in_periods(market: MarketData, first: np.typing.NDArray[np.intp]) -> MarketData:
    last = np.append(first[1:], len(market)) - 1

    def total(values: FloatArray) -> FloatArray:
        return np.add.reduceat(values, first)

    return MarketData(
        symbol=market.symbol,
        sessions=market.sessions[last],
        open=market.open[first],
        high=np.maximum.reduceat(market.high, first),
        low=np.minimum.reduceat(market.low, first),
        close=market.close[last],
        volume=total(market.volume),
        dividend=total(market.dividend),
        split_ratio=market.split_ratio[last],
        signal_close=market.signal_close[last],
        opening_date=market.opening_date,
    )
