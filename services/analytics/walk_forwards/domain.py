"""From a request's plain values to the kernel's folds and back, pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final
from uuid import UUID, uuid5

import numpy as np

from services.analytics.kernel.arrays import FloatArray, IndexArray
from services.analytics.kernel.engine import ENGINE_VERSION, SWEEP_METRICS
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import METRICS_VERSION, Year
from services.analytics.kernel.metrics.curve import curve_metrics
from services.analytics.kernel.strategies.base import Parameters, Strategy
from services.analytics.kernel.walk_forward import (
    Anchoring,
    ChosenFold,
    Fold,
    WalkForward,
    best_rows,
    folds_of,
)
from services.analytics.sweeps.domain import SweepInputs, figures, sweep_inputs_for
from shared.contracts.codec import body_hash, dumps, to_json

MOST_TRIED_CELLS: Final = 1_000_000
OUT_OF_SAMPLE_METRICS: Final = ("total_return", "cagr", "sharpe", "max_drawdown")
_NAMESPACE = UUID("e2b7f0a1-52c4-4f0d-8d3b-94c1d6a7f3c2")


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardInputs:
    """All that a walk's numbers depend on: what each window searches, and how the windows are cut.

    in_sample_ratio  how many times longer the first choice is than what it is judged by
    """

    search: SweepInputs
    folds: int
    anchoring: str
    in_sample_ratio: int

    @property
    def hash(self) -> str:
        """Return the sha256 that names these inputs together with the engine's and the metrics' version."""
        versions = {"engine": ENGINE_VERSION, "metrics": METRICS_VERSION, "chunk_cells": self.chunk_cells}
        return body_hash(dumps({**to_json(self), **versions}))

    @property
    def walk_forward_id(self) -> UUID:
        """Return the id of the one walk that these inputs have."""
        return uuid5(_NAMESPACE, self.hash)

    @property
    def chunk_cells(self) -> int:
        """Return how many cells one job tries in all windows: as much work as a chunk of a sweep."""
        return max(1, self.search.chunk_cells // self.folds)

    @property
    def chunk_count(self) -> int:
        """Return how many jobs share the cells."""
        return -(-self.search.cell_count // self.chunk_cells)

    def folds_on(
        self, market: MarketData, cells: Sequence[Parameters], strategy: Strategy[Any]
    ) -> tuple[Fold, ...]:
        """Cut the sessions, which are the same windows whatever the cells.

        Raises what `folds_of` raises, for the longest warm-up of these cells.
        """
        return folds_of(
            market,
            count=self.folds,
            anchoring=Anchoring(self.anchoring),
            in_sample_ratio=self.in_sample_ratio,
            warm_up_sessions=max(map(strategy.warm_up_sessions, cells), default=0),
        )


def walk_forward_inputs_for(
    *, folds: int, anchoring: str, in_sample_ratio: int, **asked: Any
) -> WalkForwardInputs:
    """Return validated inputs; `asked` is what `sweep_inputs_for` takes.

    Raises what that raises, and InvalidParameter for more than MOST_TRIED_CELLS cells in all windows together.
    """
    search = sweep_inputs_for(**asked)
    tried = search.cell_count * folds
    if tried > MOST_TRIED_CELLS:
        raise InvalidParameter(
            f"{search.cell_count} cells in {folds} windows are {tried}: at most {MOST_TRIED_CELLS} are tried."
            f" Take fewer values or windows, or have a `sample` of at most {MOST_TRIED_CELLS // folds} drawn.",
            field="grid",
            maximum=MOST_TRIED_CELLS,
        )
    return WalkForwardInputs(search=search, folds=folds, anchoring=anchoring, in_sample_ratio=in_sample_ratio)


def best_cells(cells: IndexArray, measured: FloatArray, *, objective: str) -> list[dict[str, Any]]:
    """Return for each window the best of some cells (k,), k >= 1, by their figures (w, k, 6)."""
    return [
        {"cell": int(cells[row]), "metrics": figures(window[row].tolist())}
        for row, window in zip(best_rows(measured, objective), measured, strict=True)
    ]


def better_cells(
    one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]], *, objective: str
) -> list[Mapping[str, Any]]:
    """Return for each window the better of two cells, in whichever order chunks come; either may have none.

    Of two that tie it is the one with the lower number; an undefined objective is the lowest.
    """

    def rank(found: Mapping[str, Any]) -> tuple[float, int]:
        value = found["metrics"][objective]
        return (-inf if value is None else value, -found["cell"])

    if not one or not other:
        return [*one, *other]
    return [max(pair, key=rank) for pair in zip(one, other, strict=True)]


def chosen_folds(
    inputs: WalkForwardInputs,
    folds: Sequence[Fold],
    best: Sequence[Mapping[str, Any]],
    strategy: Strategy[Any],
) -> list[ChosenFold[Any]]:
    """Return what the windows chose as the kernel takes it."""
    grid = inputs.search.kernel_grid
    return [
        ChosenFold(
            fold=fold,
            row=found["cell"],
            parameters=strategy.parse(grid.values_of_cell(found["cell"])),
            in_sample=np.array([found["metrics"][name] for name in SWEEP_METRICS], dtype=np.float64),
        )
        for fold, found in zip(folds, best, strict=True)
    ]


def window_rows(
    inputs: WalkForwardInputs, market: MarketData, walk: WalkForward[Any], *, year: Year
) -> tuple[dict[str, Any], ...]:
    """Return what each window chose by and came to, as an event carries it."""
    first = walk.folds[0].fold.out_of_sample.start
    return tuple(
        {
            "in_sample_start": _day(market, turn.fold.in_sample.start),
            "in_sample_end": _day(market, turn.fold.in_sample.stop - 1),
            "out_of_sample_start": _day(market, turn.fold.out_of_sample.start),
            "out_of_sample_end": _day(market, turn.fold.out_of_sample.stop - 1),
            "cell": turn.row,
            "parameters": {name: getattr(turn.parameters, name) for name in inputs.search.grid},
            "in_sample": figures(turn.in_sample.tolist()),
            "out_of_sample": _judged(walk, turn.fold.out_of_sample, first, year),
        }
        for turn in walk.folds
    )


def result_hash(walk: WalkForward[Any], windows: Sequence[Mapping[str, Any]]) -> str:
    """Return the sha256 of the curves, at 12 significant digits, and of what the windows chose."""
    curves = {"equity": walk.out_of_sample.equity, "benchmark": walk.benchmark.equity}
    plain = {name: [f"{value:.12g}" for value in curve] for name, curve in curves.items()}
    return body_hash(dumps({**plain, "cells": [window["cell"] for window in windows]}))


def _judged(walk: WalkForward[Any], window: slice, first: int, year: Year) -> dict[str, float | None]:
    """Return the account's figures in a window; all are undefined once it is ruined."""
    part = slice(window.start - first, window.stop - first + 1)
    equity, dates = walk.out_of_sample.equity[part], walk.out_of_sample.dates[part]
    if equity[0] <= 0.0:
        return dict.fromkeys(OUT_OF_SAMPLE_METRICS)
    found = curve_metrics(equity, dates, year=year)
    return {name: found[name].value for name in OUT_OF_SAMPLE_METRICS}


def _day(market: MarketData, at: int) -> str:
    day: str = market.sessions[at].item().isoformat()
    return day
