"""The minimum track record: how many sessions a Sharpe ratio needs before it says anything."""

from dataclasses import dataclass
from math import ceil
from statistics import NormalDist

from services.analytics.kernel.metrics.sharpe import SharpeMoments

DEFAULT_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """How many sessions there are and how many are needed, None where no number would do."""

    sessions: int
    needed_sessions: int | None

    @property
    def passed(self) -> bool:
        """Return whether the record is long enough."""
        return self.needed_sessions is not None and self.sessions >= self.needed_sessions

    @property
    def text(self) -> str:
        """Return it in words."""
        if self.needed_sessions is None:
            return "no record, however long, would show skill: the Sharpe ratio is not above what luck gives"
        if self.passed:
            return f"{self.sessions} sessions are enough: {self.needed_sessions} are needed"
        return f"needs {self.needed_sessions - self.sessions} more sessions: {self.needed_sessions} in all"


def minimum_length(
    moments: SharpeMoments, *, benchmark_sharpe: float = 0.0, confidence: float = DEFAULT_CONFIDENCE
) -> TrackRecord:
    """Return how many sessions of such returns show a ratio above the benchmark's; both per period.

    n = 1 + (1 - g3 * SR + (g4 - 1) / 4 * SR^2) * (z / (SR - SR*))^2, rounded up.
    Source: Bailey and Lopez de Prado 2012.
    """
    distance = moments.sharpe - benchmark_sharpe
    if distance <= 0.0:
        return TrackRecord(sessions=moments.sessions, needed_sessions=None)
    quantile = NormalDist().inv_cdf(confidence)
    needed = 1.0 + moments.unit_variance * (quantile / distance) ** 2
    return TrackRecord(sessions=moments.sessions, needed_sessions=ceil(needed) if needed < 1e9 else None)
