"""Makes a run again on the newest prices."""

from dataclasses import replace

from services.analytics.backtests.domain import Inputs, needed_sessions
from services.analytics.backtests.prices import renewed
from services.analytics.backtests.selectors import Run
from services.analytics.backtests.services import inputs_of
from services.analytics.kernel.strategies.registry import strategy_named


def inputs_on_newest_prices(run: Run) -> Inputs:
    """Return what a run was asked for with, on the newest version of its prices and of its strategy.

    Raises NoPrices, and UnknownStrategy or InvalidParameter where this release does not take them any more.
    """
    asked = inputs_of(run)
    rule = strategy_named(asked.strategy)
    newest = replace(renewed(asked), strategy_version=rule.version)
    needed_sessions(newest)
    return newest
