"""Random markets, decisions and options, for properties that hold for all of them."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.orders import Execution, Sizing, TimeInForce
from services.analytics.kernel.tests.synthetic import market_of

SESSIONS = 40

costs_of_all_kinds = st.builds(
    Costs,
    commission_bps=st.sampled_from([0.0, 10.0, 35.0]),
    slippage_bps=st.sampled_from([0.0, 5.0, 40.0]),
    commission_per_order=st.sampled_from([0.0, 1.0, 7.5]),
    commission_per_share=st.sampled_from([0.0, 0.005]),
    spread_bps=st.sampled_from([0.0, 8.0]),
)


def walk(seed: int, *, count: int = SESSIONS, splits: bool = True) -> MarketData:
    """Return a wild market with gaps and long bars, in cents: dividends, splits on basis raw, dead volume."""
    source = np.random.default_rng(seed)
    closes = np.round(100 * np.exp(np.cumsum(source.normal(0, 0.03, count))), 2)
    opens = np.round(np.concatenate(([100.0], closes[:-1])) * np.exp(source.normal(0, 0.02, count)), 2)
    highs = np.round(np.maximum(opens, closes) * (1 + source.exponential(0.01, count)), 2)
    lows = np.round(np.minimum(opens, closes) * (1 - source.exponential(0.01, count)), 2)
    ratios = np.ones(count)
    if splits:
        ratios[source.integers(1, count, 2)] = source.choice([0.5, 2.0, 4.0], 2)
    # What was traded before a split was dearer by its ratio.
    later = np.append(np.cumprod(ratios[::-1])[::-1][1:], 1.0)
    return market_of(
        opens * later,
        closes * later,
        highs=highs * later,
        lows=lows * later,
        volumes=np.where(source.random(count) < 0.1, 0.0, source.integers(1, 300, count).astype(float)),
        dividends={int(row): 0.37 for row in source.integers(1, count, 3)},
        splits={int(row): float(ratios[row]) for row in np.flatnonzero(ratios != 1.0)},
    )


def decided(seed: int, market: MarketData, kinds: frozenset[str]) -> Decisions:
    """Return random signals, with a column of levels for each of `kinds`, near the close."""
    source, count, close = np.random.default_rng(seed), len(market), market.signal_close
    signal = source.choice([1, -1, -2, 0], count, p=[0.25, 0.1, 0.15, 0.5])
    side = np.where(signal == -2, -1.0, 1.0)

    def near(offset: float) -> FloatArray:
        levels = close + side * np.round(close * source.normal(offset, 0.02, count), 2)
        return np.where(source.random(count) < 0.3, np.nan, levels)

    made: dict[str, Any] = {
        "limit": near(-0.01),
        "stop": near(0.01),
        "stop_loss": near(-0.04),
        "take_profit": near(0.04),
        "trailing": np.where(source.random(count) < 0.2, np.nan, close * 0.0517391),
    }
    return Decisions(signal=signal.astype(np.int8), **{name: made[name] for name in sorted(kinds)})


kinds_of_levels = st.frozensets(
    st.sampled_from(["limit", "stop", "stop_loss", "take_profit", "trailing"]), max_size=5
)


@st.composite
def executions(draw: st.DrawFn, *, plain: bool = False) -> Execution:
    """Give options of all kinds; ratios are odd, so that no computed level ties with a price by chance."""
    figures: dict[Sizing, float | None] = {
        Sizing.ALL_IN: None,
        Sizing.FIXED_CASH: 4000.0,
        Sizing.FIXED_SHARES: 17.0,
        Sizing.PERCENT_OF_EQUITY: 0.43,
        Sizing.RISK_PER_STOP: 0.02,
    }
    sizings = [s for s in figures if not (plain and s == Sizing.RISK_PER_STOP)]
    sizing = draw(st.sampled_from(sizings))
    none = st.none()
    return Execution(
        sizing=sizing,
        size=figures[sizing],
        whole_shares=draw(st.booleans()),
        allow_short=draw(st.booleans()),
        stop_loss_ratio=None if plain else draw(none | st.just(0.0413791)),
        take_profit_ratio=None if plain else draw(none | st.just(0.0531713)),
        trailing_ratio=None if plain else draw(none | st.just(0.0617391)),
        time_in_force=draw(st.sampled_from(TimeInForce)),
        volume_limit=draw(none | st.just(0.2)),
    )
