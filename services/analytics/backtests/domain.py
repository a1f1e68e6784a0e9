"""From a request's plain values to the kernel and back, pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid5

import numpy as np

from services.analytics.kernel.backtest import MAXIMUM_RATE, MINIMUM_RATE, BacktestResult, run
from services.analytics.kernel.costs import Costs, check_between
from services.analytics.kernel.engine import ENGINE_VERSION
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import DEFINITIONS, METRICS_VERSION, Metrics
from services.analytics.kernel.orders import Execution, Sizing, TimeInForce
from services.analytics.kernel.resampling import PERIODS_PER_YEAR, resampled
from services.analytics.kernel.strategies.registry import strategy_named
from shared.contracts.codec import body_hash, dumps, to_json
from shared.errors import ValidationFailed
from shared.pricing.adjustment import AdjustedBars, Basis

MAXIMUM_SEED = 2**31 - 1
_OPTION_STEP = Decimal("0.0001")
_NAMESPACE = UUID("0b0f8c2e-6d57-4e0b-8a5c-3f4f6f0d2a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run's numbers depend on beside prices, strategy, capital and the two costs in basis points.

    `interval` 1d, 1wk or 1mo; `risk_free` the annual effective rate; `seed` of the bootstrap; `benchmark` the symbol of
    an index, at `benchmark_version` of its prices. The others are those of the kernel's `Costs` and `Execution`, ratios
    as fractions. Raises InvalidParameter naming the field.
    """

    interval: str = "1d"
    risk_free: Decimal = Decimal(0)
    seed: int = 0
    commission_per_order: Decimal = Decimal(0)
    commission_per_share: Decimal = Decimal(0)
    spread_bps: Decimal = Decimal(0)
    impact: Decimal = Decimal(0)
    sizing: str = "all_in"
    size: Decimal | None = None
    whole_shares: bool = True
    allow_short: bool = False
    stop_loss_ratio: Decimal | None = None
    take_profit_ratio: Decimal | None = None
    trailing_ratio: Decimal | None = None
    time_in_force: str = "day"
    volume_limit: Decimal | None = None
    benchmark: str | None = None
    benchmark_version: int | None = None

    def __post_init__(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            if isinstance(value, Decimal):
                object.__setattr__(self, option.name, value.quantize(_OPTION_STEP))
        if self.interval not in PERIODS_PER_YEAR:
            raise InvalidParameter(
                f"interval is {self.interval!r:.20} and only daily bars are kept:"
                f" permitted are {', '.join(PERIODS_PER_YEAR)}.",
                field="interval",
            )
        check_between(MINIMUM_RATE, float(self.risk_free), MAXIMUM_RATE, field="risk_free")
        check_between(0, self.seed, MAXIMUM_SEED, field="seed")
        self.execution  # noqa: B018 raises where an option is not permitted

    @property
    def execution(self) -> Execution:
        """Return the kernel's options. Raises InvalidParameter."""
        return Execution(
            sizing=cast(Sizing, self.sizing),  # which checks whether it is one
            size=_float(self.size),
            whole_shares=self.whole_shares,
            allow_short=self.allow_short,
            stop_loss_ratio=_float(self.stop_loss_ratio),
            take_profit_ratio=_float(self.take_profit_ratio),
            trailing_ratio=_float(self.trailing_ratio),
            time_in_force=cast(TimeInForce, self.time_in_force),
            volume_limit=_float(self.volume_limit),
        )

    def costs(self, *, commission_bps: Decimal, slippage_bps: Decimal) -> Costs:
        """Return the kernel's costs. Raises InvalidParameter."""
        return Costs(
            commission_bps=float(commission_bps),
            slippage_bps=float(slippage_bps),
            commission_per_order=float(self.commission_per_order),
            commission_per_share=float(self.commission_per_share),
            spread_bps=float(self.spread_bps),
            impact=float(self.impact),
        )


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
    options: Options

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
    options: Options | None = None,
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
    rule, options = strategy_named(strategy), options or Options()
    options.costs(commission_bps=commission_bps, slippage_bps=slippage_bps)
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
        options=options,
    )


def needed_sessions(inputs: Inputs) -> int:
    """Return how many bars the inputs need at least: the warm-up and one more for the first fill."""
    rule = strategy_named(inputs.strategy)
    return rule.warm_up_sessions(rule.parse(inputs.parameters)) + 1


def run_inputs(inputs: Inputs, market: MarketData, *, index: MarketData | None = None) -> BacktestResult:
    """Run the kernel on what `market_of` gives. Raises InsufficientHistory, and InvalidParameter for an absurd capital."""
    rule, options = strategy_named(inputs.strategy), inputs.options
    return run(
        market,
        rule,
        rule.parse(inputs.parameters),
        initial_capital=float(inputs.initial_capital),
        costs=options.costs(commission_bps=inputs.commission_bps, slippage_bps=inputs.slippage_bps),
        execution=options.execution,
        risk_free=float(options.risk_free),
        periods_per_year=PERIODS_PER_YEAR[options.interval],
        index=index,
    )


def market_of(inputs: Inputs, bars: AdjustedBars, *, opening_date: date | None) -> MarketData:
    """Return the bars as the kernel takes them, in the interval asked for.

    `opening_date` is the session before the first bar, None if unknown. Raises InvalidParameter for an interval that
    the basis has not.
    """
    market = MarketData(
        symbol=bars.symbol,
        sessions=bars.sessions,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
        dividend=bars.dividend,
        split_ratio=bars.split_ratio,
        signal_close=bars.signal_close,
        opening_date=np.datetime64(opening_date) if opening_date else None,
    )
    return resampled(market, inputs.options.interval)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


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
    index = {} if result.index is None else {"index": [f"{value:.12g}" for value in result.index.equity]}
    plain = {
        "equity": [f"{value:.12g}" for value in result.simulation.equity],
        "benchmark": [f"{value:.12g}" for value in result.benchmark.equity],
        **index,
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
