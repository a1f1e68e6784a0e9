"""Measure a simulation by metrics/1: every figure finite, or undefined with a reason."""

import numpy as np

from services.analytics.kernel.metrics.curve import RUINED, curve_metrics
from services.analytics.kernel.metrics.definitions import DEFINITIONS, METRICS_VERSION
from services.analytics.kernel.metrics.relative import relative_metrics
from services.analytics.kernel.metrics.trade_statistics import trade_metrics
from services.analytics.kernel.metrics.value import Metrics, MetricValue, defined, undefined
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.simulation import Simulation

__all__ = ["DEFINITIONS", "METRICS_VERSION", "MetricValue", "Metrics", "Year", "measure"]


def measure(simulation: Simulation, *, benchmark: Simulation | None, year: Year) -> Metrics:
    """Return every figure of `DEFINITIONS` by name, in that order.

    Without a benchmark only alpha and beta are undefined; one that is given covers the same sessions.
    """
    figures = (
        curve_metrics(simulation.equity, simulation.dates, year=year)
        | relative_metrics(simulation.equity, benchmark.equity if benchmark else None, year=year)
        | trade_metrics(
            np.array([trade.pnl for trade in simulation.trades]),
            np.array([trade.return_ratio for trade in simulation.trades]),
        )
        | _account_metrics(simulation)
    )
    return {definition.name: figures[definition.name] for definition in DEFINITIONS}


def _account_metrics(simulation: Simulation) -> Metrics:
    return {
        "exposure_time": defined(np.mean(simulation.held)),
        "mean_gross_exposure": _mean_gross_exposure(simulation),
        "fees_paid": defined(simulation.fees_total),
        "dividends": defined(simulation.dividends_total),
    }


def _mean_gross_exposure(simulation: Simulation) -> MetricValue:
    equity = simulation.equity[1:]
    if np.any(equity <= 0):
        return undefined(RUINED)
    return defined(np.mean((equity - simulation.cash) / equity))
