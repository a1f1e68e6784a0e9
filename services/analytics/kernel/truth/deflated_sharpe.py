"""The Sharpe ratio after its sampling error, and after all the trials from which the best was taken."""

from dataclasses import dataclass
from math import e, sqrt
from statistics import NormalDist

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.metrics.sharpe import ZERO_DISPERSION, SharpeMoments, probabilistic_sharpe

EULER_MASCHERONI = 0.5772156649015329
# Streams that correlate less than this count as two trials. Chosen by what it promises: of the best cells of
# sweeps over pure noise (12 to 121 cells of sma_cross and rsi) at most 5 % then reach 95 %. At 0.5 it was 10 %.
SAME_TRIAL_CORRELATION = 0.85

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """How many trials there were, how many as good as independent, and how their Sharpe ratios spread.

    `sharpe_variance` is that of ratios per period, one for each cluster; None where it is not known.
    """

    count: int
    effective: int
    sharpe_variance: float | None


def expected_maximum_sharpe(trials: int, sharpe_variance: float) -> float:
    """Return the best ratio per period that `trials` >= 1 independent ones without skill lead one to expect.

    Source: Bailey and Lopez de Prado 2014, by the expected maximum of normal variables; 0 for one trial.
    """
    if trials < 2:
        return 0.0
    by_count = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    by_tail = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * e))
    return sqrt(sharpe_variance) * ((1.0 - EULER_MASCHERONI) * by_count + EULER_MASCHERONI * by_tail)


def deflated_sharpe(moments: SharpeMoments, *, trials: int, sharpe_variance: float | None = None) -> float:
    """Return the probability that the true ratio exceeds what the best of `trials` would have by luck.

    `sharpe_variance` is that over the trials, per period. It counts where it exceeds that of a ratio without
    skill over as many sessions: few trials, or trials that share their luck, seem to spread less.
    """
    return probabilistic_sharpe(moments, hurdle(moments, trials=trials, sharpe_variance=sharpe_variance))


def hurdle(moments: SharpeMoments, *, trials: int, sharpe_variance: float | None = None) -> float:
    """Return the ratio per period that a deflated one must exceed; arguments as in `deflated_sharpe`."""
    by_chance = 1.0 / (moments.sessions - 1)
    return expected_maximum_sharpe(trials, max(sharpe_variance or 0.0, by_chance))


def independent_trials(
    returns: FloatArray, *, same_trial_correlation: float = SAME_TRIAL_CORRELATION
) -> Trials:
    """Cluster (k, n) excess return streams, no NaN, and count the clusters.

    Leader clustering: the stream with the highest Sharpe ratio leads the first cluster and takes in all that
    correlate with it at least so much; of the rest the best leads the next. So the leaders are streams of
    which no two are the same trial. Streams that do not vary made no trade and are one cluster. Takes O(k) for
    each cluster, and memory for one copy of the streams.
    """
    means, deviations = returns.mean(axis=1), returns.std(axis=1)
    varies = deviations > ZERO_DISPERSION
    standard = (returns[varies] - means[varies, None]) / deviations[varies, None]
    sharpe = means[varies] / deviations[varies]
    remaining = np.argsort(-sharpe, kind="stable")
    leaders: list[float] = []
    while len(remaining):
        leader = remaining[0]
        leaders.append(float(sharpe[leader]))
        correlations = standard[remaining] @ standard[leader] / returns.shape[1]
        correlations[0] = 1.0
        remaining = remaining[correlations < same_trial_correlation]
    return Trials(
        count=len(returns),
        effective=len(leaders) + bool((~varies).any()),
        sharpe_variance=float(np.var(leaders, ddof=1)) if len(leaders) > 1 else None,
    )
