from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import BUY, SELL, SHORT, Decisions
from services.analytics.kernel.engine import simulate, simulate_portfolio
from services.analytics.kernel.errors import InvalidMarketData
from services.analytics.kernel.orders import Execution, Sizing
from services.analytics.kernel.simulation import Simulation
from services.analytics.kernel.tests.synthetic import market_of
from services.analytics.kernel.tests.worlds import (
    costs_of_all_kinds,
    decided,
    executions,
    kinds_of_levels,
    walk,
)

FREE = Costs(commission_bps=0, slippage_bps=0)
HALF = Execution(sizing=Sizing.PERCENT_OF_EQUITY, size=0.5)


def signals(*values: int, count: int = 4) -> Decisions:
    return Decisions(signal=np.array([*values, *[0] * (count - len(values))]))


def one_cash(
    prices: dict[str, list[float]], decisions: list[Decisions], execution: Execution = HALF
) -> Simulation:
    markets = [replace(market_of(values, values), symbol=symbol) for symbol, values in prices.items()]
    return simulate_portfolio(markets, decisions, initial_capital=1000, costs=FREE, execution=execution)


def test_entries_share_the_cash_in_the_order_of_the_instruments() -> None:
    prices = {"A": [10.0] * 4, "B": [20.0] * 4, "C": [30.0] * 4}
    execution = Execution(sizing=Sizing.FIXED_CASH, size=600)

    result = one_cash(prices, [signals(BUY), signals(BUY), signals(BUY)], execution)

    assert result.holdings[:, 1].tolist() == [60, 20, 0]
    assert result.cash[1] == 0
    assert result.unaffordable_orders == 1
    assert [(fill.symbol, fill.shares) for fill in result.fills] == [("A", 60), ("B", 20)]


def test_what_one_instrument_is_sold_for_at_the_open_pays_another_at_that_open() -> None:
    prices = {"A": [10.0] * 4, "B": [10.0, 10.0, 20.0, 20.0]}

    result = one_cash(prices, [signals(0, BUY), signals(BUY, SELL)], Execution())

    assert result.holdings.tolist() == [[0, 0, 200, 200], [0, 100, 0, 0]]


def test_the_equity_that_sizes_an_entry_counts_all_positions_at_the_last_close() -> None:
    # A: 50 shares at 10, worth 1,000 at the close before B enters with half of 1,500.
    prices = {"A": [10.0, 10.0, 20.0, 20.0], "B": [5.0] * 4}

    result = one_cash(prices, [signals(BUY), signals(0, 0, BUY)])

    assert result.equity.tolist() == [1000, 1000, 1000, 1500, 1500]
    assert result.holdings[1, 3] == 100  # 750 is more than the free 500


def test_a_short_position_binds_its_proceeds_and_as_much_cash() -> None:
    prices = {"A": [10.0] * 4, "B": [10.0] * 4}
    execution = Execution(sizing=Sizing.FIXED_CASH, size=800, allow_short=True)

    result = one_cash(prices, [signals(SHORT), signals(0, BUY)], execution)

    # 1,800 of cash, of which 1,600 are bound.
    assert result.holdings[:, 3].tolist() == [-80, 20]
    assert result.gross_value.tolist() == [0, 800, 1000, 1000]


def test_trades_of_many_instruments_are_matched_each_with_its_own() -> None:
    prices = {"A": [10.0, 10.0, 12.0, 12.0], "B": [10.0, 10.0, 10.0, 9.0]}

    result = one_cash(prices, [signals(BUY, SELL), signals(BUY, 0, SELL)])

    assert [(trade.symbol, trade.pnl) for trade in result.trades] == [("A", 100), ("B", -50)]
    assert result.open_trades == ()


def test_markets_of_different_sessions_are_refused() -> None:
    with pytest.raises(InvalidMarketData, match="differ in their sessions"):
        simulate_portfolio(
            [market_of([1] * 4, [1] * 4), market_of([1] * 3, [1] * 3)],
            [signals(), signals(count=3)],
            initial_capital=1000,
            costs=FREE,
        )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), kinds=kinds_of_levels, execution=executions(), costs=costs_of_all_kinds)
def test_an_instrument_that_never_trades_changes_nothing(
    seed: int, kinds: frozenset[str], execution: Execution, costs: Costs
) -> None:
    market = walk(seed)
    decisions = decided(seed, market, kinds)
    idle = replace(walk(seed + 1), symbol="IDLE")
    terms = {"initial_capital": 10_000.0, "costs": costs, "execution": execution}

    alone = simulate(market, decisions, **terms)  # type: ignore[arg-type]
    with_idle = simulate_portfolio(
        [idle, market],
        [Decisions(signal=np.zeros(len(idle), dtype=np.int8)), decisions],
        **terms,  # type: ignore[arg-type]
    )

    assert with_idle.equity.tobytes() == alone.equity.tobytes()
    assert with_idle.cash.tobytes() == alone.cash.tobytes()
    assert with_idle.holdings[1].tobytes() == alone.shares.tobytes()


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), kinds=kinds_of_levels, execution=executions(), costs=costs_of_all_kinds)
def test_the_cash_identity_of_a_portfolio_holds_in_every_session_to_the_cent(
    seed: int, kinds: frozenset[str], execution: Execution, costs: Costs
) -> None:
    markets = [replace(walk(seed + i), symbol=str(i)) for i in range(3)]
    decisions = [decided(seed + 5 * i, market, kinds) for i, market in enumerate(markets)]

    result = simulate_portfolio(markets, decisions, initial_capital=10_000, costs=costs, execution=execution)

    cash, shares = 10_000.0, np.zeros(3)
    for t, session in enumerate(markets[0].sessions.tolist()):
        shares *= [market.split_ratio[t] for market in markets]
        cash += sum(shares[i] * market.dividend[t] for i, market in enumerate(markets))
        for fill in result.fills:
            if fill.session == session:
                signed = fill.shares if fill.side == "buy" else -fill.shares
                is_entry = shares[int(fill.symbol)] == 0
                cash -= signed * fill.price + fill.commission
                shares[int(fill.symbol)] += signed
                # Leaving a tiny position may cost more than it brings; entering never overdraws.
                assert cash >= -1e-6 or not is_entry or execution.allow_short
        value = sum(shares[i] * market.close[t] for i, market in enumerate(markets))
        assert result.cash[t] == pytest.approx(cash, abs=0.005)
        assert result.equity[t + 1] == pytest.approx(cash + value, abs=0.005)
        assert result.holdings[:, t] == pytest.approx(shares, abs=1e-9)
    gain = sum(trade.pnl + trade.dividends for trade in result.trades)
    gain += sum(position.unrealised_pnl + position.dividends for position in result.open_trades)
    assert gain == pytest.approx(result.final_equity - 10_000, abs=1e-6)
