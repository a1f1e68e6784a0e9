"""Buy once and never sell."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from services.analytics.kernel.decisions import BUY, Decisions
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyAndHoldParameters(Parameters):
    """None: there is nothing to choose."""


class BuyAndHold(Strategy[BuyAndHoldParameters]):
    """Buy at the first close and hold.

    Like every strategy it is filled at the open after its decision, so one session later than the benchmark,
    which buys at the first open.
    """

    name: ClassVar[str] = "buy_and_hold"
    version: ClassVar[int] = 1
    summary: ClassVar[str] = "Buys once, at the open of the second session, and never sells."
    parameters_type = BuyAndHoldParameters

    def warm_up_sessions(self, parameters: BuyAndHoldParameters) -> int:
        """Return 1: nothing has to be known."""
        return 1

    def decide(self, series: Series, parameters: BuyAndHoldParameters) -> Decisions:
        """Return one buy, at the first close."""
        signals = np.zeros(len(series), dtype=np.int8)
        signals[:1] = BUY
        return Decisions(signal=signals)
