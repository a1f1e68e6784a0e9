"""Buy the breakout from a squeeze on high volume, and leave by a stop that follows, or below the mean."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from services.analytics.kernel.arrays import FlagArray
from services.analytics.kernel.decisions import BUY, SELL, Decisions
from services.analytics.kernel.indicators import (
    atr,
    compared,
    highest,
    sma,
    smaller_before,
    standard_deviation,
)
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters, Strategy, parameter

QUINTILE: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class LaBombaParameters(Parameters):
    """Windows in sessions, and how far is far enough."""

    window: int = parameter(
        default=20,
        minimum=2,
        maximum=500,
        explanation="Sessions in the bands, the prior high and both means.",
    )
    squeeze_window: int = parameter(
        default=120, minimum=5, maximum=1000, explanation="Sessions among which a narrow band is told."
    )
    squeeze_recency: int = parameter(
        default=10,
        minimum=1,
        maximum=250,
        explanation="Sessions before the breakout that may be the squeeze.",
    )
    volume_ratio: float = parameter(
        default=1.5, minimum=0.0, maximum=100.0, explanation="Times its mean that the volume must exceed."
    )
    atr_window: int = parameter(
        default=14, minimum=1, maximum=500, explanation="Sessions in the average true range."
    )
    atr_multiple: float = parameter(
        default=3.0, minimum=0.1, maximum=100.0, explanation="Average true ranges from the high to the stop."
    )


class LaBomba(Strategy[LaBombaParameters]):
    """Buy when a squeeze is followed by a breakout on volume; sell while close < mean, or by the stop.

    LA_BOMBA is a name without a published definition; this is ours, in the default windows:

    squeeze   a session whose Bollinger band width, (upper - lower) / middle of 20 sessions, is in the lowest
              quintile of the last 120 widths, its own included: fewer than a fifth of them, 24, are smaller
    breakout  close > the highest high of the 20 sessions before this one
    volume    volume > 1.5 times its mean over 20 sessions, this one included
    buy       breakout on volume at t, and a squeeze in one of the 10 sessions t - 10 .. t - 1
    sell      close < mean of the last 20 closes
    stop      chandelier: 3 ATR(14) below the highest high since the entry, drawn anew at each close, never
              lower than before

    Every comparison is strict, equality is told as in `compared`. A buy is above the prior high, hence never
    below the mean, so the two exclude each other. The first decision falls on session 140: 20 for a width,
    119 more to rank it, and the squeeze stands before the breakout.
    """

    name: ClassVar[str] = "la_bomba"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Buys breakouts from a squeeze on volume, with a chandelier stop below the high."
    has_levels: ClassVar[bool] = True
    parameters_type = LaBombaParameters

    def warm_up_sessions(self, parameters: LaBombaParameters) -> int:
        """Return what the first squeeze needs and one more, or the average true range if that is longer."""
        return max(parameters.window + parameters.squeeze_window, parameters.atr_window + 1)

    def decide(self, series: Series, parameters: LaBombaParameters) -> Decisions:
        """Return the signals and the distance of the stop, as the class describes them."""
        close, window = series.close, parameters.window
        mean = sma(close, window)
        prior_high = np.full(len(series), np.nan)
        prior_high[1:] = highest(series.high, window)[:-1]
        loud = compared(series.volume, parameters.volume_ratio * sma(series.volume, window)) > 0
        breakout = (compared(close, prior_high) > 0) & loud

        signals = np.zeros(len(series), dtype=np.int8)
        signals[breakout & _squeezed_lately(series, parameters)] = BUY
        signals[compared(close, mean) < 0] = SELL
        signals[: self.warm_up_sessions(parameters) - 1] = 0
        distance = parameters.atr_multiple * atr(series.high, series.low, close, parameters.atr_window)
        return Decisions(signal=signals, trailing=distance)


def _squeezed_lately(series: Series, parameters: LaBombaParameters) -> FlagArray:
    """Return (n,) bool: one of the `squeeze_recency` sessions before t was a squeeze."""
    window, among = parameters.window, parameters.squeeze_window
    # The width is 4 deviations over the mean; a constant factor does not change its rank.
    width = standard_deviation(series.close, window) / sma(series.close, window)
    squeeze = smaller_before(width, among) < QUINTILE * among
    squeezes = np.concatenate(([0], np.cumsum(squeeze)))
    sessions = np.arange(len(series))
    return squeezes[sessions] > squeezes[np.maximum(sessions - parameters.squeeze_recency, 0)]
