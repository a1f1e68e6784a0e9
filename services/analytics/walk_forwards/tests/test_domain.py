from itertools import permutations
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.engine import SWEEP_METRICS
from services.analytics.kernel.walk_forward import best_rows
from services.analytics.walk_forwards.domain import best_cells, better_cells

VALUES = st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 0.5]))


def measured_of(objectives: list[list[float | None]]) -> Any:
    """Return figures (w, k, 6) of which only the objective says anything."""
    measured = np.full((len(objectives), len(objectives[0]), len(SWEEP_METRICS)), np.nan)
    measured[:, :, SWEEP_METRICS.index("sharpe")] = np.array(objectives, dtype=np.float64)
    return measured


@given(
    windows=st.integers(1, 12).flatmap(
        lambda k: st.lists(st.lists(VALUES, min_size=k, max_size=k), min_size=2, max_size=2)
    )
)
def test_however_cells_are_cut_into_chunks_and_come_the_best_is_that_of_all_at_once(
    windows: list[list[float | None]],
) -> None:
    measured, cells = measured_of(windows), np.arange(len(windows[0]))
    whole = [found["cell"] for found in best_cells(cells, measured, objective="sharpe")]
    parts = [
        best_cells(cells[rows], measured[:, rows], objective="sharpe")
        for start in range(0, len(cells), 4)
        for rows in [slice(start, start + 4)]
    ]

    assert whole == best_rows(measured, "sharpe")
    for order in permutations([*parts, []]):
        found: list[Any] = []
        for part in order:
            found = better_cells(found, part, objective="sharpe")
        assert [best["cell"] for best in found] == whole


def test_a_cell_that_is_undefined_gives_way_to_one_that_lost() -> None:
    best = best_cells(np.array([3, 4]), measured_of([[None, -1.0]]), objective="sharpe")

    assert [(found["cell"], found["metrics"]["sharpe"]) for found in best] == [(4, -1.0)]
    assert best[0]["metrics"]["cagr"] is None
