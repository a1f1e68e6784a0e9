"""Buy what fell too fast, sell what rose too fast, by Wilder's index."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from services.analytics.kernel.decisions import BUY, SELL, Decisions
from services.analytics.kernel.indicators import compared, rsi
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters, Strategy, parameter
from services.analytics.kernel.strategies.two_windows import check_shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class RsiParameters(Parameters):
    """Window of the index in sessions, and its two levels from 0 to 100."""

    window: int = parameter(
        default=14, minimum=2, maximum=1000, explanation="Sessions over which gains and losses are averaged."
    )
    oversold: float = parameter(
        default=30.0, minimum=0.0, maximum=100.0, explanation="Index below which it buys."
    )
    overbought: float = parameter(
        default=70.0, minimum=0.0, maximum=100.0, explanation="Index above which it sells."
    )

    def __post_init__(self) -> None:
        Parameters.__post_init__(self)
        check_shorter(self, "oversold", "overbought")


class Rsi(Strategy[RsiParameters]):
    """Buy while the index < oversold, sell while it > overbought.

    The index is Wilder's, of the close. One equal to a level, as `compared` tells it, is no signal; nor is a
    price that has never moved. With the default window the first decision falls on session 15.
    """

    name: ClassVar[str] = "rsi"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Buys while Wilder's RSI is oversold, sells while it is overbought."
    parameters_type = RsiParameters

    def warm_up_sessions(self, parameters: RsiParameters) -> int:
        """Return the window and one more: its first change needs the session before."""
        return parameters.window + 1

    def decide(self, series: Series, parameters: RsiParameters) -> Decisions:
        """Return the rule's decision at each close, as the class describes it."""
        index = rsi(series.close, parameters.window)
        signals = np.zeros(len(series), dtype=np.int8)
        signals[compared(index, parameters.oversold) < 0] = BUY
        signals[compared(index, parameters.overbought) > 0] = SELL
        return Decisions(signal=signals)
