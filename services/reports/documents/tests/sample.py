"""Plausible material from a closed formula: no randomness, no clock, no real prices."""

import math
from collections.abc import Sequence
from datetime import date, timedelta

from services.reports.documents.material import (
    CompletedRun,
    Coverage,
    Gap,
    IssuedForecast,
    Metric,
    OpenPosition,
    PendingOrder,
    Provenance,
    Refusal,
    ReportMaterial,
    ScoredForecast,
    Source,
    Trade,
)
from shared.runs.tests.sample import sample_options, sample_truth

SESSION_COUNT = 3580
HORIZON = 30
SHA256 = "9f2c61d0" * 8
QUANTILES = {
    "0.025": -1.96,
    "0.1": -1.2816,
    "0.25": -0.6745,
    "0.5": 0.0,
    "0.75": 0.6745,
    "0.9": 1.2816,
    "0.975": 1.96,
}


def weekdays(first: date, count: int) -> tuple[date, ...]:
    """Return `count` weekdays from `first` on."""
    days = (first + timedelta(days=offset) for offset in range(2 * count + 7))
    return tuple(day for day in days if day.weekday() < 5)[:count]


SESSIONS = weekdays(date(2004, 1, 2), SESSION_COUNT + HORIZON)


def close(step: int) -> float:
    """Return the made-up close of session `step`: growth, two cycles and a daily shimmer."""
    paces = (0.031, 0.113, 0.277, 0.731, 2.399)
    shimmer = sum(math.sin(step * pace + pace) / math.sqrt(1 + 40 * pace) for pace in paces)
    return 9.4 * math.exp(
        0.0008 * step + 0.25 * math.sin(step / 310) + 0.1 * math.sin(step / 83) + 0.03 * shimmer
    )


def sample_run(trade_count: int = 16, session_count: int = SESSION_COUNT) -> CompletedRun:
    """Return a completed run that holds shares in every second half of its `trade_count` stretches."""
    closes = [close(step) for step in range(session_count)]
    stretch = session_count // (trade_count + 1)
    held = [
        (step % stretch) > stretch * 0.55 and step < stretch * trade_count for step in range(session_count)
    ]
    equity = [10_000.0]
    for step in range(1, session_count):
        equity.append(equity[-1] * (closes[step] / closes[step - 1] if held[step] else 1.0))
    benchmark = [10_000.0 * price / closes[0] for price in closes]
    entries = [step for step in range(1, session_count) if held[step] and not held[step - 1]]
    exits = [step for step in range(1, session_count) if held[step - 1] and not held[step]]
    return CompletedRun(
        strategy="moving_average_dip",
        strategy_version=1,
        parameters={"buy_average": 50, "sell_average": 200},
        initial_capital="10000.00",
        commission_bps="5",
        slippage_bps="2",
        basis="split",
        metrics=sample_metrics(equity, benchmark),
        sessions=SESSIONS[:session_count],
        equity=tuple(equity),
        benchmark_equity=tuple(benchmark),
        drawdown_ratio=tuple(drawdown(equity)),
        trades=tuple(_trade(entry, leave, equity) for entry, leave in zip(entries, exits, strict=True)),
        open_position=OpenPosition(
            entry_session=SESSIONS[session_count - 12],
            shares=61,
            entry_price=171.32,
            last_price=168.34,
            unrealised_pnl=-181.78,
            dividends=38.43,
        ),
        pending_order=PendingOrder(side="sell", decided_session=SESSIONS[session_count - 1]),
        options=sample_options(),
        truth=sample_truth(),
    )


def sample_metrics(equity: Sequence[float], benchmark: Sequence[float]) -> tuple[Metric, ...]:
    """Return one metric of each unit, some undefined, with the reasons that the spec gives."""
    total, passive = equity[-1] / equity[0] - 1, benchmark[-1] / benchmark[0] - 1
    rows: list[tuple[str, str, str, float | None, str | None, float | None]] = [
        ("total_return", "Total return", "ratio", total, None, passive),
        ("cagr", "Return a year (252 sessions)", "ratio", 0.0713, None, 0.2514),
        ("cagr_calendar", "Return a year (calendar)", "ratio", 0.0709, None, 0.2501),
        ("annual_volatility", "Volatility a year", "ratio", 0.1642, None, 0.3021),
        ("sharpe", "Sharpe ratio", "number", 0.5012, None, 0.8944),
        ("sortino", "Sortino ratio", "number", 0.7123, None, 1.3307),
        ("max_drawdown", "Worst drawdown", "ratio", min(drawdown(equity)), None, min(drawdown(benchmark))),
        ("max_dd_duration_days", "Longest drawdown", "days", 1131, None, 1012),
        ("max_dd_duration_sessions", "Longest drawdown", "sessions", 779, None, 697),
        ("calmar", "Calmar ratio", "number", 0.2104, None, 0.5713),
        ("win_rate", "Winning trades", "ratio", 0.6875, None, None),
        ("profit_factor", "Profit factor", "number", None, "no losing trade", None),
        ("expectancy", "Mean result of a trade", "money", -43.2, None, None),
        ("expectancy_pct", "Mean return per trade", "percent", 1.87, None, None),
        ("sqn", "System quality number", "number", 1.4491, None, None),
        ("exposure_time", "Sessions invested", "ratio", 0.3812, None, 1.0),
        ("alpha", "Alpha a year", "ratio", -0.0041, None, None),
        ("beta", "Beta", "number", 0.3144, None, 1.0),
    ]
    names = ("name", "label", "unit", "value", "reason", "benchmark_value")
    return tuple(Metric(**dict(zip(names, row, strict=True))) for row in rows)  # type: ignore[arg-type]


