"""Hand-computed fills: a table of entry orders and protections against one bar or two."""

from typing import Any

import numpy as np
import pytest

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import BUY, SELL, SHORT, Decisions
from services.analytics.kernel.engine import simulate
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.orders import Execution, TimeInForce
from services.analytics.kernel.simulation import Simulation
from services.analytics.kernel.tests.synthetic import market_of

FREE = Costs(commission_bps=0, slippage_bps=0)
nan = float("nan")

type Bar = tuple[float, float, float, float]
FLAT: Bar = (100, 100, 100, 100)


def bars(*rows: Bar, **options: Any) -> MarketData:
    opens, highs, lows, closes = zip(*rows, strict=True)
    return market_of(opens, closes, highs=highs, lows=lows, **options)


def traded(
    market: MarketData,
    signals: list[int],
    *,
    costs: Costs = FREE,
    capital: float = 10_000.0,
    execution: Execution | None = None,
    **levels: Any,
) -> Simulation:
    """Trade signals, the rest zeros; a level is a column, or a number for the first session alone."""
    count = len(market)
    columns = {
        name: np.array(given if isinstance(given, list) else [given] + [nan] * (count - 1))
        for name, given in levels.items()
    }
    signal = np.zeros(count, dtype=np.int8)
    signal[: len(signals)] = signals
    return simulate(
        market,
        Decisions(signal=signal, **columns),
        initial_capital=capital,
        costs=costs,
        execution=execution or Execution(allow_short=True),
    )


def fills(result: Simulation) -> list[tuple[int, str, float, str]]:
    days = result.dates[1:].tolist()
    return [(days.index(fill.session), fill.side, fill.price, fill.reason) for fill in result.fills]


@pytest.mark.parametrize(
    ("levels", "bar", "price"),
    [
        # limit: at the open if that is better, at the limit if the bar comes down to it
        ({"limit": 98}, (99, 101, 98, 100), 98),
        ({"limit": 98}, (99, 101, 98.01, 100), None),
        ({"limit": 98}, (97, 101, 96, 100), 97),
        ({"limit": 98}, (98, 101, 98, 100), 98),
        # stop: at the open if the price has gone past it over night
        ({"stop": 102}, (100, 102, 99, 101), 102),
        ({"stop": 102}, (100, 101.99, 99, 101), None),
        ({"stop": 102}, (104, 105, 103, 104), 104),
        # stop-limit: triggered, then no worse than the limit
        ({"stop": 102, "limit": 103}, (100, 104, 99, 104), 102),
        ({"stop": 102, "limit": 103}, (100, 101, 99, 101), None),
        ({"stop": 102, "limit": 103}, (102.5, 104, 102, 104), 102.5),
        ({"stop": 102, "limit": 103}, (105, 106, 103, 106), 103),
        ({"stop": 102, "limit": 103}, (105, 106, 103.5, 106), None),
        # a limit below the stop: reached for certain only if the bar closes there
        ({"stop": 102, "limit": 101}, (100, 103, 99, 100.5), 101),
        ({"stop": 102, "limit": 101}, (100, 103, 99, 102), None),
        ({"stop": 102, "limit": 101}, (103, 104, 101, 103), 101),
        # market
        ({}, (101, 103, 99, 102), 101),
    ],
)
def test_a_buy_order_meets_a_bar(levels: dict[str, Any], bar: Bar, price: float | None) -> None:
    result = traded(bars(FLAT, bar, bar), [BUY], **levels)

    assert fills(result) == ([] if price is None else [(1, "buy", price, "signal")])


@pytest.mark.parametrize(
    ("levels", "bar", "price"),
    [
        ({"limit": 102}, (101, 102, 99, 100), 102),
        ({"limit": 102}, (103, 104, 99, 100), 103),
        ({"limit": 102}, (101, 101.99, 99, 100), None),
        ({"stop": 98}, (99, 100, 98, 99), 98),
        ({"stop": 98}, (97, 100, 96, 99), 97),
        ({"stop": 98, "limit": 97}, (99, 100, 96, 97), 98),
        ({"stop": 98, "limit": 97}, (95, 97, 94, 96), 97),
        ({"stop": 98, "limit": 97}, (95, 96.99, 94, 96), None),
    ],
)
def test_a_short_order_mirrors_it(levels: dict[str, Any], bar: Bar, price: float | None) -> None:
    result = traded(bars(FLAT, bar, bar), [SHORT], **levels)

    assert fills(result) == ([] if price is None else [(1, "sell", price, "signal")])


