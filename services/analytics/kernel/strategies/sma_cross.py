"""Buy when the fast simple average crosses above the slow one, sell when it crosses below."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from services.analytics.kernel.arrays import SignalArray
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.indicators import sma
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters, Strategy, parameter
from services.analytics.kernel.strategies.two_windows import check_shorter, signals_of_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class SmaCrossParameters(Parameters):
    """Windows of the two averages, in sessions."""

    fast_window: int = parameter(
        default=20,
        minimum=1,
        maximum=999,
        explanation="Sessions in the average that follows the price closely.",
    )
    slow_window: int = parameter(
        default=50, minimum=2, maximum=1000, explanation="Sessions in the average that it crosses."
    )

    def __post_init__(self) -> None:
        Parameters.__post_init__(self)
        check_shorter(self, "fast_window", "slow_window")


class SmaCross(Strategy[SmaCrossParameters]):
    """Buy at t if fast > slow at t, and fast < slow when they last differed before; sell the other way round.

    The averages are simple ones of the close. Equality is told as in `compared`: lines that touch and part on
    the side they came from do not cross, and lines that were equal from the start cross when they first part.
    With the default windows the first decision falls on session 51.
    """

    name: ClassVar[str] = "sma_cross"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Buys when the fast simple average crosses above the slow one, sells when below."
    parameters_type = SmaCrossParameters

    def warm_up_sessions(self, parameters: SmaCrossParameters) -> int:
        """Return the slow window and one more: a crossing needs the session before."""
        return parameters.slow_window + 1

    def decide(self, series: Series, parameters: SmaCrossParameters) -> Decisions:
        """Return the crossings, as the class describes them."""
        return Decisions(signal=self.signals_of(series, [parameters])[0])

    def signals_of(self, series: Series, parameter_sets: Sequence[SmaCrossParameters]) -> SignalArray:
        """Return the crossings of each parameter set, each average drawn once."""
        windows = [(p.fast_window, p.slow_window) for p in parameter_sets]
        return signals_of_lines(series.close, windows, sma)
