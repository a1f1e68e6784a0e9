"""How decisions become orders: how much, for how long, and how the position is protected."""

from dataclasses import dataclass
from enum import StrEnum

from services.analytics.kernel.costs import check_between
from services.analytics.kernel.errors import InvalidParameter

VOLATILITY_SESSIONS = 20


class Sizing(StrEnum):
    """How large an entry is; `size` is the one figure of each. No entry costs more than the free cash."""

    ALL_IN = "all_in"  # no figure: all free cash
    FIXED_CASH = "fixed_cash"  # money spent, commission included
    FIXED_SHARES = "fixed_shares"  # shares
    PERCENT_OF_EQUITY = "percent_of_equity"  # fraction of the equity at the last close, commission included
    RISK_PER_STOP = "risk_per_stop"  # fraction of that equity lost from the entry price down to the stop
    VOLATILITY_TARGET = "volatility_target"  # annual volatility of the position, as a fraction of that equity


class TimeInForce(StrEnum):
    """How long an entry order waits."""

    DAY = "day"  # for the next session
    GTC = "gtc"  # until it is filled or another signal comes


_SIZES = {
    Sizing.FIXED_CASH: (0.01, 1e12),
    Sizing.FIXED_SHARES: (1e-6, 1e12),
    Sizing.PERCENT_OF_EQUITY: (1e-6, 1.0),
    Sizing.RISK_PER_STOP: (1e-6, 1.0),
    Sizing.VOLATILITY_TARGET: (1e-4, 10.0),
}
_RATIOS = {
    "stop_loss_ratio": (1e-6, 0.99),
    "take_profit_ratio": (1e-6, 1000.0),
    "trailing_ratio": (1e-6, 0.99),
    "volume_limit": (1e-6, 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The options of a run beside its costs; the default buys whole shares with all cash, at market.

    sizing, size       how much an entry is, and its figure (None for all_in alone)
    whole_shares       whether quantities are rounded down to whole shares
    allow_short        whether SHORT enters; a short uses up as much cash as a long position of its value
    stop_loss_ratio    leaves a position that is this fraction worse than its fill price
    take_profit_ratio  leaves one that is this fraction better
    trailing_ratio     leaves one this fraction below its highest high since the entry (above the lowest low)
    time_in_force      of entry orders
    volume_limit       the largest fraction of the session's volume that an entry takes; the rest is dropped

    A level that the strategy decides replaces the ratio of its kind. None is none.
    Raises InvalidParameter naming the field.
    """

    sizing: Sizing = Sizing.ALL_IN
    size: float | None = None
    whole_shares: bool = True
    allow_short: bool = False
    stop_loss_ratio: float | None = None
    take_profit_ratio: float | None = None
    trailing_ratio: float | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    volume_limit: float | None = None

    def __post_init__(self) -> None:
        _check_member(self.sizing, Sizing, field="sizing")
        _check_member(self.time_in_force, TimeInForce, field="time_in_force")
        if (self.size is None) != (self.sizing == Sizing.ALL_IN):
            wanted = "takes no size" if self.sizing == Sizing.ALL_IN else "needs a size"
            raise InvalidParameter(f"sizing {self.sizing} {wanted}.", field="size")
        if self.size is not None:
            minimum, maximum = _SIZES[self.sizing]
            check_between(minimum, self.size, maximum, field="size")
        for name, (minimum, maximum) in _RATIOS.items():
            if (value := getattr(self, name)) is not None:
                check_between(minimum, value, maximum, field=name)

    @property
    def is_plain(self) -> bool:
        """Return whether no price and no volatility bounds what a signal does."""
        ratios = (self.stop_loss_ratio, self.take_profit_ratio, self.trailing_ratio)
        by_price = self.sizing in {Sizing.RISK_PER_STOP, Sizing.VOLATILITY_TARGET}
        return ratios == (None, None, None) and not by_price


def _check_member(value: str, kind: type[StrEnum], *, field: str) -> None:
    permitted = [member.value for member in kind]
    if value not in permitted:
        raise InvalidParameter(
            f"{field} is {value!r}; permitted are {', '.join(permitted)}.", field=field, permitted=permitted
        )
