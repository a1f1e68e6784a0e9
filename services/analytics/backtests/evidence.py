"""What a run's numbers are worth, as its event carries it; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np

from services.analytics.backtests.domain import Inputs
from services.analytics.kernel.arrays import DateArray, FloatArray
from services.analytics.kernel.backtest import BacktestResult
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics.curve import period_returns
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep.verdict import estimated_trials, overfitting_among
from services.analytics.kernel.truth.deflated_sharpe import Trials
from services.analytics.kernel.truth.examination import Examination, Luck, examine
from services.analytics.kernel.truth.overfitting import Overfitting
from services.analytics.kernel.truth.stamps import data_gap, selection_bias

type Curve = Mapping[date, float]

TOO_FEW = "it takes two trials on these prices, and 32 sessions"


def truth_of(
    inputs: Inputs,
    result: BacktestResult,
    market: MarketData,
    *,
    trials: Trials,
    overfitting: Overfitting | None,
    expected_sessions: DateArray,
    first_stored_session: date,
) -> dict[str, Any]:
    """Return the default truth tests of a run, JSON-safe: undefined figures are null with a reason.

    `expected_sessions` are those of the exchange; `first_stored_session` is the first that is known of the symbol.
    """
    first: date = market.sessions[0].item()
    stamps = [
        selection_bias(
            [inputs.symbol], first_session=first, chosen_at_date=None, listed_dates=[first_stored_session]
        )
    ]
    if inputs.options.interval == "1d":
        stamps.append(
            data_gap(market.sessions, expected=expected_sessions, close=market.close, volume=market.volume)
        )
    examined = examination_of(result, market, seed=inputs.options.seed, trials=trials)
    return {
        **examined,
        "overfitting": None if overfitting is None else asdict(overfitting),
        "no_overfitting_reason": TOO_FEW if overfitting is None else None,
        "stamps": [asdict(stamp) for stamp in stamps],
    }


def examination_of(
    result: BacktestResult, market: MarketData, *, seed: int, trials: Trials | None = None
) -> dict[str, Any]:
    """Return what the run's own bars and equity say of it, JSON-safe; without `trials` it was the only one."""
    found = examine(
        strategy_named(result.strategy_name),
        market.series,
        result.parameters,
        result.simulation.equity,
        year=result.year,
        generator=np.random.default_rng(seed),
        trials=trials,
    )
    return {
        "look_ahead": _look_ahead(found, market),
        "warm_up": {"passed": found.warm_up.passed, **_counts(found)},
        "luck": None if found.luck is None else _luck(found.luck),
        "no_luck_reason": found.no_luck_reason,
    }


def trials_among(
    equity: FloatArray,
    dates: DateArray,
    others: Sequence[Curve],
    cells: Sequence[FloatArray],
    *,
    count: int,
) -> tuple[Trials, Overfitting | None]:
    """Return how many trials there were, and how likely the best of them was fitted to the past.

    equity (n + 1,) by dates; of each other run's curve the returns on the same sessions count, 0 where it has
    none; `cells` are returns (n,) of cells of searches. `count` is the number of all trials, this one included;
    what the samples show holds for all of them. No probability where this is the only trial or sessions are few.
    """
    days = dates.tolist()
    streams = np.vstack([period_returns(equity), *(_returns_on(days, curve) for curve in others), *cells])
    return estimated_trials(streams, count=count), overfitting_among(streams)


def _returns_on(days: Sequence[date], curve: Curve) -> FloatArray:
    values = np.array([curve.get(day, np.nan) for day in days])
    with np.errstate(invalid="ignore", divide="ignore"):
        returns = values[1:] / values[:-1] - 1.0
    filled: FloatArray = np.nan_to_num(returns, nan=0.0, posinf=0.0, neginf=0.0)
    return filled


def _look_ahead(found: Examination, market: MarketData) -> dict[str, Any]:
    at = found.lookahead.first_difference
    return {
        "passed": found.lookahead.passed,
        "prefixes": len(found.lookahead.cuts),
        "signals_checked": found.lookahead.signals_checked,
        "first_difference": None if at is None else market.sessions[at].item().isoformat(),
    }


def _counts(found: Examination) -> dict[str, int]:
    return {
        "signals_compared": found.warm_up.signals_compared,
        "signals_changed": found.warm_up.signals_changed,
        "memory_sessions": found.warm_up.memory_sessions,
    }


def _luck(luck: Luck) -> dict[str, Any]:
    return {
        "passed": luck.passed,
        "trials": luck.trials.count,
        "effective_trials": luck.trials.effective,
        "probabilistic_sharpe": luck.probabilistic_sharpe,
        "expected_maximum_sharpe": luck.expected_maximum_sharpe,
        "deflated_sharpe": luck.deflated_sharpe,
        "track_record": {**asdict(luck.track_record), "text": luck.track_record.text},
        "bootstrap": asdict(luck.bootstrap),
    }
