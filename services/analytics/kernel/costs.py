"""What trading costs: always explicit, never a hidden default."""

import math
from dataclasses import dataclass

from services.analytics.kernel.errors import InvalidParameter

BPS_PER_UNIT = 10_000.0
MAXIMUM_COST_BPS = 1_000.0
MAXIMUM_COMMISSION_PER_ORDER = 1_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Commission and slippage of every fill.

    commission_bps        of the fill's notional, paid on entry and on exit
    slippage_bps          by which a fill is worse than the open: higher when buying, lower when selling
    commission_per_order  money added to each fill's commission

    Raises InvalidParameter for a value that is not finite, negative or absurd.
    """

    commission_bps: float
    slippage_bps: float
    commission_per_order: float = 0.0

    def __post_init__(self) -> None:
        check_between(0.0, self.commission_bps, MAXIMUM_COST_BPS, field="commission_bps")
        check_between(0.0, self.slippage_bps, MAXIMUM_COST_BPS, field="slippage_bps")
        check_between(
            0.0, self.commission_per_order, MAXIMUM_COMMISSION_PER_ORDER, field="commission_per_order"
        )

    @property
    def commission_ratio(self) -> float:
        """Return the proportional commission as a fraction of notional."""
        return self.commission_bps / BPS_PER_UNIT

    @property
    def slippage_ratio(self) -> float:
        """Return the slippage as a fraction of the open."""
        return self.slippage_bps / BPS_PER_UNIT


def check_between(minimum: float, value: float, maximum: float, *, field: str) -> None:
    """Raise InvalidParameter, naming the field, unless minimum <= value <= maximum (NaN never is)."""
    if not (math.isfinite(value) and minimum <= value <= maximum):
        raise InvalidParameter(
            f"{field} is {value} and must be between {minimum:,g} and {maximum:,g}.", field=field
        )
