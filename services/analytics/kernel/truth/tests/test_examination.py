"""The whole examination, and the promise of it all: noise passes at most one time in twenty."""

from math import sqrt

import numpy as np
import pytest

from services.analytics.kernel.arrays import FloatArray, SignalArray
from services.analytics.kernel.metrics.curve import NO_DISPERSION, RUINED, TOO_FEW_RETURNS
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.truth import Examination, Luck, examine, luck_of
from services.analytics.kernel.truth.deflated_sharpe import Trials, independent_trials
from services.analytics.kernel.truth.tests.worlds import noise

WORLDS = 200
ONE_TRIAL = Trials(count=1, effective=1, sharpe_variance=None)


def returns_of(series: Series, signals: SignalArray) -> FloatArray:
    """Return what holding from the close after each buy to the close after each sell earns, without costs."""
    decided = np.where(signals != 0, np.arange(len(signals)), 0)
    held = (signals[np.maximum.accumulate(decided)] > 0).astype(float)
    changes = series.close[1:] / series.close[:-1] - 1
    return np.concatenate(([0.0, 0.0], held[:-2] * changes[1:]))


def curve(returns: FloatArray) -> FloatArray:
    return np.concatenate(([1e4], 1e4 * np.cumprod(1 + returns)))


def luck(returns: FloatArray, seed: int, trials: Trials = ONE_TRIAL) -> Luck | str:
    return luck_of(
        curve(returns), year=Year(), generator=np.random.default_rng(seed), trials=trials, paths=500
    )


def passes(returns: FloatArray, seed: int, trials: Trials = ONE_TRIAL) -> bool:
    """Tell whether it is called skill; what never traded is not."""
    found = luck(returns, seed, trials)
    return isinstance(found, Luck) and found.passed


def at_most_one_in_twenty(passed: int, worlds: int) -> bool:
    """Tell whether so many passes are within 3 standard deviations of 5 %."""
    return passed <= 0.05 * worlds + 3 * sqrt(0.05 * 0.95 * worlds)


def test_a_strategy_in_a_world_of_noise_passes_one_time_in_twenty_at_most() -> None:
    strategy = strategy_named("sma_cross")
    parameters = strategy.parse({"fast_window": 5, "slow_window": 20})

    passed = sum(
        passes(returns_of(world, strategy.decide(world, parameters).signal), seed)
        for seed, world in ((seed, noise(seed, 500)) for seed in range(WORLDS))
    )

    assert at_most_one_in_twenty(passed, WORLDS)


def test_the_best_of_many_strategies_in_noise_passes_one_time_in_twenty_at_most() -> None:
    strategy = strategy_named("sma_cross")
    cells = [
        strategy.parse({"fast_window": fast, "slow_window": slow})
        for fast in (2, 5, 10, 20)
        for slow in (30, 60, 100)
    ]
    passed = undeflated = 0
    for seed in range(WORLDS):
        world = noise(seed, 500)
        streams = np.array([returns_of(world, s) for s in strategy.signals_of(world, cells)])
        best = streams[(streams.mean(axis=1) / (streams.std(axis=1) + 1e-12)).argmax()]
        passed += passes(best, seed, independent_trials(streams))
        undeflated += passes(best, seed)

    assert at_most_one_in_twenty(passed, WORLDS)
    # Which is not for want of trying: without the count of trials, far more would have passed.
    assert not at_most_one_in_twenty(undeflated, WORLDS)


def test_real_skill_passes() -> None:
    returns = np.random.default_rng(1).normal(0.002, 0.01, 1000)

    found = luck(returns, 1, Trials(count=20, effective=10, sharpe_variance=None))

    assert isinstance(found, Luck)
    assert found.passed
    assert found.track_record.passed
    assert 0 < found.expected_maximum_sharpe < 0.1


def examined(series: Series, equity: FloatArray, seed: int = 1) -> Examination:
    strategy = strategy_named("sma_cross")
    return examine(
        strategy,
        series,
        strategy.parse({}),
        equity,
        year=Year(),
        generator=np.random.default_rng(seed),
        paths=50,
    )


def test_a_run_is_examined_for_everything_and_alike_for_the_same_seed() -> None:
    series = noise(1)

    first, again = (examined(series, curve(np.diff(series.close) / series.close[:-1])) for _ in range(2))

    assert first == again
    assert first.lookahead.passed
    assert first.warm_up.passed
    assert first.luck is not None
    assert first.luck.deflated_sharpe == first.luck.probabilistic_sharpe
    assert first.no_luck_reason is None


@pytest.mark.parametrize(
    ("equity", "reason"),
    [
        ([100.0] * 60, NO_DISPERSION),
        ([100.0, 110.0], TOO_FEW_RETURNS),
        ([100.0, -1.0, 5.0], RUINED),
    ],
)
def test_a_curve_that_luck_cannot_be_told_from_says_why(equity: list[float], reason: str) -> None:
    found = examined(noise(1, 100), np.array(equity))

    assert (found.luck, found.no_luck_reason) == (None, reason)
