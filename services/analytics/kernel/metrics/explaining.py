"""How one figure of a run came about: its formula, what went into it, and from how many sessions or trades."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan, sqrt
from typing import Any, Final

from services.analytics.kernel.metrics import measure
from services.analytics.kernel.metrics.curve import drawdowns_summed, returns_summed
from services.analytics.kernel.metrics.definitions import DEFINITIONS, MetricDefinition
from services.analytics.kernel.metrics.drawdowns import Drawdown, episode_of
from services.analytics.kernel.metrics.sums import Episode, exposure_sums, pair_sums, trade_sums
from services.analytics.kernel.metrics.value import MetricValue
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.simulation import Simulation
from shared.errors import NotFound

type Inputs = dict[str, Any]

_BY_NAME: Final = {definition.name: definition for definition in DEFINITIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One figure with the numbers its formula names.

    `inputs` are JSON-safe: numbers, ISO dates and flags, by the names of the formula; those that a figure
    without a value lacks are left out. `n` counts the sessions or, for figures of trades, the closed trades.
    """

    definition: MetricDefinition
    figure: MetricValue
    inputs: Mapping[str, Any]
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    simulation: Simulation
    benchmark: Simulation | None
    year: Year
    figures: Mapping[str, MetricValue]

    @property
    def sessions(self) -> int:
        return len(self.simulation.equity) - 1


def explain(name: str, simulation: Simulation, *, benchmark: Simulation | None, year: Year) -> Explanation:
    """Explain one figure of `measure(simulation, benchmark=benchmark, year=year)`.

    Raises NotFound listing the permitted names.
    """
    if name not in _BY_NAME:
        raise NotFound(
            f"There is no metric {name!r}; permitted are {', '.join(_BY_NAME)}.", permitted=list(_BY_NAME)
        )
    figures = measure(simulation, benchmark=benchmark, year=year)
    account = _Account(simulation=simulation, benchmark=benchmark, year=year, figures=figures)
    is_of_trades = _INPUTS[name] is _trade_inputs
    return Explanation(
        definition=_BY_NAME[name],
        figure=figures[name],
        inputs=_INPUTS[name](account),
        n=len(simulation.trade_columns) if is_of_trades else account.sessions,
    )


def _growth_inputs(account: _Account) -> Inputs:
    equity, dates = account.simulation.equity, account.simulation.dates
    return {
        "E[0]": float(equity[0]),
        "E[n]": float(equity[-1]),
        "P": account.year.periods,
        "first_date": dates[0].item().isoformat(),
        "last_date": dates[-1].item().isoformat(),
        "calendar_days": int((dates[-1] - dates[0]).astype(int)),
    }


def _return_inputs(account: _Account) -> Inputs:
    year, n = account.year, account.sessions
    inputs: Inputs = {"P": year.periods, "rf": year.risk_free, "rf_p": year.risk_free_per_period}
    sums = returns_summed(account.simulation.equity, year=year)
    if sums.is_ruined or n < 2:
        return inputs
    inputs |= {
        "mean(x)": float(sums.mean),
        "std(x, ddof 1)": sqrt(sums.m2 * n / (n - 1)),
        "sqrt(mean(min(x, 0)^2))": sqrt(sums.downside),
    }
    if account.figures["sharpe"].value is not None:
        inputs |= {"g3": float(sums.m3 / sums.m2**1.5), "g4": float(sums.m4 / sums.m2**2)}
    return inputs


def _drawdown_inputs(account: _Account) -> Inputs:
    sums = drawdowns_summed(account.simulation.equity, account.simulation.dates)
    return {
        "deepest": _shown(account, sums.deepest) if sums.depth else None,
        "longest": _shown(account, sums.longest) if sums.depth else None,
        "cagr": account.figures["cagr"].value,
    }


def _shown(account: _Account, found: Episode) -> Inputs:
    drawdown: Drawdown = episode_of(account.simulation.equity, account.simulation.dates, found)
    return {
        "peak_date": drawdown.peak_date.isoformat(),
        "trough_date": drawdown.trough_date.isoformat(),
        "end_date": drawdown.end_date.isoformat(),
        "recovered": drawdown.recovered,
        "depth_ratio": drawdown.depth_ratio,
        "days": drawdown.days,
        "sessions": drawdown.sessions,
    }


def _relative_inputs(account: _Account) -> Inputs:
    year, benchmark = account.year, account.benchmark
    inputs: Inputs = {"P": year.periods, "rf_p": year.risk_free_per_period}
    if benchmark is None or account.figures["beta"].value is None:
        return inputs
    sums = pair_sums(account.simulation.equity, benchmark.equity, year.risk_free_per_period)
    return inputs | {
        "mean(x)": float(sums.mean_x),
        "mean(y)": float(sums.mean_y),
        "cov(x, y)": float(sums.covariance),
        "var(y)": float(sums.variance_y),
        "beta": account.figures["beta"].value,
    }


def _trade_inputs(account: _Account) -> Inputs:
    trades = account.simulation.trade_columns
    if not len(trades):
        return {"closed_trades": 0}
    sums = trade_sums(trades.pnl, trades.return_ratio, trades.initial_risk)
    return {
        "closed_trades": len(trades),
        "count(pnl > 0)": int(sums.wins),
        "count(pnl < 0)": int(sums.losses),
        "sum(pnl > 0)": float(sums.won),
        "sum(pnl < 0)": -float(sums.lost),
        "mean(pnl)": float(sums.mean),
        "std(pnl, ddof 1)": float(sums.deviation),
        "mean(pnl / cost)": float(sums.mean_return),
        "trades_with_a_stop": int((trades.initial_risk > 0).sum()),
    } | ({} if isnan(sums.risk_multiple) else {"mean(pnl / initial risk)": float(sums.risk_multiple)})


def _exposure_inputs(account: _Account) -> Inputs:
    simulation = account.simulation
    held, exposure = exposure_sums(
        simulation.equity,
        simulation.stops,
        simulation.shares_from,
        simulation.closes,
        simulation.fill_columns.session,
    )
    is_defined = account.figures["mean_gross_exposure"].value is not None
    return {"sessions_held": int(held)} | ({"sum(value / E)": float(exposure)} if is_defined else {})


def _cash_inputs(account: _Account) -> Inputs:
    simulation = account.simulation
    return {
        "fills": len(simulation.fill_columns),
        "sum(commission)": simulation.fees_total,
        "sum(dividends)": simulation.dividends_total,
        "dividend_credits": int((simulation.incomes != 0).sum()),
    }


_INPUTS: Final[dict[str, Callable[[_Account], Inputs]]] = {
    **dict.fromkeys(("total_return", "cagr", "cagr_calendar"), _growth_inputs),
    **dict.fromkeys(("annual_volatility", "sharpe", "probabilistic_sharpe", "sortino"), _return_inputs),
    **dict.fromkeys(
        ("max_drawdown", "max_dd_duration_days", "max_dd_duration_sessions", "calmar"), _drawdown_inputs
    ),
    **dict.fromkeys(("exposure_time", "mean_gross_exposure"), _exposure_inputs),
    **dict.fromkeys(("beta", "alpha"), _relative_inputs),
    **dict.fromkeys(("trade_count", "win_rate", "profit_factor", "payoff", "expectancy"), _trade_inputs),
    **dict.fromkeys(("expectancy_pct", "expectancy_r", "sqn"), _trade_inputs),
    **dict.fromkeys(("fees_paid", "dividends"), _cash_inputs),
}
