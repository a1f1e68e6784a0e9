"""Figures of one equity curve: growth, risk, return for risk, drawdown."""

import numpy as np

from services.analytics.kernel.arrays import DateArray, FloatArray
from services.analytics.kernel.metrics.drawdowns import drawdown_ratios, drawdowns_of
from services.analytics.kernel.metrics.value import Metrics, MetricValue, defined, undefined
from services.analytics.kernel.metrics.year import Year

CALENDAR_DAYS_PER_YEAR = 365.25
MINIMUM_SESSIONS = 20
# Returns of a curve that grows by the same ratio each session differ by rounding, some 1e-16. A dispersion of
# that size is none; dividing by it would give a ratio of 1e15.
ZERO_DISPERSION = 1e-14

RUINED = "equity fell to zero or below, so returns after that are undefined"
TOO_FEW_RETURNS = "needs at least 2 sessions"
NO_DISPERSION = "the returns do not vary"


def curve_metrics(
    equity: FloatArray, dates: DateArray, *, year: Year, minimum_sessions: int = MINIMUM_SESSIONS
) -> Metrics:
    """Return growth, risk and drawdown figures.

    equity (n + 1,) money, n >= 1, equity[0] > 0 the opening capital; dates (n + 1,) datetime64[D]; no NaN in
    either. Annual growth is undefined below `minimum_sessions` sessions.
    Source: spec metrics/1, table 5.2; agrees with empyrical to 1e-12 where it has the figure.
    """
    with np.errstate(over="ignore"):  # what overflows is reported as undefined
        growth = growth_metrics(equity, dates, year=year, minimum_sessions=minimum_sessions)
        return growth | risk_metrics(equity, year=year) | drawdown_metrics(equity, dates, cagr=growth["cagr"])


def growth_metrics(equity: FloatArray, dates: DateArray, *, year: Year, minimum_sessions: int) -> Metrics:
    """Return total_return, cagr on sessions and cagr_calendar on years of 365.25 days, all fractions.

    Arguments as in `curve_metrics`. A curve that ends at or below zero has lost everything: cagr is -1.
    """
    sessions = len(equity) - 1
    days = (dates[-1] - dates[0]).astype(int)
    return {
        "total_return": defined(equity[-1] / equity[0] - 1.0),
        "cagr": _annual_growth(equity, year.periods / sessions, sessions, minimum_sessions),
        "cagr_calendar": _annual_growth(equity, CALENDAR_DAYS_PER_YEAR / days, sessions, minimum_sessions),
    }


def risk_metrics(equity: FloatArray, *, year: Year) -> Metrics:
    """Return annual_volatility, sharpe and sortino from simple returns, ddof 1, MAR = risk-free rate.

    Arguments as in `curve_metrics`. The Sortino deviation averages over all sessions, not over the losing
    ones alone as Lean and freqtrade do.
    """
    names = ("annual_volatility", "sharpe", "sortino")
    if np.any(equity[:-1] <= 0):
        return dict.fromkeys(names, undefined(RUINED))
    if len(equity) < 3:
        return dict.fromkeys(names, undefined(TOO_FEW_RETURNS))
    returns = period_returns(equity)
    excess = returns - year.risk_free_per_period
    deviation = np.std(excess, ddof=1)
    downside = np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2))
    return {
        "annual_volatility": defined(np.std(returns, ddof=1) * np.sqrt(year.periods)),
        "sharpe": _annual_ratio(excess, deviation, year, otherwise=NO_DISPERSION),
        "sortino": _annual_ratio(
            excess, downside, year, otherwise="no session returned less than the risk-free rate"
        ),
    }


def drawdown_metrics(equity: FloatArray, dates: DateArray, *, cagr: MetricValue) -> Metrics:
    """Return max_drawdown (a fraction <= 0), the longest time under water, and calmar.

    Arguments as in `curve_metrics`. The longest episode need not be the deepest; one that never recovered
    counts to the last date.
    """
    episodes = drawdowns_of(equity, dates)
    deepest = float(np.min(drawdown_ratios(equity)))
    return {
        "max_drawdown": defined(deepest),
        "max_dd_duration_days": defined(max((e.days for e in episodes), default=0)),
        "max_dd_duration_sessions": defined(max((e.sessions for e in episodes), default=0)),
        "calmar": _calmar(cagr, deepest),
    }


def period_returns(equity: FloatArray) -> FloatArray:
    """Return (n,) simple returns of (n + 1,) equity, which must be positive before its last element."""
    return np.asarray(equity[1:] / equity[:-1] - 1.0, dtype=np.float64)


def _annual_growth(
    equity: FloatArray, periods_ratio: float, sessions: int, minimum_sessions: int
) -> MetricValue:
    if sessions < minimum_sessions:
        return undefined(f"needs at least {minimum_sessions} sessions, there are {sessions}")
    if equity[-1] <= 0:
        return defined(-1.0)
    return defined((equity[-1] / equity[0]) ** periods_ratio - 1.0)


def _annual_ratio(excess: FloatArray, deviation: float, year: Year, *, otherwise: str) -> MetricValue:
    if deviation < ZERO_DISPERSION:
        return undefined(otherwise)
    return defined(np.mean(excess) / deviation * np.sqrt(year.periods))


def _calmar(cagr: MetricValue, deepest: float) -> MetricValue:
    if cagr.value is None:
        return undefined(f"cagr is undefined: {cagr.reason}")
    if deepest == 0:
        return undefined("equity never fell below its peak")
    return defined(cagr.value / abs(deepest))
