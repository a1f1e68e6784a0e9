"""The truth tests that every run gets by default."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.metrics.curve import NO_DISPERSION, RUINED, TOO_FEW_RETURNS, period_returns
from services.analytics.kernel.metrics.sharpe import SharpeMoments, probabilistic_sharpe
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters, Strategy
from services.analytics.kernel.truth.bootstrap import DEFAULT_PATHS, Bootstrap, bootstrap
from services.analytics.kernel.truth.deflated_sharpe import Trials, hurdle
from services.analytics.kernel.truth.lookahead import Certificate, certificate
from services.analytics.kernel.truth.track_record import TrackRecord, minimum_length
from services.analytics.kernel.truth.warm_up import Sensitivity, sensitivity

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """What the returns are worth after sampling error and trials; Sharpe ratios per period.

    `expected_maximum_sharpe` is the best ratio that so many trials without skill lead one to expect.
    """

    trials: Trials
    probabilistic_sharpe: float
    expected_maximum_sharpe: float
    deflated_sharpe: float
    track_record: TrackRecord
    bootstrap: Bootstrap

    @property
    def passed(self) -> bool:
        """Return whether both the bootstrap and the deflated Sharpe ratio call it skill at 95 %."""
        return self.bootstrap.p_value <= SIGNIFICANT and self.deflated_sharpe >= 1.0 - SIGNIFICANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All default truth tests of one run; `luck` is None for the reason given in `no_luck_reason`."""

    lookahead: Certificate
    warm_up: Sensitivity
    luck: Luck | None
    no_luck_reason: str | None


def examine[P: Parameters](
    strategy: Strategy[P],
    series: Series,
    parameters: P,
    equity: FloatArray,
    *,
    year: Year,
    generator: Generator,
    trials: Trials | None = None,
    paths: int = DEFAULT_PATHS,
) -> Examination:
    """Test the decisions of a strategy on n bars and the equity (n + 1,) that they earned.

    `trials` are all that were made before and with this one, a single one by default.
    """
    warm_up = strategy.warm_up_sessions(parameters)
    made = trials or Trials(count=1, effective=1, sharpe_variance=None)
    luck = luck_of(equity, year=year, generator=generator, trials=made, paths=paths)
    return Examination(
        lookahead=certificate(strategy.decide, series, parameters, warm_up_sessions=warm_up),
        warm_up=sensitivity(strategy.decide, series, parameters, warm_up_sessions=warm_up),
        luck=None if isinstance(luck, str) else luck,
        no_luck_reason=luck if isinstance(luck, str) else None,
    )


def luck_of(
    equity: FloatArray, *, year: Year, generator: Generator, trials: Trials, paths: int = DEFAULT_PATHS
) -> Luck | str:
    """Return what the returns of a curve (n + 1,) are worth, or the reason why nothing can be said."""
    if np.any(equity[:-1] <= 0):
        return RUINED
    returns, rate = period_returns(equity), year.risk_free_per_period
    moments = SharpeMoments.of(returns - rate)
    if moments is None:
        return TOO_FEW_RETURNS if len(returns) < 2 else NO_DISPERSION
    by_luck = hurdle(moments, trials=trials.effective, sharpe_variance=trials.sharpe_variance)
    return Luck(
        trials=trials,
        probabilistic_sharpe=probabilistic_sharpe(moments),
        expected_maximum_sharpe=by_luck,
        deflated_sharpe=probabilistic_sharpe(moments, by_luck),
        track_record=minimum_length(moments, benchmark_sharpe=by_luck),
        bootstrap=bootstrap(returns, generator=generator, risk_free_per_period=rate, paths=paths),
    )
