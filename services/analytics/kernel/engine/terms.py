"""What the compiled steps are told and what they keep: plain arrays and scalars under their names.

Matrices are float64 (7, m, n): kind, instrument, session. One array of seven kinds rather than seven arrays,
because the compiler counts references to each array at each step.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.analytics.kernel.arrays import FloatArray, SignalArray
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.orders import VOLATILITY_SESSIONS, Execution, Sizing, TimeInForce

# Numbers of the sizings, in the order of the enumeration.
ALL_IN, FIXED_CASH, FIXED_SHARES, PERCENT_OF_EQUITY, RISK_PER_STOP, VOLATILITY_TARGET = range(6)
_SIZINGS: Final = {sizing: number for number, sizing in enumerate(Sizing)}


# Rows of `bars`: the matrices of prices, shares and actions that `MarketData.columns` holds.
OPEN, HIGH, LOW, CLOSE, VOLUME, DIVIDEND, SPLIT_RATIO = range(7)

# Rows of `levels`: the prices of `Decisions` (NaN where there is none) in those of the `Series`, the ratio that
# turns them into execution prices, and the annual volatility known at each close.
LIMIT, STOP_ENTRY, STOP_LOSS, TAKE_PROFIT, TRAILING, PRICE_RATIO, VOLATILITY = range(7)
_LEVELS: Final = ("limit", "stop", "stop_loss", "take_profit", "trailing")


class Terms(NamedTuple):
    """`Costs` and `Execution` as numbers; NaN where an option is none."""

    commission_ratio: float
    commission_per_order: float
    commission_per_share: float
    slippage_ratio: float
    impact: float
    sizing: int
    size: float
    whole_shares: bool
    allow_short: bool
    stop_loss_ratio: float
    take_profit_ratio: float
    trailing_ratio: float
    is_gtc: bool
    volume_limit: float


def bars_of(markets: Sequence[MarketData]) -> FloatArray:
    """Return (7, m, n) the columns of m instruments over the same n sessions; one is not copied."""
    if len(markets) == 1:
        return markets[0].columns[:, np.newaxis, :]
    return read_only(np.stack([market.columns for market in markets], axis=1))


def signals_of(decisions: Sequence[Decisions]) -> SignalArray:
    """Return the signals (m, n) int8; one row is not copied."""
    if len(decisions) == 1:
        return decisions[0].signal[np.newaxis, :]
    return read_only(np.stack([decided.signal for decided in decisions]))


def levels_of(
    markets: Sequence[MarketData],
    decisions: Sequence[Decisions],
    execution: Execution,
    periods_per_year: int,
) -> FloatArray | None:
    """Return (7, m, n), None where no order or position can have a level: the steps then leave them all out."""
    if execution.is_plain and not any(decided.has_levels for decided in decisions):
        return None
    levels = np.full((7, len(markets), len(markets[0])), np.nan)
    for i, (market, decided) in enumerate(zip(markets, decisions, strict=True)):
        for row, name in enumerate(_LEVELS):
            if (level := getattr(decided, name)) is not None:
                levels[row, i] = level
        levels[PRICE_RATIO, i] = market.close / market.signal_close
        if execution.sizing == Sizing.VOLATILITY_TARGET:
            levels[VOLATILITY, i] = volatility(market.signal_close, periods_per_year)
    return read_only(levels)


def terms_of(costs: Costs, execution: Execution) -> Terms:
    """Return the numbers of the options."""
    return Terms(
        commission_ratio=costs.commission_ratio,
        commission_per_order=float(costs.commission_per_order),
        commission_per_share=float(costs.commission_per_share),
        slippage_ratio=costs.slippage_ratio,
        impact=float(costs.impact),
        sizing=_SIZINGS[Sizing(execution.sizing)],
        size=_number(execution.size),
        whole_shares=execution.whole_shares,
        allow_short=execution.allow_short,
        stop_loss_ratio=_number(execution.stop_loss_ratio),
        take_profit_ratio=_number(execution.take_profit_ratio),
        trailing_ratio=_number(execution.trailing_ratio),
        is_gtc=execution.time_in_force == TimeInForce.GTC,
        volume_limit=_number(execution.volume_limit),
    )


def volatility(close: FloatArray, periods_per_year: int) -> FloatArray:
    """Return (n,) the annual volatility of the last VOLATILITY_SESSIONS simple returns, NaN before.

    Source: standard deviation with ddof 1, times the root of the periods in a year.
    """
    annual = np.full(len(close), np.nan)
    if len(close) > VOLATILITY_SESSIONS:
        returns = close[1:] / close[:-1] - 1.0
        windows = np.lib.stride_tricks.sliding_window_view(returns, VOLATILITY_SESSIONS)
        annual[VOLATILITY_SESSIONS:] = np.std(windows, axis=1, ddof=1) * np.sqrt(periods_per_year)
    return annual


def read_only[T: np.generic](matrix: NDArray[T]) -> NDArray[T]:
    """Return the same C-contiguous matrix, read-only: functions are compiled once for each kind of array."""
    matrix.setflags(write=False)
    return matrix


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
