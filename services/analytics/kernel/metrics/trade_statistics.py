"""Figures of the closed trades; a position still open is in none of them."""

from math import isnan, sqrt

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.metrics.sums import TradeSums, trade_sums
from services.analytics.kernel.metrics.value import Metrics, MetricValue, defined, undefined

NO_TRADES = "no closed trades"
NO_LOSS = "no trade lost money"
NO_WIN = "no trade made money"
FEW_TRADES = 30

_AVERAGES = ("win_rate", "profit_factor", "payoff", "expectancy", "expectancy_pct", "expectancy_r", "sqn")


def trade_metrics(
    pnl: FloatArray, return_ratio: FloatArray | None, initial_risk: FloatArray | None = None
) -> Metrics:
    """Return the trade statistics.

    pnl (m,) money net of both fees, without dividends, no NaN; return_ratio (m,) fractions, None if unknown;
    initial_risk (m,) money at risk down to the stop of each trade, NaN where it had none, None if no trade
    had. m may be 0.
    Source: spec metrics/1, table 5.2. A trade with zero pnl counts as a trade but neither as win nor as loss.
    """
    count = len(pnl)
    if count == 0:
        return {"trade_count": defined(0), **{name: undefined(NO_TRADES) for name in _AVERAGES}}
    nothing = np.full(count, np.nan)
    sums = trade_sums(
        pnl,
        nothing if return_ratio is None else return_ratio,
        nothing if initial_risk is None else initial_risk,
    )
    return {
        "trade_count": defined(count),
        "win_rate": defined(sums.wins / count),
        "profit_factor": defined(sums.won / sums.lost) if sums.losses else undefined(NO_LOSS),
        "payoff": _payoff(sums),
        "expectancy": defined(sums.mean),
        "expectancy_pct": (
            undefined("the cost of the trades is not known")
            if return_ratio is None
            else defined(sums.mean_return * 100.0)
        ),
        "expectancy_r": (
            undefined("not every trade had a stop")
            if isnan(sums.risk_multiple)
            else defined(sums.risk_multiple)
        ),
        "sqn": _sqn(sums, count),
    }


def _payoff(sums: TradeSums) -> MetricValue:
    if not sums.wins:
        return undefined(NO_WIN)
    if not sums.losses:
        return undefined(NO_LOSS)
    return defined((sums.won / sums.wins) / (sums.lost / sums.losses))


def _sqn(sums: TradeSums, count: int) -> MetricValue:
    if count < 2:
        return undefined("needs at least 2 closed trades")
    if sums.deviation == 0:
        return undefined("all trades have the same result")
    caution = f"only {count} trades: below {FEW_TRADES} this figure says little"
    return defined(sqrt(count) * sums.mean / sums.deviation, caution=caution if count < FEW_TRADES else None)
