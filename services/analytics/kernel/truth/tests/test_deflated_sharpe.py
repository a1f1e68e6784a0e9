from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.metrics.sharpe import SharpeMoments, probabilistic_sharpe
from services.analytics.kernel.truth.deflated_sharpe import (
    deflated_sharpe,
    expected_maximum_sharpe,
    independent_trials,
)


def skewed(seed: int, count: int = 400) -> FloatArray:
    return np.random.default_rng(seed).gamma(2.0, 0.01, count) - 0.0195


def test_the_moments_are_those_of_the_standardised_returns() -> None:
    returns = skewed(1)

    moments = SharpeMoments.of(returns)

    standard = (returns - returns.mean()) / returns.std()
    assert moments is not None
    assert moments.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-12)
    assert moments.skewness == pytest.approx(np.mean(standard**3), rel=1e-10)
    assert moments.kurtosis == pytest.approx(np.mean(standard**4), rel=1e-10)


def test_there_are_none_without_variation() -> None:
    assert SharpeMoments.of(np.full(50, 0.001)) is None
    assert SharpeMoments.of(np.array([0.01])) is None


def test_the_probability_uses_raw_kurtosis() -> None:
    normal = SharpeMoments(sharpe=0.1, skewness=0.0, kurtosis=3.0, sessions=101)

    expected = NormalDist().cdf((0.1 - 0.02) / sqrt((1 + 0.5 * 0.1**2) / 100))
    assert probabilistic_sharpe(normal, 0.02) == pytest.approx(expected, rel=1e-12)


def test_the_published_example_is_reproduced() -> None:
    # Bailey and Lopez de Prado 2014: annual ratio 2.5 over 1,250 days, skewness -3, kurtosis 10, best of 100
    # trials whose annual ratios have a variance of 0.5: the hurdle is 0.1132 a day and the probability 0.9004.
    moments = SharpeMoments(sharpe=2.5 / sqrt(250), skewness=-3.0, kurtosis=10.0, sessions=1250)

    assert expected_maximum_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(moments, trials=100, sharpe_variance=0.5 / 250) == pytest.approx(0.9004, abs=5e-5)


@pytest.mark.parametrize(("trials", "annual"), [(10, 1.11), (45, 1.58), (100, 1.79), (1000, 2.30)])
def test_noise_over_504_days_has_the_best_ratios_of_the_specification(trials: int, annual: float) -> None:
    assert expected_maximum_sharpe(trials, 1 / 503) * sqrt(252) == pytest.approx(annual, abs=0.006)


def test_one_trial_is_not_deflated_and_more_are_more() -> None:
    moments = SharpeMoments.of(skewed(2))
    assert moments is not None

    assert deflated_sharpe(moments, trials=10, sharpe_variance=1e-9) == deflated_sharpe(moments, trials=10)
    by_trials = [deflated_sharpe(moments, trials=trials) for trials in (1, 2, 10, 100)]

    assert by_trials[0] == probabilistic_sharpe(moments)
    assert by_trials == sorted(by_trials, reverse=True)
    assert len(set(by_trials)) == 4


def test_copies_are_one_trial_and_independent_streams_are_many() -> None:
    source = np.random.default_rng(3)
    independent = source.normal(0, 0.01, (40, 500))
    copies = np.repeat(independent[:1], 30, axis=0) * np.linspace(0.5, 2, 30)[:, None]

    assert independent_trials(copies).effective == 1
    assert independent_trials(copies).sharpe_variance is None
    assert independent_trials(independent).effective == 40
    assert independent_trials(np.concatenate((copies, independent))).effective == 40


def test_families_of_alike_streams_count_once_each() -> None:
    source = np.random.default_rng(4)
    leaders = source.normal(0, 0.01, (5, 500))
    alike = np.concatenate([leader + source.normal(0, 0.003, (20, 500)) for leader in leaders])

    trials = independent_trials(source.permutation(alike))

    assert (trials.count, trials.effective) == (100, 5)
    assert trials.sharpe_variance is not None
    assert 0 < trials.sharpe_variance < 0.02


def test_cells_that_never_traded_are_one_trial() -> None:
    returns = np.concatenate((np.zeros((7, 300)), np.random.default_rng(5).normal(0, 0.01, (2, 300))))

    assert independent_trials(returns).effective == 3
    assert independent_trials(np.zeros((7, 300))).effective == 1
