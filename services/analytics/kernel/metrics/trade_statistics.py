"""Figures of the closed trades; a position still open is in none of them."""

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.metrics.value import Metrics, MetricValue, defined, undefined

NO_TRADES = "no closed trades"
NO_LOSS = "no trade lost money"
FEW_TRADES = 30


def trade_metrics(
    pnl: FloatArray, return_ratio: FloatArray, initial_risk: FloatArray | None = None
) -> Metrics:
    """Return the trade statistics.

    pnl (m,) money net of both fees, without dividends; return_ratio (m,) fractions; initial_risk (m,) money
    at risk down to the stop of each trade, None unless every trade had a stop. No NaN; m may be 0.
    Source: spec metrics/1, table 5.2. A trade with zero pnl counts as a trade but neither as win nor as loss.
    """
    counts = {"trade_count": defined(len(pnl))}
    if len(pnl) == 0:
        names = ("win_rate", "profit_factor", "payoff", "expectancy", "expectancy_pct", "expectancy_r", "sqn")
        return counts | dict.fromkeys(names, undefined(NO_TRADES))
    wins, losses = pnl[pnl > 0], pnl[pnl < 0]
    return counts | {
        "win_rate": defined(len(wins) / len(pnl)),
        "profit_factor": defined(np.sum(wins) / -np.sum(losses)) if len(losses) else undefined(NO_LOSS),
        "payoff": _payoff(wins, losses),
        "expectancy": defined(np.mean(pnl)),
        "expectancy_pct": defined(np.mean(return_ratio) * 100.0),
        "expectancy_r": _expectancy_r(pnl, initial_risk),
        "sqn": _sqn(pnl),
    }


def _payoff(wins: FloatArray, losses: FloatArray) -> MetricValue:
    if len(wins) == 0:
        return undefined("no trade made money")
    if len(losses) == 0:
        return undefined(NO_LOSS)
    return defined(np.mean(wins) / -np.mean(losses))


def _expectancy_r(pnl: FloatArray, initial_risk: FloatArray | None) -> MetricValue:
    if initial_risk is None:
        return undefined("not every trade had a stop")
    return defined(np.mean(pnl / initial_risk))


def _sqn(pnl: FloatArray) -> MetricValue:
    if len(pnl) < 2:
        return undefined("needs at least 2 closed trades")
    if np.all(pnl == pnl[0]):
        return undefined("all trades have the same result")
    caution = f"only {len(pnl)} trades: below {FEW_TRADES} this figure says little"
    return defined(
        np.sqrt(len(pnl)) * np.mean(pnl) / np.std(pnl, ddof=1),
        caution=caution if len(pnl) < FEW_TRADES else None,
    )
