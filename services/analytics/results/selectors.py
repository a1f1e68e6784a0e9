"""What stands behind a finished run's figures: they are computed again, and nothing is stored."""

from services.analytics.backtests.domain import market_of, result_hash, run_inputs
from services.analytics.backtests.prices import index_market_of, prices_of
from services.analytics.backtests.selectors import Run
from services.analytics.backtests.services import inputs_of
from services.analytics.kernel.backtest import ENGINE_VERSION, METRICS_VERSION
from services.analytics.kernel.metrics import DEFINITIONS
from services.analytics.kernel.metrics.explaining import Explanation, explain
from services.analytics.kernel.strategies.registry import STRATEGIES
from shared.errors import BellwetherError, NotFound
from shared.pricing.calendar import session_before

_NAMES = tuple(definition.name for definition in DEFINITIONS)


class RunNotRepeatable(BellwetherError):
    """Raised when a run cannot be made again as it was: this release has another engine, metrics or strategy."""

    status, slug, title = 409, "backtest-not-repeatable", "The backtest was made by another release"


def explained(run: Run, metric: str) -> Explanation:
    """Return how one figure of a finished run came about, from the run made again on the prices that it had.

    Raises NotFound for an unknown metric, and RunNotRepeatable.
    """
    if metric not in _NAMES:
        raise NotFound(
            f"There is no metric {metric!r:.80}; permitted are {', '.join(_NAMES)}.", permitted=list(_NAMES)
        )
    rule = STRATEGIES.get(run.strategy)
    made_by = (run.engine_version, run.metrics_version, run.strategy_version)
    if rule is None or made_by != (ENGINE_VERSION, METRICS_VERSION, rule.version):
        raise RunNotRepeatable(
            f"Backtest {run.id} was made by {run.engine_version}, {run.metrics_version} and version"
            f" {run.strategy_version} of {run.strategy}. Make it again: POST /api/v1/backtests/{run.id}/rerun/."
        )
    inputs = inputs_of(run)
    bars = prices_of(inputs)
    opening = session_before("analytics", bars.sessions[0].item())
    market, index = market_of(inputs, bars, opening_date=opening), index_market_of(inputs, bars.sessions)
    result = run_inputs(inputs, market, index=index)
    if result_hash(result) != run.result_hash:
        raise RunNotRepeatable(f"Backtest {run.id}, made again, gives other numbers than it has.")
    return explain(metric, result.simulation, benchmark=result.compared_with, year=result.year)
