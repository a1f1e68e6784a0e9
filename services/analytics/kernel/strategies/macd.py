"""Buy when the MACD line crosses above its signal line, sell when it crosses below."""

from dataclasses import dataclass
from typing import ClassVar

from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.indicators import crossed, macd
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters, Strategy, parameter
from services.analytics.kernel.strategies.two_windows import check_shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class MacdParameters(Parameters):
    """Windows of the three exponential averages, in sessions."""

    fast_window: int = parameter(
        default=12, minimum=1, maximum=999, explanation="Sessions in the fast average of the close."
    )
    slow_window: int = parameter(
        default=26,
        minimum=2,
        maximum=1000,
        explanation="Sessions in the slow average, taken from the fast one.",
    )
    signal_window: int = parameter(
        default=9, minimum=2, maximum=1000, explanation="Sessions in the average of that difference."
    )

    def __post_init__(self) -> None:
        Parameters.__post_init__(self)
        check_shorter(self, "fast_window", "slow_window")


class Macd(Strategy[MacdParameters]):
    """Buy at t if line > signal at t, and line < signal when they last differed; sell the other way round.

    The line is EMA(fast) - EMA(slow) of the close, the signal an EMA of the line. Both are differences of
    prices, so they are equal, as `compared` tells it, by the scale of the close; what touches and parts on the
    side it came from does not cross. With the default windows the first decision falls on session 35.
    """

    name: ClassVar[str] = "macd"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Buys when the MACD line crosses above its signal line, sells when below."
    parameters_type = MacdParameters

    def warm_up_sessions(self, parameters: MacdParameters) -> int:
        """Return what the signal line needs, and one session more to cross it."""
        return parameters.slow_window + parameters.signal_window

    def decide(self, series: Series, parameters: MacdParameters) -> Decisions:
        """Return the crossings, as the class describes them."""
        line, signal = macd(
            series.close,
            fast_window=parameters.fast_window,
            slow_window=parameters.slow_window,
            signal_window=parameters.signal_window,
        )
        first = self.warm_up_sessions(parameters) - 1
        return Decisions(signal=crossed(line, signal, first=first, scale=series.close))
