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


@event(source="analytics", category="sweep", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOutdated:
    """Raised when prices that a finished sweep was made on were corrected.

    `by_version` is the version of the symbol's prices that differs first within the sweep's sessions, and
    `changed_sessions` are those of them whose bar or action differs (at most 100, `changed_count` is the whole number).
    """

    sweep_id: UUID
    symbol: str
    data_version: int
    by_version: int
    changed_count: int
    changed_sessions: tuple[date, ...]


@event(source="analytics", category="walk_forward", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardRequested:
    """Raised by the API; one job for each chunk of cells reacts.

    `inputs_hash` names the inputs: two requests with one hash are one walk. What is searched is said as in
    SweepRequested, each cell on the sessions to choose by of each of `folds` windows; `anchoring` is anchored or
    rolling, and the first choice has `in_sample_ratio` times the sessions by which it is judged.
    """

    walk_forward_id: UUID
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
    folds: int
    anchoring: str
    in_sample_ratio: int
    initial_capital: Decimal
    commission_bps: Decimal
    slippage_bps: Decimal
    start: date | None
    end: date | None
    options: dict[str, Any]
    cell_count: int
    chunk_cells: int
    chunk_count: int


@event(source="analytics", category="walk_forward", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardProgressed:
    """Raised when the cells of a chunk have been tried in all windows.

    `best` has for each window in order the chunk's best cell, `{cell, metrics}` with the figures on the sessions to
    choose by, null where undefined; it is empty where the strategy permits none of the cells. `run_count` is the
    number of those that it permits.
    """

    walk_forward_id: UUID
    chunk: int
    cell_count: int
    run_count: int
    best: tuple[dict[str, Any], ...]


@event(source="analytics", category="walk_forward", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardCompleted:
    """Raised when what all windows chose was traded; the equity is a row that `result_hash` names.

    `windows` has for each window its sessions, the parameters that it chose, their figures in sample and those of
    the account out of sample. `metrics` and `benchmark_metrics` list figures as in BacktestCompleted, of the stitched
    account and of buy and hold over the same sessions. `efficiency` is the annual return out of sample over the mean
    one in sample of what was chosen, null for the reason given.
    """

    walk_forward_id: UUID
    result_hash: str
    engine_version: str
    metrics_version: str
    calendar_version: str
    first_session: date
    last_session: date
    session_count: int
    windows: tuple[dict[str, Any], ...]
    metrics: tuple[dict[str, Any], ...]
    benchmark_metrics: tuple[dict[str, Any], ...]
    in_sample_return: float | None
    out_of_sample_return: float
    efficiency: float | None
    no_efficiency_reason: str | None


@event(source="analytics", category="walk_forward", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardRefused:
    """Raised when a walk will not be completed.

    `state` is `refused`, `failed` when a chunk broke, or `cancelled`, which is possible until it is completed;
    `problem` is the RFC 9457 reason. The same walk asked for again after `failed` or `cancelled` tries only the
    chunks that were not yet.
    """

    walk_forward_id: UUID
    state: str
    problem: dict[str, Any]


@event(source="analytics", category="walk_forward", published=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardOutdated:
    """Raised when prices that a finished walk was made on were corrected; its fields are those of SweepOutdated."""

    walk_forward_id: UUID
    symbol: str
    data_version: int
    by_version: int
    changed_count: int
    changed_sessions: tuple[date, ...]