@pytest.mark.parametrize(
    ("levels", "bar", "price", "reason"),
    [
        # held from before: bought at 100 on session 1
        ({"stop_loss": 95}, (97, 98, 95, 96), 95, "stop"),
        ({"stop_loss": 95}, (97, 98, 95.01, 96), None, ""),
        ({"stop_loss": 95}, (93, 98, 92, 96), 93, "stop"),
        ({"take_profit": 105}, (101, 105, 100, 104), 105, "target"),
        ({"take_profit": 105}, (108, 109, 100, 104), 108, "target"),
        ({"take_profit": 105}, (101, 104.99, 100, 104), None, ""),
        # both in one bar: the stop, unless the open alone decides
        ({"stop_loss": 95, "take_profit": 105}, (100, 106, 94, 100), 95, "stop"),
        ({"stop_loss": 95, "take_profit": 105}, (106, 107, 94, 100), 106, "target"),
        ({"stop_loss": 95, "take_profit": 105}, (94, 106, 93, 100), 94, "stop"),
        # trailing 4 below 100, the price and the high of the entry bar
        ({"trailing": [4, nan, nan]}, (97, 98, 96, 97), 96, "trailing"),
        ({"trailing": [4, nan, nan]}, (95, 98, 94, 97), 95, "trailing"),
        ({"trailing": [4, nan, nan], "stop_loss": 97}, (99, 99, 96, 98), 97, "stop"),
        ({"trailing": [4, nan, nan], "stop_loss": 95}, (99, 99, 94, 98), 96, "trailing"),
    ],
)
def test_a_protection_meets_the_bar_after_the_entry(
    levels: dict[str, Any], bar: Bar, price: float | None, reason: str
) -> None:
    result = traded(bars(FLAT, FLAT, bar), [BUY], **levels)

    assert fills(result)[1:] == ([] if price is None else [(2, "sell", price, reason)])


@pytest.mark.parametrize(
    ("levels", "bar", "price", "reason"),
    [
        ({"stop_loss": 105}, (103, 105, 102, 104), 105, "stop"),
        ({"stop_loss": 105}, (107, 108, 102, 104), 107, "stop"),
        ({"take_profit": 95}, (99, 100, 95, 96), 95, "target"),
        ({"take_profit": 95}, (92, 100, 91, 96), 92, "target"),
        ({"stop_loss": 105, "take_profit": 95}, (100, 106, 94, 100), 105, "stop"),
        ({"trailing": [4, nan, nan]}, (103, 104, 102, 103), 104, "trailing"),
    ],
)
def test_a_short_position_is_protected_in_mirror(
    levels: dict[str, Any], bar: Bar, price: float, reason: str
) -> None:
    result = traded(bars(FLAT, FLAT, bar), [SHORT], **levels)

    assert fills(result)[1:] == [(2, "buy", price, reason)]


@pytest.mark.parametrize(
    ("levels", "bar", "price", "reason"),
    [
        # entered at the open: stop and target count in the same bar
        ({"stop_loss": 95}, (100, 101, 95, 98), 95, "stop"),
        ({"take_profit": 105}, (100, 105, 99, 104), 105, "target"),
        ({"stop_loss": 95, "take_profit": 105}, (100, 105, 95, 100), 95, "stop"),
        # a stop above the entry is passed at once, at the entry's price
        ({"stop_loss": 95}, (94, 96, 93, 95), 94, "stop"),
        # entered inside the bar: the high may have come before
        ({"limit": 98, "take_profit": 103}, (100, 104, 97, 101), None, ""),
        ({"limit": 98, "stop_loss": 96}, (100, 104, 96, 101), 96, "stop"),
        ({"limit": 98, "take_profit": 103}, (98, 104, 97, 101), 103, "target"),
        ({"stop": 102, "stop_loss": 99}, (100, 103, 99, 102), 99, "stop"),
        ({"stop": 102, "trailing": 2}, (100, 103, 99.5, 102), 100, "trailing"),
    ],
)
def test_a_protection_meets_the_bar_of_the_entry(
    levels: dict[str, Any], bar: Bar, price: float | None, reason: str
) -> None:
    result = traded(bars(FLAT, bar), [BUY], **levels)

    assert fills(result)[1:] == ([] if price is None else [(1, "sell", price, reason)])
    assert bool(result.held[1]) is True


def test_a_trailing_stop_follows_the_highest_high_and_never_falls_back() -> None:
    market = bars(FLAT, (100, 104, 99, 103), (103, 110, 102, 109), (109, 109, 106, 107), (107, 107, 104, 104))

    result = traded(market, [BUY], trailing=[5, 5, 5, 9, 5])

    # After session 2 at 110 - 5; the wider distance of session 3 does not lower it.
    assert fills(result)[1:] == [(4, "sell", 105, "trailing")]


def test_the_high_of_a_bar_entered_inside_does_not_move_the_trailing_stop() -> None:
    market = bars(FLAT, (100, 108, 97, 99), (99, 99, 94, 95))

    result = traded(market, [BUY], limit=98, trailing=[4, 4, 4])

    # From the close of 99, not from the high of 108, which may have come first.
    assert fills(result)[1:] == [(2, "sell", 95, "trailing")]


