"""What indicators and strategies see of one instrument: its bars, adjusted for splits."""

from dataclasses import dataclass

from services.analytics.kernel.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Split-adjusted bars, oldest first, one element per session; read-only, no NaN.

    open .. close  (n,) float64, in the terms of the last session's shares
    volume         (n,) float64, shares in the same terms; 0 where nothing was traded
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.close)

    def until(self, count: int) -> "Series":
        """Return the first `count` sessions: what was known at the close of the last of them."""
        return Series(
            open=self.open[:count],
            high=self.high[:count],
            low=self.low[:count],
            close=self.close[:count],
            volume=self.volume[:count],
        )
