"""Events of the analytics service about many runs at once: sweeps over parameters and walks forward."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.contracts.registry import event


@event(source="analytics", category="sweep", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequested:
    """Raised by the API; one job for each chunk of cells reacts.

    `inputs_hash` names the inputs: two requests with one hash are one sweep. `grid` has the ascending values of
    each parameter that varies, `parameters` the others; `sample` is the number of cells that are drawn from the
    grid by the seed among `options`, null for all. A cell's number counts the last parameter of the grid fastest;
    chunk n has the cells from n times `chunk_cells` on. Costs in basis points of the traded amount.
    """

    sweep_id: UUID
    inputs_hash: str
    symbol: str
    data_version: int
    basis: str
    strategy: str
    strategy_version: int
    grid: dict[str, Any]
    parameters: dict[str, Any]
    sample: int | None
    objective: str
    initial_capital: Decimal
    commission_bps: Decimal
    slippage_bps: Decimal
    start: date | None
    end: date | None
    options: dict[str, Any]
    cell_count: int
    chunk_cells: int
    chunk_count: int


@event(source="analytics", category="sweep", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class SweepProgressed:
    """Raised when a chunk of a sweep has its figures, which are a row that `surface_hash` names.

    `run_count` is the number of its cells that the strategy permits.
    """

    sweep_id: UUID
    chunk: int
    cell_count: int
    run_count: int
    surface_hash: str


@event(source="analytics", category="sweep", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCompleted:
    """Raised when all chunks of a sweep are there and were judged together.

    `surface_hash` is the sha256 over the hashes of all chunks in order. `summary` has the best cell by the
    objective, its neighbours and the share of profitable cells; `truth` what the best is worth after all trials,
    null where no cell has an objective.
    """

    sweep_id: UUID
    surface_hash: str
    engine_version: str
    metrics_version: str
    calendar_version: str
    first_session: date
    last_session: date
    session_count: int
    summary: dict[str, Any]
    truth: dict[str, Any] | None


@event(source="analytics", category="sweep", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRefused:
    """Raised when a sweep will not be completed.

    `state` is `refused`, `failed` when a chunk broke, or `cancelled`, which is possible until it is completed;
    `problem` is the RFC 9457 reason. Chunks that have their figures keep them: the same sweep asked for again
    after `failed` or `cancelled` makes only the others.
    """

    sweep_id: UUID
    state: str
    problem: dict[str, Any]