def test_levels_of_a_later_close_do_not_move_a_stop() -> None:
    result = traded(bars(FLAT, FLAT, FLAT, (97, 98, 96, 97)), [BUY], stop_loss=[90, 97, 98, 99])

    assert len(result.fills) == 1


@pytest.mark.parametrize(("low", "price"), [(95.1, None), (95, 95)])
def test_ratios_protect_from_the_fill_price(low: float, price: float | None) -> None:
    execution = Execution(stop_loss_ratio=0.05, take_profit_ratio=0.1)

    result = traded(bars(FLAT, FLAT, (98, 98, low, 97)), [BUY], execution=execution)

    assert [found for _, _, found, _ in fills(result)[1:]] == (
        [] if price is None else [pytest.approx(price)]
    )
    assert result.fills[0].stop == pytest.approx(95)


def test_a_level_of_the_strategy_replaces_the_ratio_of_its_kind() -> None:
    execution = Execution(stop_loss_ratio=0.05, take_profit_ratio=0.02)

    result = traded(bars(FLAT, FLAT, (98, 103, 92, 97)), [BUY], execution=execution, stop_loss=90)

    assert fills(result)[1:] == [(2, "sell", 102, "target")]


def test_a_trailing_ratio_follows_the_best_price() -> None:
    execution = Execution(trailing_ratio=0.1)

    result = traded(bars(FLAT, (100, 120, 99, 119), (110, 111, 107, 109)), [BUY], execution=execution)

    assert result.fills[1].price == pytest.approx(108)
    assert result.trades[0].exit_reason == "trailing"


def test_a_short_trailing_ratio_follows_the_lowest_low() -> None:
    execution = Execution(trailing_ratio=0.1, allow_short=True)

    result = traded(bars(FLAT, (100, 101, 80, 81), (85, 89, 84, 86)), [SHORT], execution=execution)

    assert result.fills[1].price == pytest.approx(88)
    assert result.trades[0].exit_reason == "trailing"


def test_costs_worsen_market_and_stop_fills_and_never_break_a_limit() -> None:
    costs = Costs(commission_bps=0, slippage_bps=50, spread_bps=100)
    exits: dict[str, Any] = {"stop_loss": 95.0, "take_profit": 105.0}

    at_limit = traded(bars(FLAT, (99, 99, 97, 98)), [BUY], costs=costs, limit=98)
    better = traded(bars(FLAT, (97, 99, 96, 98)), [BUY], costs=costs, limit=98)
    stopped = traded(bars(FLAT, FLAT, (97, 98, 94, 95)), [BUY], costs=costs, **exits)
    target = traded(bars(FLAT, FLAT, (101, 106, 100, 105)), [BUY], costs=costs, **exits)
    gap = traded(bars(FLAT, FLAT, (110, 111, 100, 105)), [BUY], costs=costs, **exits)

    assert at_limit.fills[0].price == 98
    assert better.fills[0].price == pytest.approx(97 * 1.01)
    assert [fill.price for fill in stopped.fills] == pytest.approx([101, 95 * 0.99])
    assert [fill.price for fill in target.fills] == pytest.approx([101, 105])
    assert gap.fills[1].price == pytest.approx(110 * 0.99)


def test_a_day_order_lapses_and_a_gtc_order_waits() -> None:
    market = bars(FLAT, (100, 101, 99, 100), (100, 101, 97, 98))
    gtc = Execution(time_in_force=TimeInForce.GTC)

    assert fills(traded(market, [BUY], limit=98)) == []
    assert fills(traded(market, [BUY], limit=98, execution=gtc)) == [(2, "buy", 98, "signal")]


def test_another_signal_replaces_a_waiting_order() -> None:
    market = bars(FLAT, (100, 101, 99, 100), (100, 101, 97, 98), (98, 99, 90, 95))
    gtc = Execution(time_in_force=TimeInForce.GTC)

    cancelled = traded(market, [BUY, SELL], limit=98, execution=gtc)
    replaced = traded(market, [BUY, BUY], limit=[98, 92, nan, nan], execution=gtc)

    assert fills(cancelled) == []
    assert fills(replaced) == [(3, "buy", 92, "signal")]


def test_a_stop_limit_order_that_was_triggered_waits_as_a_limit_order() -> None:
    market = bars(FLAT, (105, 106, 104, 105), (104, 104.5, 102.5, 103), (100, 101, 99, 100))
    gtc = Execution(time_in_force=TimeInForce.GTC)

    result = traded(market, [BUY], stop=102, limit=103, execution=gtc)

    assert fills(result) == [(2, "buy", 103, "signal")]


