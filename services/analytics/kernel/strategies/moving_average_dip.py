"""Buy a dip below both averages, sell when the price is back above the long one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from services.analytics.kernel.decisions import BUY, SELL, Decisions
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.indicators import compared, sma
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters, Strategy, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingAverageDipParameters(Parameters):
    """Windows of the two averages, in sessions."""

    buy_window: int = parameter(
        default=50, minimum=2, maximum=1000, explanation="Sessions in the average that a dip must fall below."
    )
    sell_window: int = parameter(
        default=200, minimum=2, maximum=1000, explanation="Sessions in the average above which it sells."
    )

    def __post_init__(self) -> None:
        Parameters.__post_init__(self)
        if self.buy_window > self.sell_window:
            raise InvalidParameter(
                f"buy_window is {self.buy_window} and must not exceed sell_window, {self.sell_window}.",
                field="buy_window",
            )


class MovingAverageDip(Strategy[MovingAverageDipParameters]):
    """Buy while close < buy average and close <= sell average; sell while close > sell average.

    Equality is no signal: a close equal to the buy average does not buy, one equal to the sell average does
    not sell. With the default windows the first decision falls on session 200, the first fill on 201.
    """

    name: ClassVar[str] = "moving_average_dip"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Buys dips below the short and long average, sells above the long average."
    parameters_type = MovingAverageDipParameters

    def warm_up_sessions(self, parameters: MovingAverageDipParameters) -> int:
        """Return the longer window."""
        return parameters.sell_window

    def decide(self, series: Series, parameters: MovingAverageDipParameters) -> Decisions:
        """Return the rule's decision at each close, as the class describes it."""
        against_buy = compared(series.close, sma(series.close, parameters.buy_window))
        against_sell = compared(series.close, sma(series.close, parameters.sell_window))
        signals = np.zeros(len(series), dtype=np.int8)
        signals[(against_buy < 0) & (against_sell <= 0)] = BUY
        signals[against_sell > 0] = SELL
        signals[: self.warm_up_sessions(parameters) - 1] = 0
        return Decisions(signal=signals)
