"""Events of the analytics service: what we conclude from prices."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.contracts.registry import event

_OPTIONS_BEFORE_THERE_WERE_ANY = {
    "allow_short": False,
    "benchmark": None,
    "benchmark_version": None,
    "commission_per_order": "0.0000",
    "commission_per_share": "0.0000",
    "impact": "0.0000",
    "interval": "1d",
    "risk_free": "0.0000",
    "seed": 0,
    "sizing": "all_in",
    "size": None,
    "spread_bps": "0.0000",
    "stop_loss_ratio": None,
    "take_profit_ratio": None,
    "time_in_force": "day",
    "trailing_ratio": None,
    "volume_limit": None,
    "whole_shares": True,
}


@event(
    source="analytics",
    category="backtest",
    published=True,
    schema_version=2,
    upcasters={1: lambda data: {**data, "options": dict(_OPTIONS_BEFORE_THERE_WERE_ANY)}},
)
@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRequested:
    """Raised by the API and by new prices; the backtest job reacts.

    `inputs_hash` names the inputs: two requests with one hash are one run. `data_version` is the version of
    the symbol's prices; `standing` marks the run that every price update starts by itself, whoever asked for
    it first. Costs in basis points of the traded amount; `options` spells out everything else that the numbers
    depend on, decimals as text.
    """

    run_id: UUID
    inputs_hash: str
    standing: bool
    symbol: str
    data_version: int
    basis: str
    strategy: str
    strategy_version: int
    parameters: dict[str, Any]
    initial_capital: Decimal
    commission_bps: Decimal
    slippage_bps: Decimal
    start: date | None
    end: date | None
    options: dict[str, Any]


@event(
    source="analytics",
    category="backtest",
    published=True,
    schema_version=2,
    upcasters={1: lambda data: {**data, "index_metrics": None, "truth": None}},
)
@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestCompleted:
    """Raised when a run has its numbers; reports react. Trades and equity are rows named by `result_hash`.

    `metrics` and `benchmark_metrics` list `{name, label, unit, value, reason, caution}` in the order of
    `metrics_version`; ratios are fractions. So does `index_metrics` for the index that alpha and beta are measured
    against, null where that is buy and hold. `calendar_version` names the sessions table of the run.
    `open_position` and `pending_order` are what the last session left behind. `truth` says what the numbers are
    worth: look-ahead certificate, warm-up, bootstrap, trials and stamps; null for runs before there were such tests.
    """

    run_id: UUID
    standing: bool
    symbol: str
    data_version: int
    result_hash: str
    engine_version: str
    metrics_version: str
    calendar_version: str
    first_session: date
    last_session: date
    session_count: int
    trade_count: int
    metrics: tuple[dict[str, Any], ...]
    benchmark_metrics: tuple[dict[str, Any], ...]
    index_metrics: tuple[dict[str, Any], ...] | None
    open_position: dict[str, Any] | None
    pending_order: dict[str, Any] | None
    truth: dict[str, Any] | None


@event(source="analytics", category="backtest", published=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRefused:
    """Raised when a run cannot be made from its inputs; reports react and say so.

    `state` is `refused`, `failed` when the run broke, or `cancelled` when it was taken back before a worker
    began it; `problem` is the RFC 9457 reason.
    """

    run_id: UUID
    standing: bool
    symbol: str
    data_version: int
    state: str
    problem: dict[str, Any]


@event(source="analytics", category="backtest", published=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestOutdated:
    """Raised when prices that a finished run was made on were corrected; a re-run tells what that changes.

    `symbol` is the one that was corrected: the run's own, or its index, of which it used `data_version`. `by_version`
    is the version of the symbol's prices that differs first within the run's sessions, and `changed_sessions` are
    those of them whose bar or action differs (at most 100, `changed_count` is the whole number).
    """

    run_id: UUID
    symbol: str
    data_version: int
    by_version: int
    changed_count: int
    changed_sessions: tuple[date, ...]


@event(source="analytics", category="forecast", published=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRequested:
    """Raised by the API and by new prices; the forecast job reacts.

    `kind` is `live` (origin: the last stored session) or `backfilled` (30 sessions earlier).
    """

    forecast_id: UUID
    inputs_hash: str
    kind: str
    symbol: str
    data_version: int
    model: str
    model_version: str


@event(source="analytics", category="forecast", published=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastIssued:
    """Raised when a forecast was made; reports react.

    Prices are in the terms of `origin_close` (basis `total_return`): `point`, `random_walk` and each list of
    `quantiles` hold one price for each of `target_sessions`. `model_scores` is what the model achieved on
    sessions it was not made from, and `trained_until` in it the last session it was; ratios are fractions, an
    error ratio above 1 is worse than no forecast.
    """

    forecast_id: UUID
    kind: str
    symbol: str
    data_version: int
    basis: str
    model: str
    model_version: str
    model_sha256: str
    model_scores: dict[str, Any]
    calendar_version: str
    origin_session: date
    origin_close: float
    target_sessions: tuple[date, ...]
    point: tuple[float, ...]
    quantiles: dict[str, tuple[float, ...]]
    random_walk: tuple[float, ...]
    volatility: float


@event(source="analytics", category="forecast", published=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRefused:
    """Raised when no forecast can be made from the stored prices; reports react and say so.

    `state` is `refused`, `failed` when it broke, or `cancelled` when it was taken back before a worker began it.
    """

    forecast_id: UUID
    kind: str
    symbol: str
    data_version: int
    state: str
    problem: dict[str, Any]


@event(source="analytics", category="forecast_score", published=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastsScored:
    """Raised when a version of the prices says something new of sessions that forecasts were made for.

    `scores` has one entry for each forecast whose score is not that of the version before, at most 100 an
    event: its id, the actual price per horizon in the terms of its origin close (null for a session without
    one) and the summary against the random walk.
    """

    symbol: str
    data_version: int
    scores: tuple[dict[str, Any], ...]
