"""Measure by metrics/1: every figure finite, or undefined with a reason."""

from math import isnan

from services.analytics.kernel.arrays import DateArray, FloatArray
from services.analytics.kernel.metrics.curve import MINIMUM_SESSIONS, RUINED, curve_metrics
from services.analytics.kernel.metrics.definitions import DEFINITIONS, METRICS_VERSION
from services.analytics.kernel.metrics.relative import relative_metrics
from services.analytics.kernel.metrics.sums import exposure_sums
from services.analytics.kernel.metrics.trade_statistics import trade_metrics
from services.analytics.kernel.metrics.value import Metrics, MetricValue, defined, undefined
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.simulation import Simulation

__all__ = ["DEFINITIONS", "METRICS_VERSION", "MetricValue", "Metrics", "Year", "measure", "measure_curve"]

_NAMES = tuple(definition.name for definition in DEFINITIONS)
_ACCOUNT = ("exposure_time", "mean_gross_exposure", "fees_paid", "dividends")


def measure(simulation: Simulation, *, benchmark: Simulation | None, year: Year) -> Metrics:
    """Return every figure of `DEFINITIONS` by name, in that order.

    Without a benchmark only alpha and beta are undefined; one that is given covers the same sessions.
    """
    trades = simulation.trade_columns
    figures = (
        curve_metrics(simulation.equity, simulation.dates, year=year)
        | relative_metrics(simulation.equity, benchmark.equity if benchmark else None, year=year)
        | trade_metrics(trades.pnl, trades.return_ratio, trades.initial_risk)
        | _account_metrics(simulation)
    )
    return {name: figures[name] for name in _NAMES}


def measure_curve(
    equity: FloatArray,
    *,
    year: Year,
    dates: DateArray | None = None,
    benchmark: FloatArray | None = None,
    trade_pnl: FloatArray | None = None,
    minimum_sessions: int = MINIMUM_SESSIONS,
) -> Metrics:
    """Return every figure of `DEFINITIONS` that a bare curve has, in that order; the others are undefined.

    equity (n + 1,) money, n >= 1, equity[0] > 0 the opening capital; benchmark the same sessions; dates
    (n + 1,) datetime64[D]; trade_pnl (m,) money. No NaN in any.
    """
    figures = curve_metrics(equity, dates, year=year, minimum_sessions=minimum_sessions)
    figures |= relative_metrics(equity, benchmark, year=year)
    figures |= dict.fromkeys(_ACCOUNT, undefined("a curve does not tell what was held and paid"))
    if trade_pnl is not None:
        figures |= trade_metrics(trade_pnl, None)
    no_trades = undefined("no list of trades is given")
    return {name: figures.get(name, no_trades) for name in _NAMES}


def _account_metrics(simulation: Simulation) -> Metrics:
    held, exposure = exposure_sums(
        simulation.equity,
        simulation.stops,
        simulation.shares_from,
        simulation.closes,
        simulation.fill_columns.session,
    )
    sessions = len(simulation.equity) - 1
    return {
        "exposure_time": defined(held / sessions),
        "mean_gross_exposure": undefined(RUINED) if isnan(exposure) else defined(exposure / sessions),
        "fees_paid": defined(simulation.fees_total),
        "dividends": defined(simulation.dividends_total),
    }
