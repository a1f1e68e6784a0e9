"""Drawdown episodes: from the last peak to the first session that reaches it again."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from services.analytics.kernel.arrays import DateArray, FloatArray
from services.analytics.kernel.metrics.sums import Episode


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """One episode under water.

    `depth_ratio` is the lowest equity over the peak, minus 1, hence negative. `end_date` is the recovery, or
    the last date where `recovered` is false. `days` (calendar) and `sessions` run from peak to end.
    """

    peak_date: date
    trough_date: date
    end_date: date
    recovered: bool
    depth_ratio: float
    days: int
    sessions: int


def drawdown_ratios(equity: FloatArray) -> FloatArray:
    """Return (n + 1,) equity over its running peak, minus 1: 0 at a peak, negative below.

    equity (n + 1,) money, equity[0] > 0 the opening capital, so a loss on the first day is a drawdown.
    Source: metrics/1; equals empyrical's drawdown series. Jesse starts its peak after the first return.
    """
    return np.asarray(equity / np.maximum.accumulate(equity) - 1.0, dtype=np.float64)


def drawdowns_of(equity: FloatArray, dates: DateArray) -> tuple[Drawdown, ...]:
    """Return every episode in order; both arrays (n + 1,), no NaN.

    An episode starts on the last date at the peak and ends on the first date with equity >= that peak.
    """
    below = equity < np.maximum.accumulate(equity)
    edges = np.diff(np.concatenate((below, [False])).astype(np.int8))
    # An edge at t says that t + 1 differs from t: the peak is the last session before going under.
    peaks, ends = np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) + 1).tolist()
    return tuple(
        episode_of(equity, dates, Episode(peak, peak + int(np.argmin(equity[peak:end])), end))
        for peak, end in zip(peaks, ends, strict=True)
    )


def episode_of(equity: FloatArray, dates: DateArray, found: Episode) -> Drawdown:
    """Return an episode with its dates; both arrays (n + 1,)."""
    recovered = found.end < len(equity)
    last = found.end if recovered else found.end - 1
    return Drawdown(
        peak_date=dates[found.peak].item(),
        trough_date=dates[found.trough].item(),
        end_date=dates[last].item(),
        recovered=recovered,
        depth_ratio=float(equity[found.trough] / equity[found.peak] - 1.0),
        days=(dates[last].item() - dates[found.peak].item()).days,
        sessions=last - found.peak,
    )
