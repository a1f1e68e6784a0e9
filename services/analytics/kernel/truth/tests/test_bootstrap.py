"""`arch` is the oracle of the stationary bootstrap: the same block length, the same distributions."""

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from arch.bootstrap import optimal_block_length as oracle_block_length
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.truth.bootstrap import bootstrap, optimal_block_length, resample


def autocorrelated(seed: int, count: int, weight: float, *, mean: float = 0.0) -> FloatArray:
    noise = np.random.default_rng(seed).normal(0, 0.01, count)
    for t in range(1, count):
        noise[t] += weight * noise[t - 1]
    return noise + mean


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(40, 600), weight=st.floats(-0.9, 0.95))
def test_the_block_length_is_that_of_politis_and_white(seed: int, count: int, weight: float) -> None:
    returns = autocorrelated(seed, count, weight)

    expected = float(oracle_block_length(returns)["stationary"].iloc[0])

    assert optimal_block_length(returns) == pytest.approx(expected, rel=1e-9)


def test_returns_that_do_not_vary_or_are_few_are_drawn_one_by_one() -> None:
    assert optimal_block_length(np.zeros(100)) == 1.0
    assert optimal_block_length(np.array([0.1, -0.1, 0.2])) == 1.0


@pytest.mark.parametrize(("weight", "mean"), [(0.0, 0.0005), (0.4, 0.001), (0.4, -0.0005)])
def test_the_distributions_are_those_of_the_oracle(weight: float, mean: float) -> None:
    returns, paths = autocorrelated(3, 400, weight, mean=mean), 4000

    found = bootstrap(returns, generator=np.random.default_rng(3), paths=paths, block_length=6.0)

    theirs = StationaryBootstrap(6, returns, seed=2)
    sampled = np.array([data[0][0] for data in theirs.bootstrap(paths)])
    growth = np.cumprod(1 + sampled, axis=1)
    curves = np.concatenate((np.ones((paths, 1)), growth), axis=1)
    drawdowns = (curves / np.maximum.accumulate(curves, axis=1) - 1).min(axis=1)
    share = np.mean(sampled.mean(axis=1) - returns.mean() >= returns.mean())
    error = np.sqrt(max(share * (1 - share), 0.01) * 2 / paths)
    assert found.p_value == pytest.approx(share, abs=4 * error)
    for ours, theirs_ in ((found.max_drawdown, drawdowns), (found.end_equity, growth[:, -1])):
        spread = np.percentile(theirs_, 95) - np.percentile(theirs_, 5)
        for percent in (5, 50, 95):
            assert getattr(ours, f"p{percent}") == pytest.approx(
                np.percentile(theirs_, percent), abs=0.07 * spread
            )


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 60), restart=st.sampled_from([1.0, 0.3, 0.05]))
def test_every_figure_of_a_path_is_that_of_its_curve(seed: int, count: int, restart: float) -> None:
    source = np.random.default_rng(seed)
    returns, uniforms = source.normal(0, 0.03, count), source.random((3, count))
    table = np.empty((3, 4))

    resample(returns, uniforms, restart, table)

    for row, numbers in zip(table, uniforms, strict=True):
        position, picked = int(numbers[0] * count), []
        for t, u in enumerate(numbers):
            if t:
                position = int(u / restart * count) if u < restart else (position + 1) % count
            picked.append(returns[position])
        curve = np.concatenate(([1.0], np.cumprod(1 + np.array(picked))))
        peaks = np.maximum.accumulate(curve)
        streak = longest = 0
        for below in curve < peaks:
            streak = streak + 1 if below else 0
            longest = max(longest, streak)
        expected = [np.mean(picked), curve[-1], (curve / peaks - 1).min(), longest]
        np.testing.assert_allclose(row, expected, rtol=1e-9, atol=1e-15)


def test_the_same_seed_gives_the_same_result_and_another_another() -> None:
    returns = autocorrelated(1, 300, 0.2)

    first, again, other = (bootstrap(returns, generator=np.random.default_rng(s)) for s in (7, 7, 8))

    assert first == again != other


def test_the_risk_free_rate_must_be_earned_too() -> None:
    returns = autocorrelated(1, 300, 0.0)
    returns += 0.0012 - returns.mean()

    without, with_rate = (
        bootstrap(returns, generator=np.random.default_rng(1), risk_free_per_period=rate).p_value
        for rate in (0.0, 0.0012)
    )

    assert without < 0.05
    assert with_rate == pytest.approx(0.5, abs=0.06)


def test_a_path_that_loses_everything_stays_at_nothing() -> None:
    found = bootstrap(np.array([0.1, -1.5, 0.1, 0.1]), generator=np.random.default_rng(1), block_length=1.0)

    assert found.end_equity.p5 == 0
    assert found.max_drawdown.p5 == -1
