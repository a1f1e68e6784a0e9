"""The figures and curves of a run in the form that older programs draw."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from services.analytics.backtests.domain import market_of
from services.analytics.backtests.models import Run
from services.analytics.backtests.prices import prices_of
from services.analytics.backtests.selectors import equity_of, trades_of
from services.analytics.backtests.services import inputs_of
from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.indicators import sma

# Which parameters of a strategy are the windows of the simple averages that it compares.
_AVERAGES = {
    "sma_cross": ("fast_window", "slow_window"),
    "moving_average_dip": ("buy_window", "sell_window"),
}
_SIDES = {"long": ("buy_signals", "sell_signals"), "short": ("sell_signals", "buy_signals")}
_EPOCH = date(1970, 1, 1)
_DAY_MILLISECONDS = 86_400_000


def charts_of(run: Run) -> dict[str, Any]:
    """Return `metrics`, `price_chart` and `equity_chart` of a run that succeeded; undefined figures are None."""
    inputs = inputs_of(run)
    market = market_of(inputs, prices_of(inputs), opening_date=None)
    curves = equity_of(run.id)
    return {
        "metrics": _metrics(run),
        "price_chart": {
            "dates": _milliseconds(market.sessions.tolist()),
            "close": market.signal_close.tolist(),
            **_averages(run, market.signal_close),
            **_fills(run),
        },
        "equity_chart": {"dates": _milliseconds(curves.dates), "equity": curves.equity},
    }


def _metrics(run: Run) -> dict[str, Any]:
    found = {metric["name"]: metric["value"] for metric in run.metrics or ()}
    return {
        "total_return_pct": _percent(found["total_return"]),
        "cagr_pct": _percent(found["cagr"]),
        "sharpe": found["sharpe"],
        "max_drawdown_pct": _percent(found["max_drawdown"]),
        "trades": run.trade_count,
        "winrate_pct": _percent(found["win_rate"]),
    }


def _percent(value: float | None) -> float | None:
    return None if value is None else value * 100.0


def _averages(run: Run, close: FloatArray) -> dict[str, list[float | None]]:
    windows = [run.parameters[name] for name in _AVERAGES.get(run.strategy, ())]
    return {
        f"sma{number}": [None if np.isnan(value) else float(value) for value in sma(close, window)]
        for number, window in enumerate(windows, start=1)
    }


def _fills(run: Run) -> dict[str, list[dict[str, Any]]]:
    """Return buys and sells in order; a short position is entered by a sell."""
    found: dict[str, list[dict[str, Any]]] = {"buy_signals": [], "sell_signals": []}
    for trade in trades_of(run.id):
        opened, closed = _SIDES[trade.side]
        found[opened].append(_point(trade.entry_session, trade.entry_price))
        found[closed].append(_point(trade.exit_session, trade.exit_price))
    if run.open_position:
        opened, _ = _SIDES[run.open_position.get("side", "long")]
        day = date.fromisoformat(run.open_position["entry_session"])
        found[opened].append(_point(day, run.open_position["entry_price"]))
    return found


def _point(session: date, price: float) -> dict[str, Any]:
    return {"date": _milliseconds([session])[0], "price": price}


def _milliseconds(sessions: Sequence[date]) -> list[int]:
    return [(session - _EPOCH).days * _DAY_MILLISECONDS for session in sessions]
