"""What each figure of metrics/1 means: the one table that reports, API and documentation read."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

METRICS_VERSION: Final = "metrics/1"


class Unit(StrEnum):
    """How a value is to be read and shown."""

    RATIO = "ratio"  # a fraction: 0.052 is shown as 5.2 %
    PERCENT = "percent"  # already times 100: 5.2 is shown as 5.2 %
    NUMBER = "number"  # a pure number
    MONEY = "money"  # in the currency of the prices
    COUNT = "count"
    DAYS = "days"  # calendar days
    SESSIONS = "sessions"


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """Name in JSON, label for people, unit, and the formula in one line with when it is undefined."""

    name: str
    label: str
    unit: Unit
    formula: str


# E[0] is the opening capital dated the session before the first bar, r = E[t] / E[t-1] - 1 over n sessions,
# P sessions a year, x = r - rf_p with rf_p = (1 + rf)^(1/P) - 1, y the same of the benchmark.
DEFINITIONS: Final = (
    MetricDefinition("total_return", "Total return", Unit.RATIO, "E[n] / E[0] - 1"),
    MetricDefinition(
        "cagr", "Annual growth", Unit.RATIO, "(E[n] / E[0])^(P / n) - 1; -1 if E[n] <= 0; undefined if n < 20"
    ),
    MetricDefinition(
        "cagr_calendar",
        "Annual growth, calendar",
        Unit.RATIO,
        "(E[n] / E[0])^(365.25 / calendar days) - 1; -1 if E[n] <= 0; undefined if n < 20",
    ),
    MetricDefinition("annual_volatility", "Annual volatility", Unit.RATIO, "std(r, ddof 1) * sqrt(P)"),
    MetricDefinition(
        "sharpe",
        "Sharpe ratio",
        Unit.NUMBER,
        "mean(x) / std(x, ddof 1) * sqrt(P); undefined if n < 2 or the returns do not vary",
    ),
    MetricDefinition(
        "probabilistic_sharpe",
        "Probability that the Sharpe ratio is above 0",
        Unit.RATIO,
        "normal cdf of SR / sqrt((1 - g3 * SR + (g4 - 1) / 4 * SR^2) / (n - 1)), SR = mean(x) / std(x, ddof 1), "
        "g3 skewness, g4 raw kurtosis of x; undefined as sharpe",
    ),
    MetricDefinition(
        "sortino",
        "Sortino ratio",
        Unit.NUMBER,
        "mean(x) * P / (sqrt(mean(min(x, 0)^2)) * sqrt(P)), over all n; undefined if no x < 0",
    ),
    MetricDefinition(
        "max_drawdown", "Maximum drawdown", Unit.RATIO, "min over t of E[t] / max(E[0..t]) - 1; never above 0"
    ),
    MetricDefinition(
        "max_dd_duration_days",
        "Longest drawdown, days",
        Unit.DAYS,
        "longest of last peak date to first date back at the peak, or to the last date; calendar days",
    ),
    MetricDefinition(
        "max_dd_duration_sessions",
        "Longest drawdown, sessions",
        Unit.SESSIONS,
        "longest of last peak date to first date back at the peak, or to the last date; sessions",
    ),
    MetricDefinition(
        "calmar", "Calmar ratio", Unit.NUMBER, "cagr / |max_drawdown|; undefined if there is no drawdown"
    ),
    MetricDefinition(
        "exposure_time", "Time in the market", Unit.RATIO, "sessions with a position at some time in them / n"
    ),
    MetricDefinition(
        "mean_gross_exposure",
        "Mean gross exposure",
        Unit.RATIO,
        "mean over n of value of the position at the close / E[t]; undefined if any E[t] <= 0",
    ),
    MetricDefinition("beta", "Beta", Unit.NUMBER, "cov(x, y) / var(y), ddof 1"),
    MetricDefinition("alpha", "Alpha, annual", Unit.RATIO, "(1 + mean(x - beta * y))^P - 1"),
    MetricDefinition("trade_count", "Closed trades", Unit.COUNT, "positions entered and left again"),
    MetricDefinition(
        "win_rate", "Winning trades", Unit.RATIO, "count(pnl > 0) / closed trades; pnl net of both fees"
    ),
    MetricDefinition(
        "profit_factor",
        "Profit factor",
        Unit.NUMBER,
        "sum(pnl > 0) / |sum(pnl < 0)|, money; undefined if no loss",
    ),
    MetricDefinition(
        "payoff",
        "Payoff ratio",
        Unit.NUMBER,
        "mean(pnl > 0) / |mean(pnl < 0)|; undefined if no win or no loss",
    ),
    MetricDefinition("expectancy", "Mean result per trade", Unit.MONEY, "mean(pnl)"),
    MetricDefinition(
        "expectancy_pct",
        "Mean return per trade",
        Unit.PERCENT,
        "100 * mean(pnl / cost of the entry with its fee)",
    ),
    MetricDefinition(
        "expectancy_r",
        "Mean result in initial risk",
        Unit.NUMBER,
        "mean(pnl / initial risk); undefined unless every trade had a stop",
    ),
    MetricDefinition(
        "sqn",
        "System quality number",
        Unit.NUMBER,
        "sqrt(N) * mean(pnl) / std(pnl, ddof 1); undefined if N < 2, weak if N < 30",
    ),
    MetricDefinition(
        "fees_paid", "Commissions paid", Unit.MONEY, "sum of all commissions, of open trades too"
    ),
    MetricDefinition(
        "dividends", "Dividends received", Unit.MONEY, "sum of shares held * dividend on each ex-date"
    ),
)
