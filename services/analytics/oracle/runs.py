"""Backtests bars that anyone brings as JSON, and shows the whole run; pure."""

from dataclasses import asdict
from typing import Any, Final

import numpy as np

from services.analytics.backtests.domain import MAXIMUM_SEED, result_hash
from services.analytics.backtests.evidence import examination_of
from services.analytics.kernel.backtest import MAXIMUM_CAPITAL, MINIMUM_CAPITAL, BacktestResult, run
from services.analytics.kernel.market import MarketData, later_splits
from services.analytics.kernel.metrics import Year
from services.analytics.kernel.simulation import Simulation
from services.analytics.kernel.strategies.base import Parameters, Strategy
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.analytics.oracle.figures import shown, year_of
from services.analytics.oracle.reading import MAXIMUM_LENGTH, Errors, Members, read_body
from services.analytics.oracle.terms import Terms, terms_of
from shared.contracts.codec import to_json

DEFAULT_CAPITAL: Final = 10_000.0
_PRICES = ("open", "high", "low", "close")
_COLUMNS = ("date", *_PRICES, "volume")
_ACTIONS = ("dividend", "split_ratio")
_KNOWN = (
    *("bars", "strategy", "parameters", "capital", "commission", "slippage", "sizing", "seed"),
    *("execution", "periods_per_year", "risk_free"),
)


def backtested(body: bytes) -> dict[str, Any]:
    """Return the run that the JSON asks for; `bellwether backtest --help` tells its members.

    Raises ValidationFailed naming every wrong member, and InsufficientHistory.
    """
    errors = Errors()
    given = Members(read_body(body), errors, place="", known=_KNOWN)
    given.require("bars", "strategy")
    market = _market_of(given, errors)
    chosen = _strategy_of(given, errors)
    capital = given.number(
        "capital", minimum=MINIMUM_CAPITAL, maximum=MAXIMUM_CAPITAL, default=DEFAULT_CAPITAL
    )
    terms, year = terms_of(given, errors), year_of(given)
    seed = given.whole("seed", minimum=0, maximum=MAXIMUM_SEED, default=0)
    errors.refuse()
    assert market is not None and chosen is not None and terms is not None and year is not None
    strategy, parameters = chosen
    with np.errstate(all="ignore"):  # what cannot be represented is reported as undefined
        result = run(
            market,
            strategy,
            parameters,
            initial_capital=capital,
            costs=terms.costs,
            execution=terms.execution,
            risk_free=year.risk_free,
            periods_per_year=year.periods,
        )
        truth = examination_of(result, market, seed=seed)
    return {**_inputs(result, terms, year, seed), **_outcome(result), "truth": truth}


def _market_of(given: Members, errors: Errors) -> MarketData | None:
    """Return the bars, given as an object of arrays or as an array of objects; None where they are wrong."""
    if "bars" not in given:
        return None
    before, value = len(errors.rows), given.get("bars")
    if isinstance(value, list):
        value = _as_columns(value, errors)
        if len(errors.rows) > before:
            return None
    bars = Members(value, errors, place="bars", known=(*_COLUMNS, *_ACTIONS))
    if isinstance(value, dict):
        bars.require(*_COLUMNS)
    dates = bars.dates("date", least=1)
    found = {name: bars.amounts(name, least=1) for name in (*_COLUMNS[1:], *_ACTIONS)}
    if len(errors.rows) > before or dates is None:
        return None
    columns = {name: column for name, column in found.items() if column is not None}
    columns.setdefault("dividend", np.zeros(len(dates)))
    columns.setdefault("split_ratio", np.ones(len(dates)))
    for name, column in columns.items():
        if len(column) != len(dates):
            detail = f"This has {len(column)} elements and date has {len(dates)}."
            errors.add(f"bars.{name}", detail, code="wrong_length")
    if len(errors.rows) == before:
        with errors.at("bars"), np.errstate(all="ignore"):
            signal_close = columns["close"] / later_splits(columns["split_ratio"])
            return MarketData(
                symbol="bars", sessions=dates, signal_close=signal_close, opening_date=None, **columns
            )
    return None


def _as_columns(rows: list[Any], errors: Errors) -> dict[str, list[Any]]:
    """Return rows as columns; every row has the members of the first."""
    if len(rows) > MAXIMUM_LENGTH or not rows:
        detail = f"This has {len(rows)} elements; 1 to {MAXIMUM_LENGTH:,} are taken."
        errors.add("bars", detail, code="wrong_length")
        return {}
    first = rows[0]
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != first.keys():
            errors.add(f"bars[{number}]", f"Give an object of {', '.join(_COLUMNS)}.", code="wrong_type")
            return {}
    return {name: [row[name] for row in rows] for name in first}


def _strategy_of(given: Members, errors: Errors) -> tuple[Strategy[Any], Parameters] | None:
    """Return the strategy and its parameters, each of which is checked by itself and then all together."""
    before, name = len(errors.rows), given.choice("strategy", tuple(STRATEGIES))
    if name is None:
        return None
    strategy = STRATEGIES[name]
    described = strategy.described_parameters()
    value = given.get("parameters")
    parts = Members(
        {} if value is None else value, errors, place="parameters", known=[item["name"] for item in described]
    )
    chosen = {}
    for item in described:
        take = parts.whole if item["type"] == "int" else parts.number
        bounds = {key: item[key] for key in ("minimum", "maximum", "default")}
        chosen[item["name"]] = take(item["name"], **bounds)
    if len(errors.rows) == before:
        with errors.at("parameters"):
            return strategy, strategy.parse(chosen)
    return None


def _inputs(result: BacktestResult, terms: Terms, year: Year, seed: int) -> dict[str, Any]:
    """Return what the run was asked for with, every default spelt out, and what made it."""
    return {
        "engine_version": result.engine_version,
        "metrics_version": result.metrics_version,
        "strategy": result.strategy_name,
        "strategy_version": result.strategy_version,
        "parameters": asdict(result.parameters),
        "capital": result.initial_capital,
        **terms.said,
        "periods_per_year": year.periods,
        "risk_free": year.risk_free,
        "seed": seed,
    }


def _outcome(result: BacktestResult) -> dict[str, Any]:
    simulation = result.simulation
    return {
        "result_hash": result_hash(result),
        "sessions": len(simulation.equity) - 1,
        **shown(result.metrics),
        "benchmark_metrics": shown(result.benchmark_metrics)["metrics"],
        "trades": [_plain(trade) for trade in simulation.trades],
        "open_trade": None if simulation.open_trade is None else _plain(simulation.open_trade),
        "orders": _orders(simulation),
        "unaffordable_orders": simulation.unaffordable_orders,
        "refused_orders": simulation.refused_orders,
        "dates": [day.isoformat() for day in simulation.dates.tolist()],
        "equity": simulation.equity.tolist(),
        "benchmark": result.benchmark.equity.tolist(),
    }


def _orders(simulation: Simulation) -> list[dict[str, Any]]:
    """Return what was filled, and what waits for the session after the last."""
    filled = [{"status": "filled", **_plain(fill)} for fill in simulation.fills]
    return filled + [{"status": "pending", **_plain(order)} for order in simulation.pending_orders]


def _plain(record: Any) -> dict[str, Any]:
    plain: dict[str, Any] = to_json(record)
    del plain["symbol"]  # nobody named one
    return plain
