"""Gathers a report's material from what the other services publish as views."""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connections

from services.reports.documents.material import (
    CompletedRun,
    Coverage,
    Gap,
    HeldChange,
    IssuedForecast,
    Metric,
    OpenPosition,
    PendingOrder,
    Provenance,
    Refusal,
    Renaming,
    ReportMaterial,
    ScoredForecast,
    Source,
    Trade,
    UnusedPart,
)
from shared.contracts.codec import from_json
from shared.pricing.adjustment import AdjustedBars, Basis, adjust
from shared.pricing.calendar import calendar_version
from shared.pricing.history import PriceHistory, last_hole
from shared.pricing.names import later_names
from shared.pricing.reader import PriceSource, load_history, missing_sessions, price_sources

RECENT_SESSIONS = 100
JSONB = 3802  # the type's fixed id in every PostgreSQL
QUANTILE_COLUMNS = {
    "0.025": "q025",
    "0.1": "q100",
    "0.25": "q250",
    "0.5": "q500",
    "0.75": "q750",
    "0.9": "q900",
    "0.975": "q975",
}
type Row = dict[str, Any]


def assemble(
    *,
    run_id: UUID,
    forecast_id: UUID,
    backfill_id: UUID,
    symbol: str,
    data_version: int,
    held_change_ids: Sequence[UUID],
) -> ReportMaterial:
    """Return all that a report on one version of `symbol` says, while these changes waited for an operator."""
    history = load_history("reports", symbol, version=data_version)
    bars = adjust(history, Basis.TOTAL_RETURN)
    run = _row("SELECT * FROM results.run WHERE id = %s", run_id)
    live = _row("SELECT * FROM results.forecast WHERE id = %s", forecast_id)
    backfilled = _row("SELECT * FROM results.forecast WHERE id = %s", backfill_id)
    return ReportMaterial(
        symbol=symbol,
        run=_run(run) if run["state"] == "succeeded" else _refusal(run),
        forecast=_forecast(live, bars) if live["state"] == "succeeded" else _refusal(live),
        backfilled=_scored(backfilled, bars) if backfilled["state"] == "succeeded" else _refusal(backfilled),
        coverage=_coverage(history),
        provenance=Provenance(
            data_cut={symbol: data_version},
            calendar="XNYS",
            calendar_version=calendar_version("reports"),
            engine_version=run["engine_version"] or "not run",
            metrics_version=run["metrics_version"] or "not run",
            model_sha256=live["model_sha256"] or backfilled["model_sha256"],
        ),
        held_changes=_held_changes(held_change_ids),
        renaming=_renaming(history),
    )


def _run(row: Row) -> CompletedRun:
    curves = _row("SELECT dates, equity, benchmark_equity FROM results.equity WHERE run_id = %s", row["id"])
    trades = _rows("SELECT * FROM results.trade WHERE run_id = %s ORDER BY number", row["id"])
    benchmark = {metric["name"]: metric for metric in row["benchmark_metrics"]}
    return CompletedRun(
        strategy=row["strategy"],
        strategy_version=row["strategy_version"],
        parameters=row["parameters"],
        initial_capital=_plain(row["initial_capital"]),
        commission_bps=_plain(row["commission_bps"]),
        slippage_bps=_plain(row["slippage_bps"]),
        basis=row["basis"],
        metrics=tuple(
            Metric(
                name=metric["name"],
                label=metric["label"],
                unit=metric["unit"],
                value=metric["value"],
                reason=metric["reason"],
                benchmark_value=benchmark[metric["name"]]["value"],
                benchmark_reason=benchmark[metric["name"]]["reason"],
            )
            for metric in row["metrics"]
        ),
        sessions=tuple(curves["dates"]),
        equity=tuple(curves["equity"]),
        benchmark_equity=tuple(curves["benchmark_equity"]),
        drawdown_ratio=_drawdowns(curves["equity"]),
        trades=tuple(Trade(**{name: trade[name] for name in Trade.__dataclass_fields__}) for trade in trades),
        open_position=_open_position(row["open_position"]),
        pending_order=from_json(PendingOrder, row["pending_order"]) if row["pending_order"] else None,
        options=row["options"],
        truth=row["truth"],
    )


def _open_position(said: Row | None) -> OpenPosition | None:
    if said is None:
        return None
    return OpenPosition(
        entry_session=date.fromisoformat(said["entry_session"]),
        shares=said["held_shares"],
        entry_price=said["entry_price"],
        last_price=said["last_close"],
        unrealised_pnl=said["unrealised_pnl"],
        dividends=said["dividends"],
    )


def _forecast(row: Row, bars: AdjustedBars) -> IssuedForecast:
    points = _rows("SELECT * FROM results.forecast_point WHERE forecast_id = %s ORDER BY horizon", row["id"])
    origin = bars.sessions.tolist().index(row["origin_session"])
    recent = slice(max(0, origin + 1 - RECENT_SESSIONS), origin + 1)
    # In the terms of the origin's close, in which the forecast's prices stand.
    closes = bars.close[recent] * (row["origin_close"] / bars.close[origin])
    return IssuedForecast(
        model=row["model"],
        model_version=row["model_version"],
        model_sha256=row["model_sha256"],
        basis=row["basis"],
        origin_session=row["origin_session"],
        origin_close=row["origin_close"],
        target_sessions=tuple(point["target_session"] for point in points),
        point=tuple(point["point"] for point in points),
        quantiles={
            level: tuple(point[column] for point in points) for level, column in QUANTILE_COLUMNS.items()
        },
        random_walk=tuple(point["random_walk"] for point in points),
        recent_sessions=tuple(bars.sessions[recent].tolist()),
        recent_closes=tuple(closes.tolist()),
        model_scores=_model_scores(row["model_scores"]),
        trained_until=date.fromisoformat(row["model_scores"]["trained_until"]),
    )


