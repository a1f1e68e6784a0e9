"""Runs the cells of a chunk: by the compiled sweep where signals say all, else one account after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import batched
from typing import Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.compiled import MANY_NUMBERS, warm_up
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.engine import SWEEP_METRICS, simulate, sweep_block
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import Year, measure
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.simulation import Simulation
from services.analytics.kernel.strategies.base import Parameters, Strategy

# So many signals, of one byte each, are decided at once: the memory of a sweep does not grow with its cells.
SIGNALS_AT_ONCE: Final = 1 << 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What all cells of a sweep have in common beside the market; capital in money."""

    initial_capital: float
    costs: Costs
    execution: Execution
    year: Year


def run_chunk[P: Parameters](
    market: MarketData, strategy: Strategy[P], cells: Sequence[P | None], conditions: Conditions
) -> FloatArray:
    """Return (k, 6) the SWEEP_METRICS of each cell: those of a single run with its parameters.

    NaN where a figure is undefined, and in all of a cell that is None. How cells are cut into chunks changes
    nothing.
    """
    (measured,) = run_windows(market, strategy, cells, conditions, [slice(0, len(market))])
    return np.asarray(measured)


def run_windows[P: Parameters](
    market: MarketData,
    strategy: Strategy[P],
    cells: Sequence[P | None],
    conditions: Conditions,
    windows: Sequence[slice],
) -> FloatArray:
    """Return (w, k, 6) the SWEEP_METRICS of each cell in each window of sessions, each with the same capital.

    Decisions in a window are those made on all sessions before them too; the account begins flat.
    """
    measured = np.full((len(windows), len(cells), len(SWEEP_METRICS)), np.nan)
    markets = [part_of(market, window) for window in windows]
    present = [(row, cell) for row, cell in enumerate(cells) if cell is not None]
    if len(present) * len(market) >= MANY_NUMBERS:
        warm_up()  # each call of an indicator is small, all of them are not
    if strategy.has_levels or not conditions.execution.is_plain:
        for row, cell in present:
            decisions = strategy.decide(market.series, cell)
            for number, (part, window) in enumerate(zip(markets, windows, strict=True)):
                simulation = simulated(part, decisions_in(decisions, window), conditions)
                measured[number, row] = _figures(simulation, conditions.year)
        return measured
    for block in batched(present, max(1, SIGNALS_AT_ONCE // max(1, len(market)))):
        rows = [row for row, _ in block]
        signals = strategy.signals_of(market.series, [cell for _, cell in block])
        for number, (part, window) in enumerate(zip(markets, windows, strict=True)):
            measured[number, rows] = sweep_block(
                part,
                signals[:, window],
                initial_capital=conditions.initial_capital,
                costs=conditions.costs,
                execution=conditions.execution,
                year=conditions.year,
            )
    return measured


def simulated(market: MarketData, decisions: Decisions, conditions: Conditions) -> Simulation:
    """Run one account in full."""
    return simulate(
        market,
        decisions,
        initial_capital=conditions.initial_capital,
        costs=conditions.costs,
        execution=conditions.execution,
        periods_per_year=conditions.year.periods,
    )


def part_of(market: MarketData, window: slice) -> MarketData:
    """Return the sessions of a window that has both its ends; the session before it dates the opening."""
    if (window.start, window.stop) == (0, len(market)):
        return market
    columns = {
        name: getattr(market, name)[window]
        for name in (field.name for field in fields(market) if field.init)
        if name not in {"symbol", "opening_date"}
    }
    opening = market.sessions[window.start - 1] if window.start else market.opening_date
    return replace(market, opening_date=opening, **columns)


def decisions_in(decisions: Decisions, window: slice) -> Decisions:
    """Return what was decided in a window."""
    given = ((field.name, getattr(decisions, field.name)) for field in fields(decisions))
    return Decisions(**{name: column[window] for name, column in given if column is not None})


def _figures(simulation: Simulation, year: Year) -> list[float]:
    metrics = measure(simulation, benchmark=None, year=year)
    values = (metrics[name].value for name in SWEEP_METRICS)
    return [np.nan if value is None else value for value in values]
