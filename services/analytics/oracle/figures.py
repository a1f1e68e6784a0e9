"""Measures a bare curve by metrics/1 for anyone who asks with JSON; pure."""

from typing import Any, Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.backtest import MAXIMUM_RATE, MINIMUM_RATE
from services.analytics.kernel.engine import SESSIONS_PER_YEAR
from services.analytics.kernel.metrics import METRICS_VERSION, Metrics, Year, measure_curve
from services.analytics.kernel.metrics.curve import MINIMUM_SESSIONS
from services.analytics.oracle.reading import Errors, Members, read_body

MAXIMUM_PERIODS: Final = 1_000_000
# Of a curve smaller values than this are none: fourth powers of what is left stay far from overflow.
MINIMUM_EQUITY: Final = 1e-9
_KNOWN = (
    *("equity", "benchmark", "trade_pnl", "periods_per_year", "risk_free"),
    *("dates", "minimum_sessions"),
)


def measured(body: bytes) -> dict[str, Any]:
    """Return every figure of metrics/1 of the curve that the JSON holds; `bellwether metrics --help` tells its members.

    Raises ValidationFailed naming every wrong member.
    """
    errors = Errors()
    given = Members(read_body(body), errors, place="", known=_KNOWN)
    given.require("equity")
    equity = given.amounts("equity", least=2, smallest=MINIMUM_EQUITY)
    benchmark = given.amounts("benchmark", least=2, smallest=MINIMUM_EQUITY)
    dates = given.dates("dates", least=2)
    trade_pnl = given.amounts("trade_pnl", least=0)
    year = year_of(given)
    minimum = given.whole("minimum_sessions", minimum=1, maximum=MINIMUM_SESSIONS, default=MINIMUM_SESSIONS)
    for name, curve in (("equity", equity), ("benchmark", benchmark)):
        _check_opening(name, curve, errors)
    for name, column in (("benchmark", benchmark), ("dates", dates)):
        if equity is not None and column is not None and len(column) != len(equity):
            detail = f"This has {len(column)} elements and equity has {len(equity)}."
            errors.add(name, detail, code="wrong_length")
    errors.refuse()
    assert equity is not None and year is not None
    with np.errstate(all="ignore"):  # what cannot be represented is reported as undefined
        figures = measure_curve(
            equity, year=year, dates=dates, benchmark=benchmark, trade_pnl=trade_pnl, minimum_sessions=minimum
        )
    return {
        "metrics_version": METRICS_VERSION,
        "sessions": len(equity) - 1,
        "periods_per_year": year.periods,
        "risk_free": year.risk_free,
        **shown(figures),
    }


def year_of(given: Members) -> Year | None:
    """Return the conventions of annual figures, None where they are wrong."""
    periods = given.whole("periods_per_year", minimum=1, maximum=MAXIMUM_PERIODS, default=SESSIONS_PER_YEAR)
    risk_free = given.number("risk_free", minimum=MINIMUM_RATE, maximum=MAXIMUM_RATE, default=0.0)
    return None if periods is None or risk_free is None else Year(periods=periods, risk_free=risk_free)


def shown(figures: Metrics) -> dict[str, dict[str, Any]]:
    """Return each figure or null, why those are null, and what to know about those that are weak."""
    return {
        "metrics": {name: figure.value for name, figure in figures.items()},
        "reasons": {name: figure.reason for name, figure in figures.items() if figure.reason},
        "cautions": {name: figure.caution for name, figure in figures.items() if figure.caution},
    }


def _check_opening(name: str, curve: FloatArray | None, errors: Errors) -> None:
    if curve is not None and curve[0] <= 0:
        errors.add(f"{name}[0]", "A curve opens above 0.", code="out_of_range")
