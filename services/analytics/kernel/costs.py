"""What trading costs: always explicit, never a hidden default."""

import math
from dataclasses import dataclass

from services.analytics.kernel.errors import InvalidParameter

BPS_PER_UNIT = 10_000.0
MAXIMUM_COST_BPS = 1_000.0
MAXIMUM_COMMISSION_PER_ORDER = 1_000_000.0
MAXIMUM_COMMISSION_PER_SHARE = 1_000.0
MAXIMUM_IMPACT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Commission of every fill, and by how much its price is worse than that of the bar.

    commission_bps        of the fill's notional, paid on entry and on exit
    commission_per_order  money added to each fill's commission
    commission_per_share  money added for each share of a fill
    slippage_bps          by which a price is worse: higher when buying, lower when selling
    spread_bps            between bid and ask: half of it makes each price worse
    impact                of a fill on its own price: the price is worse by impact * (quantity / volume)^2. A
                          fill of the whole volume or more counts as all of it

    No cost takes a limit order's price, a target's included, beyond its limit.
    Raises InvalidParameter for a value that is not finite, negative or absurd.
    """

    commission_bps: float
    slippage_bps: float
    commission_per_order: float = 0.0
    commission_per_share: float = 0.0
    spread_bps: float = 0.0
    impact: float = 0.0

    def __post_init__(self) -> None:
        for name, maximum in (
            ("commission_bps", MAXIMUM_COST_BPS),
            ("slippage_bps", MAXIMUM_COST_BPS),
            ("commission_per_order", MAXIMUM_COMMISSION_PER_ORDER),
            ("commission_per_share", MAXIMUM_COMMISSION_PER_SHARE),
            ("spread_bps", MAXIMUM_COST_BPS),
            ("impact", MAXIMUM_IMPACT),
        ):
            check_between(0.0, getattr(self, name), maximum, field=name)

    @property
    def commission_ratio(self) -> float:
        """Return the proportional commission as a fraction of notional."""
        return self.commission_bps / BPS_PER_UNIT

    @property
    def slippage_ratio(self) -> float:
        """Return slippage and half the spread as a fraction of the price."""
        return (self.slippage_bps + self.spread_bps / 2.0) / BPS_PER_UNIT


def check_between(minimum: float, value: float, maximum: float, *, field: str) -> None:
    """Raise InvalidParameter, naming the field, unless minimum <= value <= maximum (NaN never is)."""
    if not (math.isfinite(value) and minimum <= value <= maximum):
        raise InvalidParameter(
            f"{field} is {value} and must be between {minimum:,g} and {maximum:,g}.", field=field
        )
