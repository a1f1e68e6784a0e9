from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.engine import buy_and_hold, simulate
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.simulation import PendingOrder, Simulation
from services.analytics.kernel.tests.synthetic import market_of, random_walk, with_split

FREE = Costs(commission_bps=0, slippage_bps=0)
DEAR = Costs(commission_bps=100, slippage_bps=200, commission_per_order=1.0)

signal_lists = st.lists(st.sampled_from([-1, 0, 1]), min_size=60, max_size=60)
costs_of_all_kinds = st.builds(
    Costs,
    commission_bps=st.floats(0, 100),
    slippage_bps=st.floats(0, 100),
    commission_per_order=st.floats(0, 5),
)


def traded(
    market: MarketData,
    signals: list[int],
    *,
    costs: Costs = FREE,
    capital: float = 1000.0,
    whole_shares: bool = True,
) -> Simulation:
    return simulate(
        market,
        Decisions(signal=np.array(signals)),
        initial_capital=capital,
        costs=costs,
        execution=Execution(whole_shares=whole_shares),
    )


def test_an_order_fills_at_the_open_after_the_close_that_decided_it() -> None:
    market = market_of([10, 20, 30, 40], [11, 21, 31, 41])

    result = traded(market, [1, 0, -1, 0])

    assert [(f.session, f.side, f.shares, f.price) for f in result.fills] == [
        (date(2024, 1, 3), "buy", 50.0, 20.0),
        (date(2024, 1, 5), "sell", 50.0, 40.0),
    ]
    assert result.equity.tolist() == [1000, 1000, 50 * 21, 50 * 31, 2000]
    assert result.dates[0].item() == date(2024, 1, 1)


def test_costs_worsen_the_price_and_are_charged_on_both_sides() -> None:
    # Buy at 20 * 1.02 = 20.40; with commission 20.604 a share: (1000 - 1) / 20.604 = 48.48, 48 shares.
    # Commission 48 * 20.40 * 1 % + 1 = 10.792; cash 1000 - 979.20 - 10.792 = 10.008.
    # Sell at 40 * 0.98 = 39.20 for 1881.60; commission 18.816 + 1 = 19.816.
    # Cash 10.008 + 1881.60 - 19.816 = 1871.792.
    market = market_of([10, 20, 30, 40], [11, 21, 31, 41])

    result = traded(market, [1, 0, -1, 0], costs=DEAR)

    trade = result.trades[0]
    assert (trade.shares, trade.entry_price, trade.exit_price) == pytest.approx((48, 20.40, 39.20))
    assert (trade.entry_commission, trade.exit_commission) == pytest.approx((10.792, 19.816))
    assert trade.pnl == pytest.approx(871.792)
    assert trade.return_ratio == pytest.approx(871.792 / 989.992)
    assert result.cash.tolist() == pytest.approx([1000, 10.008, 10.008, 1871.792])
    assert result.fees_total == pytest.approx(30.608)


def test_fractional_shares_spend_all_the_money() -> None:
    market = market_of([10, 30, 30], [10, 30, 30])

    result = traded(market, [1, 0, 0], whole_shares=False)

    assert result.shares[-1] == pytest.approx(1000 / 30)
    assert result.cash[-1] == pytest.approx(0, abs=1e-9)


def test_an_order_affordable_to_the_cent_loses_no_share_to_rounding() -> None:
    # 3 shares at 1.1 cost 3.3, though 3.3 / 1.1 is 2.9999999999999996 in binary.
    assert 3.3 / 1.1 < 3

    result = traded(market_of([1.1, 1.1], [1.1, 1.1]), [1, 0], capital=3.3)

    assert result.shares[-1] == 3
    assert result.cash[-1] == 0


def test_a_buy_signal_while_holding_and_a_sell_signal_while_flat_do_nothing() -> None:
    market = market_of([10] * 6, [10] * 6)

    result = traded(market, [-1, 1, 1, 1, -1, -1])

    assert [(f.side, f.session) for f in result.fills] == [
        ("buy", date(2024, 1, 4)),
        ("sell", date(2024, 1, 9)),
    ]
    assert result.pending_order is None


def test_the_order_of_the_last_bar_never_fills_and_is_listed() -> None:
    market = market_of([10, 10, 10], [10, 10, 10])

    bought = traded(market, [0, 0, 1])
    sold = traded(market, [1, 0, -1])

    assert bought.fills == ()
    assert bought.pending_order == PendingOrder(symbol="TEST", side="buy", decided_session=date(2024, 1, 4))
    assert len(sold.fills) == 1
    assert sold.pending_order == PendingOrder(symbol="TEST", side="sell", decided_session=date(2024, 1, 4))


def test_a_position_open_at_the_end_is_valued_at_the_last_close_and_is_no_trade() -> None:
    market = market_of([10, 10, 11], [10, 12, 15], dividends={2: 0.5})

    result = traded(market, [1, 0, 0], costs=Costs(commission_bps=0, slippage_bps=0, commission_per_order=5))

    assert result.trades == ()
    position = result.open_trade
    assert position is not None
    assert (position.held_shares, position.last_close, position.market_value) == (99, 15, 1485)
    assert position.unrealised_pnl == 1485 - 990 - 5
    assert position.dividends == 49.5


