"""The document's section on a completed backtest."""

from typing import Any

from services.reports.documents.material import CompletedRun, Metric, OpenPosition, PendingOrder, Trade
from services.reports.documents.series import days, require_equal_lengths
from services.reports.documents.wording import (
    backtest_verdict,
    counted,
    measure,
    number,
    percent,
    plain_text,
    price,
    quantity,
    span,
)
from shared.runs.findings import Finding, findings_of, verdict_on
from shared.runs.options import chosen_options, costs_text

HEADLINE = {
    "total_return": "Total return",
    "cagr": "Return a year",
    "max_drawdown": "Worst drawdown",
    "sharpe": "Sharpe ratio",
}
# A gain and a loss are told apart by the sign; rates that cannot be negative have none.
_SIGNED = {"total_return", "cagr", "cagr_calendar", "alpha", "expectancy", "expectancy_pct"}


def run_section(run: CompletedRun) -> dict[str, Any]:
    """Return the section of a run.

    Raises `ValueError` for series of unequal length and `KeyError` for an unknown unit or no total return.
    """
    require_equal_lengths(run.sessions, run.equity, run.benchmark_equity, run.drawdown_ratio)
    metrics = [_metric(metric) for metric in run.metrics]
    by_name = {metric["name"]: metric for metric in metrics}
    total = by_name["total_return"]
    tested = run.sessions[1:]  # the first point is the opening capital, at the session before
    days_tested = span(tested[0], tested[-1])
    return {
        "state": "completed",
        "verdict": backtest_verdict(
            total=total["value"],
            benchmark=total["benchmark_value"],
            trade_count=len(run.trades),
            is_open=run.open_position is not None,
            session_count=len(tested),
        )
        + f" Tested {days_tested}.",
        "luck": _finding(verdict_on(run.truth)),
        "tested": f"{days_tested}, {counted(len(tested), 'session')}",
        "headline": [
            {"label": label, "text": by_name[name]["text"], "benchmark_text": by_name[name]["benchmark_text"]}
            for name, label in HEADLINE.items()
            if name in by_name
        ],
        "setup": _setup(run),
        "truth": run.truth,
        "findings": list(map(_finding, findings_of(run.truth, initial_capital=float(run.initial_capital)))),
        "metrics": metrics,
        "series": {
            "sessions": days(run.sessions),
            "equity": list(run.equity),
            "benchmark_equity": list(run.benchmark_equity),
            "drawdown_ratio": list(run.drawdown_ratio),
        },
        "trade_count": len(run.trades),
        "trades": [_trade(trade) for trade in run.trades],
        "open_position": _open_position(run.open_position),
        "pending_order": _pending_order(run.pending_order),
    }


def _setup(run: CompletedRun) -> dict[str, Any]:
    return {
        "strategy": plain_text(run.strategy, limit=64),
        "strategy_version": run.strategy_version,
        "parameters": {
            plain_text(name, limit=40): plain_text(str(value), limit=40)
            for name, value in run.parameters.items()
        },
        "initial_capital": plain_text(run.initial_capital, limit=32),
        "initial_capital_text": number(float(run.initial_capital)),
        "commission_bps": plain_text(run.commission_bps, limit=16),
        "slippage_bps": plain_text(run.slippage_bps, limit=16),
        "costs_text": plain_text(
            costs_text(commission_bps=run.commission_bps, slippage_bps=run.slippage_bps, options=run.options)
        ),
        "options": dict(run.options),
        "options_text": [
            {"label": label, "text": plain_text(text)} for label, text in chosen_options(run.options)
        ],
        "basis": plain_text(run.basis, limit=32),
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "label": plain_text(found.label, limit=40),
        "text": plain_text(found.text, limit=400),
        "is_warning": found.is_warning,
    }


def _metric(metric: Metric) -> dict[str, Any]:
    signed = metric.name in _SIGNED
    reason, other = (text and plain_text(text) for text in (metric.reason, metric.benchmark_reason))
    return {
        "name": plain_text(metric.name, limit=40),
        "label": plain_text(metric.label, limit=48),
        "unit": metric.unit,
        "value": metric.value,
        "reason": reason,
        "benchmark_value": metric.benchmark_value,
        "benchmark_reason": other,
        # Each dash is explained once.
        "why_undefined": reason or (f"buy and hold: {other}" if other else ""),
        "text": measure(metric.value, metric.unit, signed=signed),
        "benchmark_text": measure(metric.benchmark_value, metric.unit, signed=signed),
    }


def _trade(trade: Trade) -> dict[str, Any]:
    entry, closing = trade.entry_session.isoformat(), trade.exit_session.isoformat()
    return {
        "entry_session": entry,
        "exit_session": closing,
        "shares": trade.shares,
        "entry_price": trade.entry_price,
        "exit_price": trade.exit_price,
        "pnl": trade.pnl,
        "return_ratio": trade.return_ratio,
        "dividends": trade.dividends,
        "text": [
            entry,
            closing,
            quantity(trade.shares),
            price(trade.entry_price),
            price(trade.exit_price),
            number(trade.pnl, signed=True),
            percent(trade.return_ratio, signed=True),
            number(trade.dividends),
        ],
    }


def _open_position(position: OpenPosition | None) -> dict[str, Any] | None:
    if position is None:
        return None
    return {
        "entry_session": position.entry_session.isoformat(),
        "shares": position.shares,
        "entry_price": position.entry_price,
        "last_price": position.last_price,
        "unrealised_pnl": position.unrealised_pnl,
        "dividends": position.dividends,
        "text": (
            f"Still open: {quantity(position.shares)} shares since {position.entry_session} at "
            f"{price(position.entry_price)}, now {price(position.last_price)}: "
            f"{number(position.unrealised_pnl, signed=True)} unrealised, "
            f"{number(position.dividends)} dividends."
        ),
    }


def _pending_order(order: PendingOrder | None) -> dict[str, Any] | None:
    if order is None:
        return None
    side = plain_text(order.side, limit=16)
    return {
        "side": side,
        "decided_session": order.decided_session.isoformat(),
        "text": f"Pending: {side} decided on {order.decided_session}, to be filled at the next open.",
    }
