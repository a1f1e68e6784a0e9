"""Searches for parameters as trials: whoever tried a thousand cells and then runs one has tried a thousand."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.errors import InvalidParameter, UnknownStrategy
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import Conditions
from services.analytics.kernel.sweep.verdict import SAMPLED_CELLS, returns_of, spread_sample
from services.analytics.sweeps.domain import SweepInputs
from services.analytics.work.cells import cells_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A finished search: what it was asked for with, and how many of its cells the strategy permitted."""

    inputs: SweepInputs
    cells_run: int

    def has_tried(self, strategy: str, parameters: Mapping[str, Any]) -> bool:
        """Return whether one of its cells surely had these parameters; of a sample that is not known."""
        inputs = self.inputs
        if inputs.sample is not None or inputs.base.strategy != strategy:
            return False
        tried = {name: [value] for name, value in inputs.base.parameters.items()} | dict(inputs.grid)
        return tried.keys() == parameters.keys() and all(
            parameters[name] in values for name, values in tried.items()
        )


# Gives the finished searches of one kind over a symbol, by the first and the last session of a run.
type Source = Callable[[str, date, date], Iterable[Search]]
_SOURCES: list[Source] = []


def count_as_trials(source: Source) -> None:
    """Have one kind of search count; called at the foot of an app's `handlers.py`."""
    _SOURCES.append(source)


def searches_over(symbol: str, *, first: date, last: date) -> list[Search]:
    """Return the different searches over a symbol's sessions; cells that two different ones share count in both."""
    found = (search for source in _SOURCES for search in source(symbol, first, last))
    different: dict[str, Search] = {}
    for search in found:
        known = different.setdefault(_grid_key(search.inputs), search)
        if known.cells_run < search.cells_run:
            different[_grid_key(search.inputs)] = search
    return [different[key] for key in sorted(different)]


def sampled_returns(
    searches: Sequence[Search], market: MarketData, conditions: Conditions
) -> list[FloatArray]:
    """Return (n,) returns of some cells of each search on a market, at most SAMPLED_CELLS in all."""
    share = max(1, SAMPLED_CELLS // max(1, len(searches)))
    return [
        returns
        for search in searches[:SAMPLED_CELLS]
        for returns in _returns_of(search.inputs, market, conditions, count=share)
    ]


def _returns_of(
    inputs: SweepInputs, market: MarketData, conditions: Conditions, *, count: int
) -> list[FloatArray]:
    """Return those of a search; none where this release does not take its strategy or its grid any more."""
    try:
        strategy, grid = strategy_named(inputs.base.strategy), inputs.kernel_grid
    except (UnknownStrategy, InvalidParameter):
        return []
    cells = spread_sample(strategy, grid, cells_of(inputs, grid), sessions=len(market), count=count)
    return [returns_of(market, strategy, cell, conditions) for cell in cells]


def _grid_key(inputs: SweepInputs) -> str:
    seed = None if inputs.sample is None else inputs.base.options.seed
    asked = [inputs.base.strategy, dict(inputs.grid), dict(inputs.base.parameters), inputs.sample, seed]
    return json.dumps(asked, sort_keys=True)
