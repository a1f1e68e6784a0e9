"""Buy below the lower Bollinger band, sell back above the middle one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from services.analytics.kernel.decisions import BUY, SELL, Decisions
from services.analytics.kernel.indicators import bollinger, compared
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters, Strategy, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class BollingerParameters(Parameters):
    """Window in sessions and width in standard deviations of the bands."""

    window: int = parameter(
        default=20, minimum=2, maximum=1000, explanation="Sessions in the mean and the standard deviation."
    )
    width: float = parameter(
        default=2.0, minimum=0.1, maximum=10.0, explanation="Standard deviations from the mean to each band."
    )


class Bollinger(Strategy[BollingerParameters]):
    """Buy while close < lower band, sell while close > middle band: a bet that the price reverts to its mean.

    The bands are the mean of the window, this session included, and `width` standard deviations (ddof 0)
    around it. A position is left at the mean, where the reversion is over, and not at the upper band. A close
    equal to a band, as `compared` tells it, is no signal. With the default window the first decision falls on
    session 20.
    """

    name: ClassVar[str] = "bollinger"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Buys below the lower Bollinger band, sells above the middle one."
    parameters_type = BollingerParameters

    def warm_up_sessions(self, parameters: BollingerParameters) -> int:
        """Return the window."""
        return parameters.window

    def decide(self, series: Series, parameters: BollingerParameters) -> Decisions:
        """Return the rule's decision at each close, as the class describes it."""
        bands = bollinger(series.close, parameters.window, parameters.width)
        signals = np.zeros(len(series), dtype=np.int8)
        signals[compared(series.close, bands.lower, scale=series.close) < 0] = BUY
        signals[compared(series.close, bands.middle) > 0] = SELL
        return Decisions(signal=signals)
