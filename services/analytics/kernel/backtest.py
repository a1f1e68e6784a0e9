"""The pure entry point of a backtest: prices, a strategy and costs in; everything a report needs out."""

from dataclasses import dataclass
from functools import cached_property

from services.analytics.kernel.costs import Costs, check_between
from services.analytics.kernel.engine import ENGINE_VERSION, SESSIONS_PER_YEAR, buy_and_hold, simulate
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import METRICS_VERSION, Metrics, Year, measure
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.simulation import Simulation
from services.analytics.kernel.strategies.base import Parameters, Strategy
from shared.errors import InsufficientHistory

__all__ = ["ENGINE_VERSION", "METRICS_VERSION", "SESSIONS_PER_YEAR", "BacktestResult", "run"]

MINIMUM_CAPITAL, MAXIMUM_CAPITAL = 1.0, 1e12
MINIMUM_RATE, MAXIMUM_RATE = -0.5, 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class BacktestResult:
    """One run: what the strategy and its benchmark did, measured, with all that is needed to repeat it."""

    engine_version: str
    metrics_version: str
    strategy_name: str
    strategy_version: int
    parameters: Parameters
    initial_capital: float
    costs: Costs
    execution: Execution
    year: Year
    simulation: Simulation
    benchmark: Simulation
    index: Simulation | None
    metrics: Metrics

    @property
    def compared_with(self) -> Simulation:
        """Return what alpha and beta are measured against: the index where one was given, else buy and hold."""
        return self.index or self.benchmark

    @cached_property
    def benchmark_metrics(self) -> Metrics:
        """Return what buy and hold comes to, against the index where one was given."""
        return measure(self.benchmark, benchmark=self.index, year=self.year)

    @cached_property
    def index_metrics(self) -> Metrics | None:
        """Return what the index comes to by itself."""
        return None if self.index is None else measure(self.index, benchmark=None, year=self.year)


def run[P: Parameters](
    market: MarketData,
    strategy: Strategy[P],
    parameters: P,
    *,
    initial_capital: float,
    costs: Costs,
    execution: Execution | None = None,
    risk_free: float = 0.0,
    periods_per_year: int = SESSIONS_PER_YEAR,
    index: MarketData | None = None,
) -> BacktestResult:
    """Backtest one strategy on one instrument, against buy and hold from the same date with the same costs.

    initial_capital in money, risk_free the annual effective rate as a fraction, periods_per_year how many
    sessions make a year. An index covers the same sessions and is bought and held likewise; alpha and beta are
    then measured against it. Raises InsufficientHistory with fewer sessions than the first fill needs, and
    InvalidParameter for an absurd capital or rate.
    """
    check_between(MINIMUM_CAPITAL, initial_capital, MAXIMUM_CAPITAL, field="initial_capital")
    check_between(MINIMUM_RATE, risk_free, MAXIMUM_RATE, field="risk_free")
    _check_history(market, needed_sessions=strategy.warm_up_sessions(parameters) + 1)
    execution = execution or Execution()
    simulation = simulate(
        market,
        strategy.decide(market.series, parameters),
        initial_capital=initial_capital,
        costs=costs,
        execution=execution,
        periods_per_year=periods_per_year,
    )
    benchmark = buy_and_hold(
        market, initial_capital=initial_capital, costs=costs, whole_shares=execution.whole_shares
    )
    # An index level is no price of a share: whole ones might be too dear for the capital.
    held = (
        None
        if index is None
        else buy_and_hold(index, initial_capital=initial_capital, costs=costs, whole_shares=False)
    )
    year = Year(periods=periods_per_year, risk_free=risk_free)
    return BacktestResult(
        engine_version=ENGINE_VERSION,
        metrics_version=METRICS_VERSION,
        strategy_name=strategy.name,
        strategy_version=strategy.version,
        parameters=parameters,
        initial_capital=initial_capital,
        costs=costs,
        execution=execution,
        year=year,
        simulation=simulation,
        benchmark=benchmark,
        index=held,
        metrics=measure(simulation, benchmark=held or benchmark, year=year),
    )


def _check_history(market: MarketData, *, needed_sessions: int) -> None:
    if len(market) < needed_sessions:
        raise InsufficientHistory(
            symbol=market.symbol, needed_sessions=needed_sessions, present_sessions=len(market)
        )
