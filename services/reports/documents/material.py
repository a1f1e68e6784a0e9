"""What a report is made of: plain values that the other services published, without ids or instants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a part of the report is missing: a problem's slug and detail, and the sessions that were asked."""

    slug: str
    detail: str
    needed_sessions: int | None = None
    present_sessions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure of the metrics spec; `unit` is one of `wording.UNITS` and ratios are fractions.

    `value` is None with a `reason` where undefined; so for buy and hold beside it.
    """

    name: str
    label: str
    unit: str
    value: float | None
    reason: str | None = None
    benchmark_value: float | None = None
    benchmark_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One closed trade; `pnl` is net of both fees, `dividends` are beside it, both in money."""

    entry_session: date
    exit_session: date
    shares: float
    entry_price: float
    exit_price: float
    pnl: float
    return_ratio: float
    dividends: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """Shares still held at the last session; `unrealised_pnl` in money, at `last_price`."""

    entry_session: date
    shares: float
    entry_price: float
    last_price: float
    unrealised_pnl: float
    dividends: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOrder:
    """A decision of the last session whose fill would be the next open; `side` is `buy` or `sell`."""

    side: str
    decided_session: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedRun:
    """A backtest with its numbers; `drawdown_ratio` is 0 or negative.

    The four series have n + 1 points for n sessions: the first is the opening capital, the session before.
    `options` and `truth` are as the events have them: what else the run depends on, and what its tests found;
    `truth` is None for a run that was made before there were tests.
    """

    strategy: str
    strategy_version: int
    parameters: Mapping[str, str | int | float | bool]
    initial_capital: str
    commission_bps: str
    slippage_bps: str
    basis: str
    metrics: tuple[Metric, ...]
    sessions: tuple[date, ...]
    equity: tuple[float, ...]
    benchmark_equity: tuple[float, ...]
    drawdown_ratio: tuple[float, ...]
    trades: tuple[Trade, ...]
    open_position: OpenPosition | None = None
    pending_order: PendingOrder | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    truth: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedForecast:
    """A forecast in the terms of its origin's close; one price per target session in every series.

    `quantiles` maps a level such as `0.025` to its prices; `recent_closes` are those up to the origin, for
    context; `model_scores` are the model's own out-of-sample results as (label, text) and `trained_until` the
    last session it was made from.
    """

    model: str
    model_version: str
    model_sha256: str
    basis: str
    origin_session: date
    origin_close: float
    target_sessions: tuple[date, ...]
    point: tuple[float, ...]
    quantiles: Mapping[str, tuple[float, ...]]
    random_walk: tuple[float, ...]
    recent_sessions: tuple[date, ...]
    recent_closes: tuple[float, ...]
    model_scores: tuple[tuple[str, str], ...] = ()
    trained_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredForecast:
    """A backfilled forecast beside what came; an actual close is None until its session is stored.

    `mae_rw_ratio` is the mean absolute error over the random walk's; coverages are fractions of
    `scored_count` sessions inside the band.
    """

    forecast: IssuedForecast
    actual: tuple[float | None, ...]
    mae_rw_ratio: float | None
    coverage80_ratio: float | None
    coverage95_ratio: float | None
    scored_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One provider's share of the prices; no sessions of its own: only splits or dividends.

    `notes` are faults that were told with the bars from `first_noted_session` to `last_noted_session`; `is_sample`
    marks the data that ships with Bellwether.
    """

    provider: str
    attribution: str
    session_count: int
    last_session: date | None
    notes: tuple[str, ...] = ()
    first_noted_session: date | None = None
    last_noted_session: date | None = None
    is_sample: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Sessions in a row that have no bar, from the first to the last."""

    first_session: date
    last_session: date
    session_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedPart:
    """Bars up to `last_session` that nothing is computed from: the next one, of `next_session`, is too far away."""

    session_count: int
    last_session: date
    next_session: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which prices there are, and whose they are: the largest source first. Gaps ascend."""

    first_session: date
    last_session: date
    session_count: int
    gaps: tuple[Gap, ...]
    sources: tuple[Source, ...]
    unused: UnusedPart | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldChange:
    """A change that a provider told of stored prices and that was not applied: an operator has to decide."""

    provider: str
    detail: str
    row_count: int
    first_session: date
    last_session: date
    seen_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """The name that the instrument has since `on`, under which its later prices come."""

    symbol: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Everything that a re-run needs to give the same numbers."""

    data_cut: Mapping[str, int]
    calendar: str
    calendar_version: str
    engine_version: str
    metrics_version: str
    model_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMaterial:
    """All that one report says about one symbol; `held_changes` are those that waited when it was asked for."""

    symbol: str
    run: CompletedRun | Refusal
    forecast: IssuedForecast | Refusal
    backfilled: ScoredForecast | Refusal
    coverage: Coverage
    provenance: Provenance
    held_changes: tuple[HeldChange, ...] = ()
    renaming: Renaming | None = None
