import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.engine import simulate
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.tests.ledger import D, Ledger
from services.analytics.kernel.tests.worlds import (
    costs_of_all_kinds,
    decided,
    executions,
    kinds_of_levels,
    walk,
)

CAPITAL = 10_000.0


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kinds=kinds_of_levels,
    execution=executions(),
    costs=costs_of_all_kinds,
)
def test_every_fill_cash_and_equity_is_that_of_an_independent_ledger(
    seed: int, kinds: frozenset[str], execution: Execution, costs: Costs
) -> None:
    market = walk(seed)
    decisions = decided(seed + 1, market, kinds)

    result = simulate(market, decisions, initial_capital=CAPITAL, costs=costs, execution=execution)

    ledger = Ledger(market, decisions, execution, costs, D(CAPITAL)).run()
    sessions = {session: t for t, session in enumerate(market.sessions.tolist())}
    assert [(sessions[fill.session], fill.reason) for fill in result.fills] == [
        (t, reason) for t, _, _, _, reason in ledger.fills
    ]
    for fill, (_, shares, price, commission, _) in zip(result.fills, ledger.fills, strict=True):
        assert fill.side == ("buy" if shares > 0 else "sell")
        assert fill.shares == pytest.approx(float(abs(shares)), rel=1e-9)
        assert fill.price == pytest.approx(float(price), rel=1e-12)
        assert fill.commission == pytest.approx(float(commission), rel=1e-9)
    np.testing.assert_allclose(result.cash, [float(cash) for cash in ledger.cash_at], atol=1e-6)
    np.testing.assert_allclose(result.equity, [float(equity) for equity in ledger.equity_at], atol=1e-6)
    assert (result.unaffordable_orders, result.refused_orders) == (ledger.unaffordable, ledger.refused)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kinds=kinds_of_levels,
    execution=executions(),
    costs=costs_of_all_kinds,
)
def test_trades_open_trade_and_dividends_explain_the_whole_gain(
    seed: int, kinds: frozenset[str], execution: Execution, costs: Costs
) -> None:
    market = walk(seed)

    result = simulate(
        market, decided(seed + 1, market, kinds), initial_capital=CAPITAL, costs=costs, execution=execution
    )

    dividends = sum(trade.dividends for trade in result.trades)
    dividends += sum(position.dividends for position in result.open_trades)
    gain = sum(trade.pnl for trade in result.trades)
    gain += sum(position.unrealised_pnl for position in result.open_trades)
    assert dividends == pytest.approx(result.dividends_total, abs=1e-6)
    assert gain + dividends == pytest.approx(result.final_equity - CAPITAL, abs=1e-6)
    if not execution.allow_short:
        assert result.cash.min() >= 0
