"""What the best cell of a sweep is worth after all the others that were tried with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray, IndexArray
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics.curve import period_returns
from services.analytics.kernel.metrics.sharpe import SharpeMoments
from services.analytics.kernel.strategies.base import Parameters, Strategy
from services.analytics.kernel.sweep.cells import Conditions, simulated
from services.analytics.kernel.sweep.grid import Grid, parameter_sets
from services.analytics.kernel.truth.deflated_sharpe import Trials, deflated_sharpe, independent_trials
from services.analytics.kernel.truth.overfitting import (
    DEFAULT_BLOCKS,
    Overfitting,
    probability_of_overfitting,
)

SAMPLED_CELLS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The trials of a sweep, and what they leave of its best cell.

    deflated_sharpe  None where the returns of the best cell do not vary
    overfitting      None where there are too few cells or sessions
    """

    trials: Trials
    deflated_sharpe: float | None
    overfitting: Overfitting | None


def verdict[P: Parameters](
    market: MarketData,
    strategy: Strategy[P],
    best: P,
    sample: Sequence[P],
    conditions: Conditions,
    *,
    count: int,
) -> Verdict:
    """Judge the best of `count` cells by a sample of the others, spread evenly over the sweep, without the best.

    Each is run once more for its returns. Ruin is a return of -1, and those after it are 0.
    """
    rate = conditions.year.risk_free_per_period
    returns = np.vstack([returns_of(market, strategy, cell, conditions) for cell in (best, *sample)])
    moments = SharpeMoments.of(returns[0] - rate)
    trials = estimated_trials(returns - rate, count=count)
    return Verdict(
        trials=trials,
        deflated_sharpe=None
        if moments is None
        else deflated_sharpe(moments, trials=trials.effective, sharpe_variance=trials.sharpe_variance),
        overfitting=overfitting_among(returns - rate),
    )


def spread_sample[P: Parameters](
    strategy: Strategy[P],
    grid: Grid,
    cells: IndexArray,
    *,
    sessions: int,
    without: int = -1,
    count: int = SAMPLED_CELLS,
) -> list[P]:
    """Return the parameters of at most `count` permitted cells, spread evenly, but not of the one `without`."""
    rows = np.unique(np.linspace(0, len(cells) - 1, 5 * count).astype(np.int64))
    tried = cells[rows]
    made = parameter_sets(strategy, grid, tried[tried != without], sessions=sessions)
    permitted = [parameters for parameters in made if parameters is not None]
    kept = np.unique(np.linspace(0, max(len(permitted) - 1, 0), count).astype(np.int64))
    return [permitted[row] for row in kept.tolist()] if permitted else []


def estimated_trials(returns: FloatArray, *, count: int) -> Trials:
    """Return how many of `count` trials are as good as independent, by (k, n) excess returns of a sample of them.

    Twice as many cells of one grid hold fewer than twice as many clusters. How many more there are in all of
    the sample than in every other row of it tells by which power they grow, at most 1, and that holds for the
    rest.
    """
    found = independent_trials(returns)
    if len(returns) < 4 or count <= len(returns):
        return Trials(
            count=count, effective=min(found.effective, count), sharpe_variance=found.sharpe_variance
        )
    half = independent_trials(returns[::2])
    rows = len(returns) / len(returns[::2])
    power = min(max(log2(found.effective / half.effective) / log2(rows), 0.0), 1.0)
    effective = round(found.effective * (count / len(returns)) ** power)
    return Trials(count=count, effective=effective, sharpe_variance=found.sharpe_variance)


def overfitting_among(returns: FloatArray) -> Overfitting | None:
    """Return what (k, n) excess returns say of choosing the best of k trials; None for too few trials or sessions."""
    if len(returns) < 2 or returns.shape[1] < 2 * DEFAULT_BLOCKS:
        return None
    return probability_of_overfitting(returns)


def returns_of[P: Parameters](
    market: MarketData, strategy: Strategy[P], cell: P, conditions: Conditions
) -> FloatArray:
    """Return (n,) the returns of a cell's account; after ruin, a return of -1, they are 0."""
    equity = simulated(market, strategy.decide(market.series, cell), conditions).equity
    left = np.where(np.logical_or.accumulate(equity <= 0.0), 0.0, equity)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(period_returns(left), nan=0.0)
