"""From a request's plain values to the kernel and back, pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import numpy as np

from services.analytics.kernel.backtest import BacktestResult, run
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.engine import ENGINE_VERSION
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import DEFINITIONS, METRICS_VERSION, Metrics
from services.analytics.kernel.strategies.registry import strategy_named
from shared.contracts.codec import body_hash, dumps, to_json
from shared.errors import ValidationFailed
from shared.pricing.adjustment import AdjustedBars, Basis

_NAMESPACE = UUID("0b0f8c2e-6d57-4e0b-8a5c-3f4f6f0d2a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that a run's numbers depend on. Costs in basis points of the traded amount."""

    symbol: str
    data_version: int
    basis: str
    strategy: str
    strategy_version: int
    parameters: Mapping[str, Any]
    initial_capital: Decimal
    commission_bps: Decimal
    slippage_bps: Decimal
    start: date | None
    end: date | None

    @property
    def hash(self) -> str:
        """Return the sha256 that names these inputs together with the engine's and the metrics' version."""
        plain = {**to_json(self), "engine": ENGINE_VERSION, "metrics": METRICS_VERSION}
        return body_hash(dumps(plain))

    @property
    def run_id(self) -> UUID:
        """Return the id of the one run that these inputs have."""
        return uuid5(_NAMESPACE, self.hash)


def inputs_for(
    *,
    symbol: str,
    data_version: int,
    basis: str,
    strategy: str,
    parameters: Mapping[str, Any],
    initial_capital: Decimal,
    commission_bps: Decimal,
    slippage_bps: Decimal,
    start: date | None = None,
    end: date | None = None,
) -> Inputs:
    """Return validated inputs with every parameter spelt out, so that equal runs have equal hashes.

    Raises UnknownStrategy, InvalidParameter, and ValidationFailed for a basis that does not exist or a range
    that is upside down.
    """
    if basis not in {item.value for item in Basis}:
        raise ValidationFailed(
            f"basis {basis!r:.40}: permitted are raw, split and total_return.", field="basis"
        )
    if start and end and start > end:
        raise ValidationFailed(f"start {start} is after end {end}.", field="start")
    rule = strategy_named(strategy)
    Costs(commission_bps=float(commission_bps), slippage_bps=float(slippage_bps))
    return Inputs(
        symbol=symbol,
        data_version=data_version,
        basis=basis,
        strategy=rule.name,
        strategy_version=rule.version,
        parameters=asdict(rule.parse(parameters)),
        initial_capital=initial_capital.quantize(Decimal("0.01")),
        commission_bps=commission_bps.quantize(Decimal("0.01")),
        slippage_bps=slippage_bps.quantize(Decimal("0.01")),
        start=start,
        end=end,
    )


def needed_sessions(inputs: Inputs) -> int:
    """Return how many sessions the inputs need at least: the warm-up and one more for the first fill."""
    rule = strategy_named(inputs.strategy)
    return rule.warm_up_sessions(rule.parse(inputs.parameters)) + 1


def run_inputs(inputs: Inputs, bars: AdjustedBars, *, opening_date: date | None) -> BacktestResult:
    """Run the kernel on adjusted bars; `opening_date` is the session before the first bar, None if unknown.

    Raises InsufficientHistory, and InvalidParameter for an absurd capital.
    """
    rule = strategy_named(inputs.strategy)
    market = MarketData(
        symbol=inputs.symbol,
        sessions=bars.sessions,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        dividend=bars.dividend,
        split_ratio=bars.split_ratio,
        signal_close=bars.signal_close,
        opening_date=np.datetime64(opening_date) if opening_date else None,
    )
    return run(
        market,
        rule,
        rule.parse(inputs.parameters),
        initial_capital=float(inputs.initial_capital),
        costs=Costs(commission_bps=float(inputs.commission_bps), slippage_bps=float(inputs.slippage_bps)),
    )


def metric_rows(metrics: Metrics) -> tuple[dict[str, Any], ...]:
    """Return the figures as an event carries them, in the order of their definitions."""
    return tuple(
        {
            "name": definition.name,
            "label": definition.label,
            "unit": definition.unit.value,
            **asdict(metrics[definition.name]),
        }
        for definition in DEFINITIONS
    )


def result_hash(result: BacktestResult) -> str:
    """Return the sha256 of all numbers of a run, floats at 12 significant digits."""
    plain = {
        "equity": [f"{value:.12g}" for value in result.simulation.equity],
        "benchmark": [f"{value:.12g}" for value in result.benchmark.equity],
        "fills": [
            [fill.session.isoformat(), fill.side, f"{fill.shares:.12g}", f"{fill.price:.12g}"]
            for fill in result.simulation.fills
        ],
        "metrics": {
            name: None if found.value is None else f"{found.value:.12g}"
            for name, found in result.metrics.items()
        },
    }
    return body_hash(dumps(plain))
