"""Figures of one equity curve: growth, risk, return for risk, drawdown."""

from math import sqrt

import numpy as np

from services.analytics.kernel.arrays import DateArray, FloatArray
from services.analytics.kernel.metrics.sharpe import ZERO_DISPERSION, SharpeMoments, probabilistic_sharpe
from services.analytics.kernel.metrics.sums import DrawdownSums, ReturnSums, drawdown_sums, return_sums
from services.analytics.kernel.metrics.value import Metrics, MetricValue, defined, undefined
from services.analytics.kernel.metrics.year import Year

CALENDAR_DAYS_PER_YEAR = 365.25
MINIMUM_SESSIONS = 20

RUINED = "equity fell to zero or below, so returns after that are undefined"
TOO_FEW_RETURNS = "needs at least 2 sessions"
NO_DISPERSION = "the returns do not vary"
NO_DATES = "the curve has no dates"
NOT_RECOVERED = "not recovered by the last session"


def curve_metrics(
    equity: FloatArray, dates: DateArray | None, *, year: Year, minimum_sessions: int = MINIMUM_SESSIONS
) -> Metrics:
    """Return growth, risk and drawdown figures.

    equity (n + 1,) money, n >= 1, equity[0] > 0 the opening capital; dates (n + 1,) datetime64[D]; no NaN in
    either. Annual growth is undefined below `minimum_sessions` sessions, figures of calendar days without
    dates.
    Source: spec metrics/1, table 5.2; agrees with empyrical to 1e-12 where it has the figure.
    """
    sessions = len(equity) - 1
    growth = _growth_metrics(equity, dates, year=year, minimum_sessions=minimum_sessions)
    return (
        growth
        | _risk_metrics(returns_summed(equity, year=year), sessions=sessions, year=year)
        | _drawdown_metrics(drawdowns_summed(equity, dates), sessions, dates is not None, growth["cagr"])
    )


def returns_summed(equity: FloatArray, *, year: Year) -> ReturnSums:
    """Return what the figures of risk are made of; arguments as in `curve_metrics`."""
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is reported as undefined
        return return_sums(equity, year.risk_free_per_period)


def drawdowns_summed(equity: FloatArray, dates: DateArray | None) -> DrawdownSums:
    """Return what the figures of drawdown are made of; arguments as in `curve_metrics`."""
    if dates is None:
        return drawdown_sums(equity, np.empty(0, dtype=np.int64))
    return drawdown_sums(equity, np.ascontiguousarray(dates, dtype="datetime64[D]").view(np.int64))


def period_returns(equity: FloatArray) -> FloatArray:
    """Return (n,) simple returns of (n + 1,) equity, which must be positive before its last element."""
    return np.asarray(equity[1:] / equity[:-1] - 1.0, dtype=np.float64)


def _growth_metrics(
    equity: FloatArray, dates: DateArray | None, *, year: Year, minimum_sessions: int
) -> Metrics:
    """Return total_return, cagr on sessions and cagr_calendar on years of 365.25 days, all fractions.

    A curve that ends at or below zero has lost everything: cagr is -1.
    """
    first, last, sessions = float(equity[0]), float(equity[-1]), len(equity) - 1
    cagr = _annual_growth(first, last, year.periods / sessions, sessions, minimum_sessions)
    calendar = undefined(NO_DATES)
    if dates is not None:
        days = int((dates[-1] - dates[0]).astype(int))
        calendar = _annual_growth(first, last, CALENDAR_DAYS_PER_YEAR / days, sessions, minimum_sessions)
    return {"total_return": defined(last / first - 1.0), "cagr": cagr, "cagr_calendar": calendar}


def _annual_growth(
    first: float, last: float, years_ratio: float, sessions: int, minimum_sessions: int
) -> MetricValue:
    if sessions < minimum_sessions:
        return undefined(f"needs at least {minimum_sessions} sessions, there are {sessions}")
    if last <= 0:
        return defined(-1.0)
    try:
        return defined((last / first) ** years_ratio - 1.0)
    except OverflowError:
        return defined(np.inf)


def _risk_metrics(sums: ReturnSums, *, sessions: int, year: Year) -> Metrics:
    """Return volatility, Sharpe, its probability and Sortino: simple returns, ddof 1, MAR = risk-free rate.

    The Sortino deviation averages over all sessions, not over the losing ones alone as Lean and freqtrade do.
    """
    if sums.is_ruined or sessions < 2:
        names = ("annual_volatility", "sharpe", "probabilistic_sharpe", "sortino")
        return dict.fromkeys(names, undefined(RUINED if sums.is_ruined else TOO_FEW_RETURNS))
    root, deviation = sqrt(year.periods), sqrt(sums.m2 * (sessions / (sessions - 1)))
    downside = sqrt(sums.downside)
    varies = not deviation < ZERO_DISPERSION
    return {
        "annual_volatility": defined(deviation * root),
        "sharpe": defined(sums.mean / deviation * root) if varies else undefined(NO_DISPERSION),
        "probabilistic_sharpe": (
            defined(_probability_above_zero(sums, sums.mean / deviation, sessions))
            if varies
            else undefined(NO_DISPERSION)
        ),
        "sortino": (
            undefined("no session returned less than the risk-free rate")
            if downside < ZERO_DISPERSION
            else defined(sums.mean / downside * root)
        ),
    }


def _probability_above_zero(sums: ReturnSums, sharpe: float, sessions: int) -> float:
    moments = SharpeMoments(
        sharpe=float(sharpe),
        skewness=float(sums.m3 / sums.m2**1.5),
        kurtosis=float(sums.m4 / sums.m2**2),
        sessions=sessions,
    )
    return probabilistic_sharpe(moments)


def _drawdown_metrics(sums: DrawdownSums, sessions: int, has_dates: bool, cagr: MetricValue) -> Metrics:
    """Return max_drawdown (a fraction <= 0), the longest time under water, and calmar.

    The longest episode need not be the deepest; one that never recovered counts to the last date.
    """
    longest = sums.longest
    caution = NOT_RECOVERED if longest.end > sessions else None
    return {
        "max_drawdown": defined(sums.depth),
        "max_dd_duration_days": (
            defined(sums.longest_days, caution=caution) if has_dates else undefined(NO_DATES)
        ),
        "max_dd_duration_sessions": defined(min(longest.end, sessions) - longest.peak, caution=caution),
        "calmar": _calmar(cagr, sums.depth),
    }


def _calmar(cagr: MetricValue, depth: float) -> MetricValue:
    if cagr.value is None:
        return undefined(f"cagr is undefined: {cagr.reason}")
    if depth == 0:
        return undefined("equity never fell below its peak")
    return defined(cagr.value / abs(depth))
