"""The probability of backtest overfitting: does the best cell of a sweep stay good where it was not chosen?"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import batched, combinations

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from shared.errors import ValidationFailed

DEFAULT_BLOCKS = 16
_COMBINATIONS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """What splitting the sessions in all ways into a half to choose by and a half to judge by says.

    probability       share of splits where the cell chosen by one half is in the worse half of the other
    loss_probability  share of splits where it loses money there
    """

    probability: float
    loss_probability: float
    combinations: int
    blocks: int


def probability_of_overfitting(returns: FloatArray, *, blocks: int = DEFAULT_BLOCKS) -> Overfitting:
    """Judge k cells by (k, n) excess returns of the same n sessions, no NaN.

    `blocks` is even: the sessions are cut into so many blocks, and each half of the blocks chooses once, by
    the Sharpe ratio. Cells that tie share their rank. Raises ValidationFailed for fewer than 2 cells, or
    blocks that are odd or hold fewer than 2 sessions.

    Source: combinatorially symmetric cross-validation, Bailey, Borwein, Lopez de Prado and Zhu 2017.
    """
    cells, sessions = returns.shape
    if cells < 2 or blocks < 2 or blocks % 2 or sessions < 2 * blocks:
        raise ValidationFailed(
            f"{cells} cells over {sessions} sessions in {blocks} blocks: at least 2 cells are needed, and an "
            "even number of blocks of 2 sessions or more.",
            field="blocks",
        )
    parts = np.array_split(returns, blocks, axis=1)
    sums = np.array([part.sum(axis=1) for part in parts])
    squares = np.array([(part * part).sum(axis=1) for part in parts])
    sizes = np.array([part.shape[1] for part in parts], dtype=float)
    overfitted = losing = count = 0.0
    for halves in _halves(blocks):
        chosen_by = _sharpe(halves, sums, squares, sizes)
        judged_by = _sharpe(1.0 - halves, sums, squares, sizes)
        rows = np.arange(len(halves))
        best = chosen_by.argmax(axis=1)
        judged = judged_by[rows, best]
        below = (judged_by < judged[:, None]).sum(axis=1)
        ties = (judged_by == judged[:, None]).sum(axis=1) - 1
        # The rank from 1 to k over k + 1; its logit is at most 0 where this is at most a half.
        overfitted += float(((1.0 + below + ties / 2.0) / (cells + 1.0) <= 0.5).sum())
        losing += float((judged < 0.0).sum())
        count += len(halves)
    return Overfitting(
        probability=overfitted / count,
        loss_probability=losing / count,
        combinations=int(count),
        blocks=blocks,
    )


def _halves(blocks: int) -> Iterator[FloatArray]:
    """Give all choices of half the blocks, as rows of 0.0 and 1.0, some hundred at a time."""
    for chosen in batched(combinations(range(blocks), blocks // 2), _COMBINATIONS_AT_ONCE):
        halves = np.zeros((len(chosen), blocks))
        np.put_along_axis(halves, np.array(chosen), 1.0, axis=1)
        yield halves


def _sharpe(halves: FloatArray, sums: FloatArray, squares: FloatArray, sizes: FloatArray) -> FloatArray:
    """Return (c, k) Sharpe ratios per period over the chosen blocks; 0 for a cell that does not vary."""
    n = (halves @ sizes)[:, None]
    mean = halves @ sums / n
    variance = np.maximum(halves @ squares / n - mean * mean, 0.0)
    return np.divide(mean, np.sqrt(variance), out=np.zeros_like(mean), where=variance > 0)
