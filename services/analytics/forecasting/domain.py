"""The shape of a forecast, the random walk it is compared with, and the ways a forecast is refused."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from shared.errors import BellwetherError

Array = NDArray[np.float64]

HORIZON_SESSIONS = 30
QUANTILES = (0.025, 0.10, 0.25, 0.50, 0.75, 0.90, 0.975)
BAND_80 = (QUANTILES.index(0.10), QUANTILES.index(0.90))
BAND_95 = (QUANTILES.index(0.025), QUANTILES.index(0.975))


class InvalidCloses(BellwetherError):
    """Raised when a close that a forecast needs is zero, negative, NaN or infinite."""

    status, slug, title = 422, "invalid-closes", "The closes cannot be forecast from"


class NoVolatility(BellwetherError):
    """Raised when the closes do not move, so that no return can be measured in units of volatility."""

    status, slug, title = 422, "no-volatility", "The price does not move"


class ForecastNotFinite(BellwetherError):
    """Raised when valid closes lead to a price that float64 cannot hold, as after absurd jumps."""

    status, slug, title = 422, "forecast-not-finite", "The forecast is not a finite price"


class CalendarTooShort(BellwetherError):
    """Raised when the calendar ends before the last session that a forecast is for."""

    status, slug, title = 422, "calendar-too-short", "The calendar ends too early"


class ModelTampered(BellwetherError):
    """Raised when the bytes of a model are not those its manifest names; they are never loaded."""

    status, slug, title = 503, "model-tampered", "The model file is not the one that was trained"


class ModelMismatch(BellwetherError):
    """Raised when a model's manifest, signature or golden rows disagree with the code that would run it."""

    status, slug, title = 503, "model-mismatch", "The model does not fit this version of the code"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForecastPath:
    """One forecast of the next 30 sessions, in prices of the basis whose last close was `origin_close`.

    `point` (30,) and `quantiles` (7, 30) are finite and positive; row i of `quantiles` is level
    `QUANTILES[i]` and rows never cross. `scale` is the volatility per session (a log return) they were
    scaled by. The point is the model's expectation and is not the 50 % quantile: that row also
    carries the median error the model made on sessions it was not fitted on.
    """

    origin_close: float
    scale: float
    point: Array
    quantiles: Array

    def random_walk(self) -> "ForecastPath":
        """Return the naive forecast from the same origin: flat, with a Gaussian band of the same volatility.

        Quantile q at horizon h is `origin_close * exp(scale * sqrt(h) * z(q))`, without drift, so that its
        median is the origin close. Raises `ForecastNotFinite` where that overflows.
        Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.5.
        """
        return path_from_returns(
            origin_close=self.origin_close,
            scale=self.scale,
            point=np.zeros(HORIZON_SESSIONS),
            quantiles=random_walk_quantiles(),
        )


def random_walk_quantiles() -> Array:
    """Return the band (7, 30) of a driftless Gaussian random walk in volatility units: `z(q) * sqrt(h)`."""
    z = np.array([NormalDist().inv_cdf(level) for level in QUANTILES])
    return np.outer(z, np.sqrt(np.arange(1, HORIZON_SESSIONS + 1, dtype=np.float64)))


def path_from_returns(*, origin_close: float, scale: float, point: Array, quantiles: Array) -> ForecastPath:
    """Turn cumulative log returns in volatility units, `point` (30,) and `quantiles` (7, 30), into prices.

    The price is `origin_close * exp(scale * return)`. NaN and overflow raise `ForecastNotFinite`.
    """
    with np.errstate(over="ignore", under="ignore"):
        point_price = origin_close * np.exp(scale * point)
        quantile_prices = origin_close * np.exp(scale * quantiles)
    prices = np.vstack([point_price, quantile_prices])
    if not (np.isfinite(prices).all() and (prices > 0).all()):
        raise ForecastNotFinite(
            f"From a close of {origin_close:g} and a volatility of {scale:g} per session "
            f"the forecast leaves the range of finite prices."
        )
    return ForecastPath(origin_close=origin_close, scale=scale, point=point_price, quantiles=quantile_prices)
