"""How a year is counted and what money earns in it without risk."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """The two conventions every annual figure depends on.

    periods    sessions in a year: 252 XNYS days, 52 weeks, 12 months, 365 for assets that always trade
    risk_free  annual effective rate as a fraction, above -1
    """

    periods: int = 252
    risk_free: float = 0.0

    @property
    def risk_free_per_period(self) -> float:
        """Return the rate that compounds to `risk_free` over one year."""
        return float((1.0 + self.risk_free) ** (1.0 / self.periods) - 1.0)
