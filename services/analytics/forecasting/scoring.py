"""What a forecast was worth: its errors beside those of the random walk, in returns from the origin."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.analytics.forecasting.domain import (
    BAND_80,
    BAND_95,
    HORIZON_SESSIONS,
    QUANTILES,
    Array,
    ForecastPath,
    InvalidCloses,
)

NO_ACTUALS = "no session of the forecast has closed yet"
NO_MOVE = "the price did not move, so the random walk made no error"


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonScore:
    """The score of one session ahead; returns, errors and losses are fractions of the origin close."""

    horizon: int
    actual_return: float
    abs_error: float
    rw_abs_error: float
    in80: bool
    in95: bool
    pinball: float
    rw_pinball: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSummary:
    """Means over `n` scores. A ratio below 1 beats the random walk; one that is None has its reason below."""

    n: int
    mae: float | None
    rw_mae: float | None
    mae_ratio: float | None
    pinball_ratio: float | None
    coverage80_ratio: float | None
    coverage95_ratio: float | None
    reasons: dict[str, str]


def score_path(path: ForecastPath, closes: Sequence[float | None] | Array) -> list[HorizonScore]:
    """Score `path` on `closes` (1 + k,): the origin's close, then those of its k <= 30 first sessions.

    A session without a close is None: it keeps its place and is not scored. All closes must come from one
    download in one basis; only ratios to `closes[0]` count, so a split or dividend since the forecast was
    made does no harm. NaN policy: refused. Raises `InvalidCloses` for a close that is not finite and
    positive, and `ValueError` without an origin or beyond 30 sessions.
    """
    known = [step for step, close in enumerate(closes) if close is not None]
    series = np.array([closes[step] for step in known], dtype=np.float64)
    if known[:1] != [0] or len(closes) > HORIZON_SESSIONS + 1 or series.ndim != 1:
        raise ValueError(f"closes must be the origin and at most {HORIZON_SESSIONS} more, got {len(closes)}")
    if not (np.isfinite(series).all() and (series > 0).all()):
        raise InvalidCloses("A close to score against is not finite and positive.")
    actual, at = series[1:] / series[0], np.array(known[1:], dtype=np.intp) - 1
    point, quantiles = _relative(path, at)
    naive_point, naive_quantiles = _relative(path.random_walk(), at)
    loss, naive_loss = pinball_loss(quantiles, actual), pinball_loss(naive_quantiles, actual)
    in80, in95 = covered(quantiles, actual, BAND_80), covered(quantiles, actual, BAND_95)
    return [
        HorizonScore(
            horizon=int(at[i]) + 1,
            actual_return=float(actual[i] - 1),
            abs_error=float(abs(point[i] - actual[i])),
            rw_abs_error=float(abs(naive_point[i] - actual[i])),
            in80=bool(in80[i]),
            in95=bool(in95[i]),
            pinball=float(loss[i]),
            rw_pinball=float(naive_loss[i]),
        )
        for i in range(actual.size)
    ]


def summarise(scores: Iterable[HorizonScore]) -> ScoreSummary:
    """Average `scores` of any paths and horizons; a caller who wants one horizon passes that one."""
    rows = list(scores)
    if not rows:
        names = ("mae", "rw_mae", "mae_ratio", "pinball_ratio", "coverage80_ratio", "coverage95_ratio")
        return ScoreSummary(n=0, **dict.fromkeys(names), reasons=dict.fromkeys(names, NO_ACTUALS))
    mae = float(np.mean([row.abs_error for row in rows]))
    rw_mae = float(np.mean([row.rw_abs_error for row in rows]))
    pinball = float(np.mean([row.pinball for row in rows]))
    rw_pinball = float(np.mean([row.rw_pinball for row in rows]))
    return ScoreSummary(
        n=len(rows),
        mae=mae,
        rw_mae=rw_mae,
        mae_ratio=mae / rw_mae if rw_mae else None,
        pinball_ratio=pinball / rw_pinball,
        coverage80_ratio=float(np.mean([row.in80 for row in rows])),
        coverage95_ratio=float(np.mean([row.in95 for row in rows])),
        reasons={} if rw_mae else {"mae_ratio": NO_MOVE},
    )


def pinball_loss(quantiles: Array, actual: Array) -> Array:
    """Return the pinball loss averaged over the 7 levels: `quantiles` (7, ...), `actual` (...), same unit.

    The loss at level q is `max(q * (y - f), (q - 1) * (y - f))`; no factor 2. NaN passes through.
    Source: Koenker & Bassett (1978), Regression Quantiles, Econometrica 46(1).
    """
    error = actual - quantiles
    levels = np.array(QUANTILES).reshape(-1, *([1] * actual.ndim))
    mean: Array = np.mean(np.maximum(levels * error, (levels - 1) * error), axis=0)
    return mean


def covered(quantiles: Array, actual: Array, band: tuple[int, int]) -> NDArray[np.bool_]:
    """Return where `actual` (...) lies in the closed interval between two rows of `quantiles` (7, ...)."""
    low, high = band
    inside: NDArray[np.bool_] = (quantiles[low] <= actual) & (actual <= quantiles[high])
    return inside


def _relative(path: ForecastPath, at: NDArray[np.intp]) -> tuple[Array, Array]:
    return path.point[at] / path.origin_close, path.quantiles[:, at] / path.origin_close