def _model_scores(scores: Row) -> tuple[tuple[str, str], ...]:
    """Return what the model achieved on sessions it was not fitted on, all of it, good or bad."""
    return (
        ("Test sessions", f"{scores['first_session']} to {scores['last_session']}"),
        ("Forecasts scored", f"{scores['forecast_count']:,}"),
        ("Mean absolute error (random walk = 1)", f"{scores['mae_rw_ratio']:.3f}"),
        ("Closes inside the 80 % interval", f"{100 * scores['coverage80_ratio']:.2f} %"),
        ("Closes inside the 95 % interval", f"{100 * scores['coverage95_ratio']:.2f} %"),
    )


def _scored(row: Row, bars: AdjustedBars) -> ScoredForecast:
    """Return a forecast with its score as the report's version of the prices knows it."""
    forecast = _forecast(row, bars)
    scores = _rows(
        "SELECT * FROM results.score WHERE forecast_id = %s AND data_version <= %s"
        " ORDER BY data_version DESC LIMIT 1",
        row["id"],
        bars.version,
    )
    score: Row = scores[0] if scores else {}
    return ScoredForecast(
        forecast=forecast,
        actual=tuple(score.get("actual", [None] * len(forecast.point))),
        mae_rw_ratio=score.get("mae_rw_ratio"),
        coverage80_ratio=score.get("coverage80_ratio"),
        coverage95_ratio=score.get("coverage95_ratio"),
        scored_count=score.get("scored_count", 0),
    )


def _coverage(history: PriceHistory) -> Coverage:
    return Coverage(
        first_session=history.sessions[0].item(),
        last_session=history.sessions[-1].item(),
        session_count=len(history.sessions),
        gaps=_gaps(history),
        sources=tuple(
            Source(
                is_sample=source.provider == "bundled",
                **{name: getattr(source, name) for name in PriceSource.__dataclass_fields__},
            )
            for source in price_sources("reports", history.symbol, version=history.version)
        ),
        unused=_unused(history),
    )


def _gaps(history: PriceHistory) -> tuple[Gap, ...]:
    """Return the missing sessions: those with no bar between them belong together."""
    missing = missing_sessions("reports", history.symbol, version=history.version)
    places = np.searchsorted(history.sessions, np.array(missing, "datetime64[D]")).tolist()
    together = groupby(zip(places, missing, strict=True), key=lambda pair: pair[0])
    runs = [[day for _, day in pairs] for _, pairs in together]
    return tuple(Gap(first_session=run[0], last_session=run[-1], session_count=len(run)) for run in runs)


def _unused(history: PriceHistory) -> UnusedPart | None:
    hole = last_hole(history)
    if hole is None:
        return None
    return UnusedPart(
        session_count=hole.count_before, last_session=hole.last_before, next_session=hole.first_after
    )


def _held_changes(ids: Sequence[UUID]) -> tuple[HeldChange, ...]:
    rows = _rows(
        "SELECT provider, detail, row_count, first_session, last_session,"
        " (created_at AT TIME ZONE 'UTC')::date AS seen_date"
        " FROM market.quarantine WHERE id = ANY(%s) ORDER BY first_session, last_session, created_at, id",
        list(ids),
    )
    return tuple(HeldChange(**row) for row in rows)


def _renaming(history: PriceHistory) -> Renaming | None:
    """Return what the instrument is called now, when its prices end under a former name."""
    names = later_names("reports", history.symbol)
    return Renaming(symbol=names[0].symbol, on=names[0].renamed_on) if names else None


def _refusal(row: Row) -> Refusal:
    problem = row["problem"] or {}
    return Refusal(
        slug=problem.get("type", "/problems/unknown").rsplit("/", 1)[-1],
        detail=problem.get("detail", ""),
        needed_sessions=problem.get("needed_sessions"),
        present_sessions=problem.get("present_sessions"),
    )


def _drawdowns(equity: Sequence[float]) -> tuple[float, ...]:
    """Return for each point its distance below the highest one so far, as a fraction; never above 0."""
    found, peak = [], 0.0
    for value in equity:
        peak = max(peak, value)
        found.append(value / peak - 1 if peak > 0 else 0.0)
    return tuple(found)


def _row(query: str, *values: Any) -> Row:
    (row,) = _rows(query, *values)
    return row


def _rows(query: str, *values: Any) -> list[Row]:
    with connections["reports"].cursor() as cursor:
        cursor.execute(query, values)
        columns = cursor.description
        return [
            {column.name: _value(column, value) for column, value in zip(columns, row, strict=True)}
            for row in cursor.fetchall()
        ]


def _value(column: Any, value: Any) -> Any:
    """Return a column's value; Django leaves jsonb as text outside of its own fields."""
    return json.loads(value) if column.type_code == JSONB and value is not None else value


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f") if value == value.to_integral() else format(value, "f")
