from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.engine import simulate
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.orders import Execution, Sizing
from services.analytics.kernel.simulation import Simulation
from services.analytics.kernel.tests.worlds import (
    SESSIONS,
    costs_of_all_kinds,
    decided,
    executions,
    kinds_of_levels,
    walk,
)

PRICES = ("open", "high", "low", "close", "signal_close")
LEVELS = ("limit", "stop", "stop_loss", "take_profit", "trailing")
seeds = st.integers(0, 10**6)


def run(
    market: MarketData, decisions: Decisions, execution: Execution, costs: Costs, capital: float = 10_000.0
) -> Simulation:
    return simulate(market, decisions, initial_capital=capital, costs=costs, execution=execution)


def with_columns(decisions: Decisions, change: Any) -> Decisions:
    columns = {
        name: change(getattr(decisions, name)) for name in LEVELS if getattr(decisions, name) is not None
    }
    return replace(decisions, **columns)


@settings(max_examples=120, deadline=None)
@given(
    seed=seeds,
    kinds=kinds_of_levels,
    execution=executions(),
    costs=costs_of_all_kinds,
    cut=st.integers(1, 39),
)
def test_bars_and_decisions_after_a_session_change_nothing_up_to_it(
    seed: int, kinds: frozenset[str], execution: Execution, costs: Costs, cut: int
) -> None:
    market = walk(seed)
    decisions = decided(seed, market, kinds)
    is_past = np.arange(SESSIONS) < cut

    def changed(column: FloatArray) -> FloatArray:
        return np.where(is_past, column, column * 1.5)

    columns: dict[str, Any] = {name: changed(getattr(market, name)) for name in PRICES}
    columns["volume"] = np.where(is_past, market.volume, 7.0)
    columns["dividend"] = np.where(is_past, market.dividend, 2.0)
    later = replace(market, **columns)
    other = with_columns(decisions, changed)
    other = replace(other, signal=np.where(is_past, other.signal, -other.signal // 2))

    before, after = run(market, decisions, execution, costs), run(later, other, execution, costs)

    assert before.equity[: cut + 1].tolist() == after.equity[: cut + 1].tolist()
    assert before.cash[:cut].tolist() == after.cash[:cut].tolist()
    until = market.sessions[cut - 1].item()
    assert [f for f in before.fills if f.session <= until] == [f for f in after.fills if f.session <= until]


@settings(max_examples=120, deadline=None)
@given(
    seed=seeds,
    kinds=kinds_of_levels,
    execution=executions(),
    costs=costs_of_all_kinds,
    factor=st.sampled_from([0.25, 4.0, 1024.0]),
)
def test_prices_and_money_in_another_currency_tell_the_same_story(
    seed: int, kinds: frozenset[str], execution: Execution, costs: Costs, factor: float
) -> None:
    market = walk(seed)
    decisions = decided(seed, market, kinds)
    columns: dict[str, Any] = {name: getattr(market, name) * factor for name in (*PRICES, "dividend")}
    scaled = replace(market, **columns)
    dearer = replace(
        costs,
        commission_per_order=costs.commission_per_order * factor,
        commission_per_share=costs.commission_per_share * factor,
    )
    if execution.sizing == Sizing.FIXED_CASH:
        assert execution.size is not None
        other = replace(execution, size=execution.size * factor)
    else:
        other = execution

    here = run(market, decisions, execution, costs)
    there = run(scaled, with_columns(decisions, lambda c: c * factor), other, dearer, 10_000 * factor)

    np.testing.assert_allclose(there.equity, here.equity * factor, rtol=1e-12)
    assert [f.reason for f in there.fills] == [f.reason for f in here.fills]
    assert [f.shares for f in there.fills] == pytest.approx([f.shares for f in here.fills], rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, kinds=kinds_of_levels, costs=costs_of_all_kinds)
def test_basis_raw_and_basis_split_tell_the_same_story_with_levels_too(
    seed: int, kinds: frozenset[str], costs: Costs
) -> None:
    raw = walk(seed)
    # A binary split ratio loses no digit; per-share fees count other shares before a split.
    costs = replace(costs, commission_per_share=0.0)
    ratio = raw.signal_close / raw.close
    columns: dict[str, Any] = {name: getattr(raw, name) * ratio for name in (*PRICES[:-1], "dividend")}
    split = replace(raw, volume=raw.volume / ratio, split_ratio=np.ones(SESSIONS), **columns)
    decisions = decided(seed, raw, kinds)
    execution = Execution(whole_shares=False, allow_short=True, trailing_ratio=0.0617)

    on_raw, on_split = run(raw, decisions, execution, costs), run(split, decisions, execution, costs)

    np.testing.assert_allclose(on_raw.equity, on_split.equity, rtol=1e-10)
    assert [f.reason for f in on_raw.fills] == [f.reason for f in on_split.fills]


def test_the_worlds_of_these_tests_hold_every_kind_of_fill() -> None:
    reasons, sides = set(), set()
    for seed in range(30):
        market = walk(seed)
        decisions = decided(
            seed, market, frozenset(LEVELS) - {"limit"} if seed % 2 else frozenset(LEVELS[2:])
        )
        costs = Costs(commission_bps=1, slippage_bps=1)
        result = run(market, decisions, Execution(allow_short=True), costs)
        reasons |= {trade.exit_reason for trade in result.trades}
        sides |= {trade.side for trade in result.trades}

    assert reasons == {"signal", "stop", "target", "trailing"}
    assert sides == {"long", "short"}