def test_a_dividend_goes_to_the_shares_held_at_the_close_before() -> None:
    # Bought at the open of row 1, sold at the open of row 3: the dividends of rows 2 and 3 are ours.
    market = market_of([10] * 5, [10] * 5, dividends={1: 1.0, 2: 0.1, 3: 0.2, 4: 1.0})

    result = traded(market, [1, 0, -1, 0, 0])

    assert result.dividend_income.tolist() == pytest.approx([0, 0, 10, 20, 0])
    assert result.trades[0].dividends == pytest.approx(30)
    assert result.trades[0].pnl == 0
    assert result.final_equity == pytest.approx(1030)


def test_dividends_stay_cash_until_the_next_buy() -> None:
    market = market_of([10] * 6, [10] * 6, dividends={2: 1.0})

    result = traded(market, [1, 1, 1, -1, 1, 0])

    assert result.shares.tolist() == [0, 100, 100, 100, 0, 110]


def test_every_session_touched_by_a_position_counts_as_held() -> None:
    result = traded(market_of([10] * 5, [10] * 5), [1, 0, -1, 0, 0])

    assert result.held.tolist() == [False, True, True, True, False]


def test_an_order_that_cannot_pay_one_share_is_counted_and_may_succeed_later() -> None:
    market = market_of([2000, 2000, 2000, 500], [2000, 2000, 2000, 500])

    result = traded(market, [1, 1, 1, 0])

    assert result.unaffordable_orders == 2
    assert result.shares.tolist() == [0, 0, 0, 2]


def test_buy_and_hold_buys_at_the_first_open_with_the_same_costs() -> None:
    market = market_of([20, 30], [25, 40], dividends={0: 9.0, 1: 1.0})

    result = buy_and_hold(market, initial_capital=1000, costs=DEAR, whole_shares=True)

    # 48 shares at 20.40 with 10.792 of commission, as above; no dividend on the day of purchase.
    assert result.equity.tolist() == pytest.approx([1000, 10.008 + 48 * 25, 10.008 + 48 + 48 * 40])
    assert len(result.fills) == 1


def test_a_split_on_basis_raw_multiplies_the_shares_at_the_open() -> None:
    market = market_of([70, 70, 10, 12], [70, 70, 11, 12], splits={2: 7.0}, dividends={2: 0.1})

    result = traded(market, [1, 0, -1, 0])

    assert result.shares.tolist() == [0, 14, 98, 0]
    assert result.dividend_income[2] == pytest.approx(9.8)
    trade = result.trades[0]
    assert (trade.shares, trade.exit_shares, trade.pnl) == (14, 98, 98 * 12 - 14 * 70)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), signals=signal_lists, row=st.integers(1, 59), costs=costs_of_all_kinds)
def test_basis_raw_and_basis_split_tell_the_same_story(
    seed: int, signals: list[int], row: int, costs: Costs
) -> None:
    adjusted = random_walk(seed, 60, dividend_every=7)

    on_split = traded(adjusted, signals, costs=costs, whole_shares=False)
    on_raw = traded(with_split(adjusted, row, 7.0), signals, costs=costs, whole_shares=False)

    np.testing.assert_allclose(on_raw.equity, on_split.equity, rtol=1e-10)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), signals=signal_lists, costs=costs_of_all_kinds, whole=st.booleans())
def test_the_cash_identity_holds_in_every_session_to_the_cent(
    seed: int, signals: list[int], costs: Costs, whole: bool
) -> None:
    market = random_walk(seed, 60, dividend_every=7)

    result = traded(market, signals, costs=costs, whole_shares=whole)

    cash, shares = 1000.0, 0.0
    fills = {fill.session: fill for fill in result.fills}
    for t, session in enumerate(market.sessions):
        cash += shares * market.dividend[t]
        if fill := fills.get(session.item()):
            signed = fill.shares if fill.side == "buy" else -fill.shares
            cash -= signed * fill.price + fill.commission
            shares += signed
        assert result.cash[t] == pytest.approx(cash, abs=0.005)
        assert result.equity[t + 1] == pytest.approx(cash + shares * market.close[t], abs=0.005)
    assert result.cash.min() >= 0


@settings(deadline=None)
@given(seed=st.integers(0, 1000), signals=signal_lists, costs=costs_of_all_kinds, whole=st.booleans())
def test_trades_open_trade_and_dividends_explain_the_whole_gain(
    seed: int, signals: list[int], costs: Costs, whole: bool
) -> None:
    result = traded(random_walk(seed, 60, dividend_every=7), signals, costs=costs, whole_shares=whole)

    gain = sum(trade.pnl for trade in result.trades)
    dividends = sum(trade.dividends for trade in result.trades)
    if result.open_trade:
        gain += result.open_trade.unrealised_pnl
        dividends += result.open_trade.dividends
    assert dividends == pytest.approx(result.dividends_total, abs=1e-6)
    assert gain + dividends == pytest.approx(result.final_equity - 1000, abs=1e-6)


@settings(deadline=None)
@given(signals=signal_lists, cut=st.integers(1, 59))
def test_the_future_changes_nothing_that_came_before_it(signals: list[int], cut: int) -> None:
    market = random_walk(3, 60)
    factor = np.where(np.arange(60) < cut, 1.0, 1.5)
    other = replace(
        market,
        **{name: getattr(market, name) * factor for name in ("open", "high", "low", "close", "signal_close")},
    )

    before, after = traded(market, signals), traded(other, signals)

    assert before.equity[: cut + 1].tolist() == after.equity[: cut + 1].tolist()
    assert before.cash[:cut].tolist() == after.cash[:cut].tolist()
