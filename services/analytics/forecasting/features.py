"""What the model sees: the last 99 log returns, scaled by their own volatility.

Training, service and tests all call this one function; `FEATURE_VERSION` changes whenever its numbers do,
and a model trained on another version is refused at load.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from services.analytics.forecasting.domain import Array, InvalidCloses, NoVolatility
from shared.errors import InsufficientHistory

FEATURE_VERSION = "scaled-log-returns/1"
LOOKBACK_CLOSES = 100
FEATURE_NAMES = tuple(f"scaled_log_return_lag_{lag}" for lag in range(LOOKBACK_CLOSES - 2, -1, -1))

# Below one hundredth of a basis point per session what moves is the rounding of the prices, not the market.
MIN_VOLATILITY = 1e-6


class Features(NamedTuple):
    """`returns` (..., 99) without unit, oldest first, and `scale` (...), log return per session."""

    returns: Array
    scale: Array


def scaled_returns(closes: ArrayLike, *, symbol: str) -> Features:
    """Return the last 99 log returns of `closes` divided by their volatility, and that volatility.

    `closes` is (n,) or (rows, n), oldest first, `total_return` basis, any currency; only the last 100 of
    each row are read. The volatility is the root mean square of the 99 returns: about zero, because a
    mean of 99 daily returns is noise, and so a steady climb still has a volatility.

    NaN policy: refused. Raises `InsufficientHistory` for fewer than 100 closes, `InvalidCloses` for one
    that is not finite and positive, `NoVolatility` below `MIN_VOLATILITY`, as for a constant price.
    Source: RiskMetrics Technical Document, 4th ed. (1996): volatility about a mean of zero.
    """
    series = np.asarray(closes, dtype=np.float64)
    if series.shape[-1] < LOOKBACK_CLOSES:
        raise InsufficientHistory(
            symbol=symbol, needed_sessions=LOOKBACK_CLOSES, present_sessions=series.shape[-1]
        )
    window = series[..., -LOOKBACK_CLOSES:]
    bad = window[~(np.isfinite(window) & (window > 0))]
    if bad.size:
        raise InvalidCloses(
            f"{symbol} has {bad.size} closes among its last {LOOKBACK_CLOSES} that are not finite and "
            f"positive, the first of them {bad[0]}.",
            symbol=symbol,
        )
    returns = np.diff(np.log(window), axis=-1)
    scale = np.sqrt(np.mean(returns * returns, axis=-1))
    if (scale < MIN_VOLATILITY).any():
        raise NoVolatility(
            f"{symbol} moved {scale.min():g} per session over its last {LOOKBACK_CLOSES} closes; "
            f"a forecast needs at least {MIN_VOLATILITY:g}.",
            symbol=symbol,
        )
    return Features(returns / scale[..., np.newaxis], scale)
