from itertools import combinations

import numpy as np
import pytest

from services.analytics.kernel.truth.overfitting import probability_of_overfitting
from shared.errors import ValidationFailed


def test_it_is_what_counting_every_split_gives() -> None:
    returns = np.random.default_rng(1).normal(0.0005, 0.01, (7, 63))

    found = probability_of_overfitting(returns, blocks=6)

    parts = np.array_split(np.arange(63), 6)
    bad = losing = 0
    splits = list(combinations(range(6), 3))
    for chosen in splits:
        inside = np.concatenate([parts[b] for b in chosen])
        outside = np.concatenate([parts[b] for b in range(6) if b not in chosen])
        ratios = [returns[:, part].mean(axis=1) / returns[:, part].std(axis=1) for part in (inside, outside)]
        best = ratios[0].argmax()
        rank = 1 + (ratios[1] < ratios[1][best]).sum()
        bad += np.log(rank / 8 / (1 - rank / 8)) <= 0
        losing += ratios[1][best] < 0
    assert (found.combinations, found.blocks) == (20, 6)
    assert found.probability == pytest.approx(bad / 20)
    assert found.loss_probability == pytest.approx(losing / 20)


def test_noise_is_overfitted_half_of_the_time_and_skill_is_not() -> None:
    source = np.random.default_rng(2)
    noise = np.array(
        [
            probability_of_overfitting(source.normal(0, 0.01, (20, 400)), blocks=8).probability
            for _ in range(30)
        ]
    )
    skilled = source.normal(0, 0.01, (20, 400))
    skilled[3] += 0.008

    assert noise.mean() == pytest.approx(0.5, abs=0.1)
    assert probability_of_overfitting(skilled).probability < 0.01
    assert probability_of_overfitting(skilled).combinations == 12_870


def test_cells_that_are_all_alike_are_neither_better_nor_worse() -> None:
    alike = np.repeat(np.random.default_rng(3).normal(0, 0.01, (1, 100)), 5, axis=0)

    assert probability_of_overfitting(alike, blocks=4).probability == 1.0
    assert probability_of_overfitting(np.zeros((5, 100)), blocks=4).loss_probability == 0.0


@pytest.mark.parametrize(
    ("cells", "sessions", "blocks"), [(1, 100, 4), (3, 100, 3), (3, 100, 0), (3, 7, 4), (3, 0, 2)]
)
def test_too_little_to_split_is_refused(cells: int, sessions: int, blocks: int) -> None:
    with pytest.raises(ValidationFailed, match="at least 2 cells are needed"):
        probability_of_overfitting(np.zeros((cells, sessions)), blocks=blocks)
