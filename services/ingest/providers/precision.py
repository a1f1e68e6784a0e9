"""How exactly those print who divide prices by splits: from that follows what can be rebuilt."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How exactly a source prints: decimals, and bits of the floating point number the price went through."""

    decimals: int
    bits: int | None = None

    def error(self, printed: Decimal, ratio: Fraction) -> Fraction:
        """Return how far `printed` times `ratio` may lie from what was divided by `ratio`."""
        rounding = Fraction(1, 2 * 10**self.decimals) if ratio != 1 else Fraction(0)
        floating = Fraction(printed) / 2**self.bits if self.bits else Fraction(0)
        return (rounding + floating) * ratio


# Yahoo's prices went through float32: a quarter of 172.26 comes as 43.064999. Nasdaq keeps four decimals.
YAHOO, NASDAQ = Precision(decimals=6, bits=24), Precision(decimals=4)