def test_a_waiting_order_is_pending_with_its_prices_at_the_end() -> None:
    market = bars(FLAT, (100, 101, 99, 100), (50, 50.5, 49.5, 50), splits={2: 2.0})

    result = traded(market, [BUY], limit=90 / 2, execution=Execution(time_in_force=TimeInForce.GTC))

    # In the Series the first close is 50, after the split; 45 there are 90 as traded, 45 after the split.
    pending = result.pending_order
    assert pending is not None
    assert (pending.side, pending.limit, pending.stop) == ("buy", 45, None)
    assert pending.decided_session == market.sessions[0].item()


def test_a_split_divides_the_levels_of_what_is_held_and_of_what_waits() -> None:
    # On basis raw; in the Series all prices before the split are halved.
    split = {2: 2.0}
    held = bars(FLAT, FLAT, (50, 51, 48, 49), (47, 48, 46, 47), splits=split)
    waiting = bars(FLAT, (100, 101, 99, 100), (50, 51, 48, 49), splits=split)
    gtc = Execution(time_in_force=TimeInForce.GTC)

    stopped = traded(held, [BUY], stop_loss=47.5, take_profit=52)
    bought = traded(waiting, [BUY], limit=48.5, execution=gtc)

    assert fills(stopped) == [(1, "buy", 100, "signal"), (3, "sell", 47, "stop")]
    assert stopped.fills[0].stop == 95
    assert [fill.shares for fill in stopped.fills] == [100, 200]
    assert fills(bought) == [(2, "buy", 48.5, "signal")]


def test_a_split_divides_the_trailing_stop_and_the_best_price() -> None:
    market = bars(FLAT, (100, 120, 99, 118), (59, 60, 58, 59), (58, 58, 54, 55), splits={2: 2.0})

    result = traded(market, [BUY], trailing=[5, 5, 5, 5])

    # 120 - 10 before the split are 55 after it, the best price is 60.
    assert fills(result)[1:] == [(3, "sell", 55, "trailing")]


def test_a_signal_to_leave_comes_before_a_level_and_before_the_entry_it_makes_room_for() -> None:
    market = bars(FLAT, FLAT, (90, 91, 80, 85), (85, 86, 84, 85))

    result = traded(market, [BUY, SHORT], stop_loss=95)

    assert fills(result) == [
        (1, "buy", 100, "signal"),
        (2, "sell", 90, "signal"),
        (2, "sell", 90, "signal"),
    ]
    assert result.shares.tolist() == [0, 100, -100, -100]


def test_short_is_sell_where_shorting_is_not_allowed() -> None:
    result = traded(bars(FLAT, FLAT, FLAT, FLAT), [SHORT, BUY, SHORT], execution=Execution())

    assert [side for _, side, _, _ in fills(result)] == ["buy", "sell"]


def test_a_short_position_owes_the_dividend_and_gains_when_the_price_falls() -> None:
    market = bars(FLAT, FLAT, (98, 98, 96, 96), (90, 91, 89, 90), dividends={2: 1.5})

    result = traded(market, [SHORT, 0, SELL])

    (trade,) = result.trades
    assert result.dividend_income.tolist() == [0, 0, -150, 0]
    assert (trade.side, trade.shares, trade.dividends, trade.pnl) == ("short", 100, -150, 1000)
    assert result.final_equity == 10_000 + 1000 - 150
    assert result.equity.tolist() == [10_000, 10_000, 10_000, 10_000 + 400 - 150, 10_850]


def test_a_short_position_open_at_the_end_is_a_liability() -> None:
    result = traded(bars(FLAT, FLAT, (98, 98, 96, 96)), [SHORT])

    position = result.open_trade
    assert position is not None
    assert (position.side, position.shares, position.held_shares) == ("short", 100, 100)
    assert (position.market_value, position.unrealised_pnl) == (-9600, 400)
    assert result.gross_value.tolist() == [0, 10_000, 9600]


def test_the_initial_risk_of_a_trade_is_down_to_the_stop_of_its_entry() -> None:
    with_stop = traded(bars(FLAT, FLAT, (94, 95, 93, 94)), [BUY], stop_loss=95)
    without = traded(bars(FLAT, FLAT, (94, 95, 93, 94)), [BUY, SELL])

    assert [trade.initial_risk for trade in (*with_stop.trades, *without.trades)] == [500, None]
    assert with_stop.trades[0].exit_reason == "stop"


def test_a_stop_hit_in_the_session_of_the_last_close_leaves_its_new_order_pending() -> None:
    result = traded(bars(FLAT, FLAT, (97, 97, 94, 95)), [BUY, 0, BUY], stop_loss=95)

    assert len(result.trades) == 1
    assert result.pending_order is not None
    assert result.pending_order.side == "buy"