def drawdown(equity: Sequence[float]) -> list[float]:
    """Return each value over the highest so far, less one."""
    peak, ratios = equity[0], []
    for value in equity:
        peak = max(peak, value)
        ratios.append(value / peak - 1)
    return ratios


def sample_forecast(origin: int = SESSION_COUNT - 1) -> IssuedForecast:
    """Return a forecast whose bands widen with the root of the horizon from session `origin`."""
    steps = range(1, HORIZON + 1)
    last = close(origin)
    return IssuedForecast(
        model="linear-returns",
        model_version="1",
        model_sha256=SHA256,
        basis="total_return",
        origin_session=SESSIONS[origin],
        origin_close=last,
        target_sessions=SESSIONS[origin + 1 : origin + 1 + HORIZON],
        point=tuple(last * math.exp(0.0004 * step) for step in steps),
        quantiles={
            level: tuple(last * math.exp(0.0004 * step + z * 0.016 * math.sqrt(step)) for step in steps)
            for level, z in QUANTILES.items()
        },
        random_walk=(last,) * HORIZON,
        recent_sessions=SESSIONS[origin - 59 : origin + 1],
        recent_closes=tuple(close(step) for step in range(origin - 59, origin + 1)),
        model_scores=(
            ("Mean absolute error over the random walk's", "1.01 on 5,933 origins after training"),
            ("Inside the 80 % and 95 % interval", "79.1 % and 95.1 %"),
        ),
    )


def sample_record(mae_rw_ratio: float | None = 1.0734) -> ScoredForecast:
    """Return the forecast of 30 sessions before the end beside its actual closes, one of them unknown."""
    origin = SESSION_COUNT - 1 - HORIZON
    actual = [close(step) for step in range(origin + 1, origin + 1 + HORIZON)]
    return ScoredForecast(
        forecast=sample_forecast(origin),
        actual=(*actual[:12], None, *actual[13:]),
        mae_rw_ratio=mae_rw_ratio,
        coverage80_ratio=0.7586,
        coverage95_ratio=0.9655,
        scored_count=29,
    )


def sample_refusal(needed: int = 201, present: int = 40) -> Refusal:
    """Return the refusal of a symbol with too little history."""
    return Refusal(
        slug="insufficient-history",
        detail=f"DEMO has {present} sessions and {needed} are needed: {needed - present} are missing.",
        needed_sessions=needed,
        present_sessions=present,
    )


def sample_material(
    *,
    symbol: str = "DEMO",
    run: CompletedRun | Refusal | None = None,
    forecast: IssuedForecast | Refusal | None = None,
    backfilled: ScoredForecast | Refusal | None = None,
) -> ReportMaterial:
    """Return whole material, with any part replaced."""
    return ReportMaterial(
        symbol=symbol,
        run=run or sample_run(),
        forecast=forecast or sample_forecast(),
        backfilled=backfilled or sample_record(),
        coverage=Coverage(
            first_session=SESSIONS[0],
            last_session=SESSIONS[SESSION_COUNT - 1],
            session_count=SESSION_COUNT,
            gaps=(
                Gap(first_session=date(2015, 7, 16), last_session=date(2015, 7, 16), session_count=1),
                Gap(first_session=date(2016, 3, 1), last_session=date(2016, 3, 8), session_count=6),
            ),
            sources=(
                Source(
                    provider="bundled",
                    attribution="made up by a formula (public domain); no market has seen these prices",
                    session_count=SESSION_COUNT,
                    last_session=SESSIONS[SESSION_COUNT - 1],
                    notes=("the source lacks the dividend of 0.63 on 2017-08-10",),
                    first_noted_session=SESSIONS[0],
                    last_noted_session=SESSIONS[SESSION_COUNT - 2],
                    is_sample=True,
                ),
            ),
        ),
        provenance=Provenance(
            data_cut={symbol: 1},
            calendar="XNYS",
            calendar_version="exchange-calendars 4.13.2",
            engine_version="kernel/1",
            metrics_version="metrics/1",
            model_sha256=SHA256,
        ),
    )


def _trade(entry: int, leave: int, equity: Sequence[float]) -> Trade:
    bought, sold = close(entry - 1), close(leave - 1)
    shares = math.floor(equity[entry - 1] / bought)
    return Trade(
        entry_session=SESSIONS[entry],
        exit_session=SESSIONS[leave],
        shares=shares,
        entry_price=bought,
        exit_price=sold,
        pnl=shares * (sold - bought),
        return_ratio=sold / bought - 1,
        dividends=shares * 0.07,
    )
