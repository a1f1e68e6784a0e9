from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import BUY, SHORT
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.orders import Execution, Sizing, TimeInForce
from services.analytics.kernel.simulation import Simulation
from services.analytics.kernel.tests.synthetic import market_of
from services.analytics.kernel.tests.test_order_kinds import FREE, traded

CENTS = Costs(commission_bps=10, slippage_bps=0, commission_per_order=1.0, commission_per_share=0.01)


def bought(
    sizing: Sizing,
    size: float | None,
    *,
    costs: Costs = FREE,
    price: float = 40.0,
    volumes: list[float] | None = None,
    signal: int = BUY,
    levels: dict[str, float] | None = None,
    **options: Any,
) -> Simulation:
    """Enter at `price` with 10,000."""
    market = market_of([price] * 3, [price] * 3, volumes=volumes)
    execution = Execution(sizing=sizing, size=size, allow_short=True, **options)
    return traded(market, [signal], costs=costs, execution=execution, **(levels or {}))


@pytest.mark.parametrize(
    ("sizing", "size", "shares"),
    [
        (Sizing.ALL_IN, None, 250),
        (Sizing.FIXED_CASH, 1000, 25),
        (Sizing.FIXED_CASH, 20_000, 250),
        (Sizing.FIXED_SHARES, 17, 17),
        (Sizing.FIXED_SHARES, 1000, 250),
        (Sizing.PERCENT_OF_EQUITY, 0.5, 125),
        (Sizing.PERCENT_OF_EQUITY, 1.0, 250),
    ],
)
@pytest.mark.parametrize("signal", [BUY, SHORT])
def test_an_entry_is_as_large_as_its_sizing_says_and_never_dearer_than_the_cash(
    sizing: Sizing, size: float | None, shares: float, signal: int
) -> None:
    assert abs(bought(sizing, size, signal=signal).shares[-1]) == shares


@pytest.mark.parametrize(
    ("sizing", "size", "shares"),
    [
        # (10,000 - 1) / (40 * 1.001 + 0.01) = 249.66;  999 / 40.05 = 24.94;  4,999 / 40.05 = 124.8
        (Sizing.ALL_IN, None, 249),
        (Sizing.FIXED_CASH, 1000, 24),
        (Sizing.PERCENT_OF_EQUITY, 0.5, 124),
        (Sizing.FIXED_SHARES, 250, 249),
    ],
)
def test_commissions_are_part_of_what_an_entry_costs(
    sizing: Sizing, size: float | None, shares: float
) -> None:
    result = bought(sizing, size, costs=CENTS)

    (fill,) = result.fills
    assert fill.shares == shares
    assert fill.commission == pytest.approx(shares * 40 * 0.001 + 1 + shares * 0.01)
    assert result.cash[-1] == pytest.approx(10_000 - shares * 40 - fill.commission)


def test_risk_per_stop_loses_the_given_part_of_equity_at_the_stop() -> None:
    result = bought(Sizing.RISK_PER_STOP, 0.02, levels={"stop_loss": 36.0})

    # 200 at risk, 4 a share.
    assert result.shares[-1] == 50
    assert result.refused_orders == 0


def test_risk_per_stop_takes_the_nearer_of_two_stops_and_the_ratio_of_the_run() -> None:
    nearer = bought(Sizing.RISK_PER_STOP, 0.02, levels={"stop_loss": 30.0, "trailing": 5.0})
    ratio = bought(Sizing.RISK_PER_STOP, 0.02, stop_loss_ratio=0.25)
    short = bought(Sizing.RISK_PER_STOP, 0.02, signal=SHORT, levels={"stop_loss": 44.0})

    assert [abs(result.shares[-1]) for result in (nearer, ratio, short)] == [40, 20, 50]


@pytest.mark.parametrize("levels", [{}, {"stop_loss": 40.0}, {"stop_loss": 41.0}])
def test_risk_per_stop_refuses_an_entry_without_a_stop_below_it(levels: dict[str, float]) -> None:
    result = bought(Sizing.RISK_PER_STOP, 0.02, levels=levels)

    assert result.fills == ()
    assert (result.refused_orders, result.unaffordable_orders) == (1, 0)


def test_volatility_target_divides_by_the_volatility_of_20_returns_and_waits_for_them() -> None:
    # Moves of +1 % and -1 % of 100: 20 returns whose deviation is known.
    closes = np.array([100.0, 101.0] * 15)
    market = market_of(closes, closes)
    signals = [0] * 19 + [1, 1] + [0] * 9
    execution = Execution(sizing=Sizing.VOLATILITY_TARGET, size=0.08, whole_shares=False)

    result = traded(market, signals, execution=execution)

    returns = closes[1:21] / closes[:20] - 1
    volatility = np.std(returns, ddof=1) * np.sqrt(252)
    # Refused at the close of session 19, which knows 19 returns; decided at that of 20, filled at 101.
    assert result.refused_orders == 1
    assert result.fills[0].session == market.sessions[21].item()
    assert result.fills[0].shares * 101 == pytest.approx(10_000 * 0.08 / volatility)


def test_a_price_without_volatility_has_no_size_by_it() -> None:
    market = market_of([10] * 30, [10] * 30)
    execution = Execution(sizing=Sizing.VOLATILITY_TARGET, size=0.1)

    assert traded(market, [0] * 25 + [1], execution=execution).refused_orders == 1


@pytest.mark.parametrize(("whole", "shares"), [(True, 12), (False, 12.5)])
def test_an_entry_takes_no_more_than_its_part_of_the_volume(whole: bool, shares: float) -> None:
    result = bought(Sizing.ALL_IN, None, volumes=[9, 125, 9], volume_limit=0.1, whole_shares=whole)

    assert result.shares[-1] == shares


@pytest.mark.parametrize("volume", [0, 9])
def test_an_entry_waits_for_volume_if_it_may(volume: float) -> None:
    volumes = [0, volume, 1e6]

    day = bought(Sizing.ALL_IN, None, volumes=volumes, volume_limit=0.1)
    gtc = bought(Sizing.ALL_IN, None, volumes=volumes, volume_limit=0.1, time_in_force=TimeInForce.GTC)

    assert day.fills == ()
    assert day.unaffordable_orders == 0
    assert gtc.shares.tolist() == [0, 0, 250]


def test_impact_worsens_a_price_by_the_square_of_the_part_of_the_volume() -> None:
    costs = Costs(commission_bps=0, slippage_bps=0, impact=0.1)

    result = bought(Sizing.FIXED_SHARES, 100, costs=costs, volumes=[1, 200, 1])
    dead = bought(Sizing.FIXED_SHARES, 100, costs=costs, volumes=[1, 0, 1], stop_loss_ratio=0.5)

    assert result.fills[0].price == pytest.approx(40 * (1 + 0.1 * 0.25))
    assert (dead.fills[0].price, dead.fills[0].stop) == pytest.approx((44, 22))


@settings(deadline=None)
@given(
    impact=st.floats(1e-6, 0.5),
    volume=st.floats(0, 1000),
    price=st.floats(0.5, 500),
    fee=st.floats(0, 50),
)
def test_all_in_with_impact_spends_all_cash_and_no_cent_more(
    impact: float, volume: float, price: float, fee: float
) -> None:
    costs = Costs(commission_bps=20, slippage_bps=5, commission_per_order=fee, impact=impact)

    result = bought(Sizing.ALL_IN, None, costs=costs, price=price, volumes=[1, volume, 1], whole_shares=False)

    (fill,) = result.fills
    assert fill.shares * fill.price + fill.commission == pytest.approx(10_000, abs=1e-6)
    assert 0 <= result.cash[-1] < 1e-6


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("size", {"size": 5.0}),
        ("size", {"sizing": Sizing.FIXED_CASH}),
        ("size", {"sizing": Sizing.PERCENT_OF_EQUITY, "size": 1.01}),
        ("size", {"sizing": Sizing.FIXED_SHARES, "size": float("nan")}),
        ("sizing", {"sizing": "kelly"}),
        ("time_in_force", {"time_in_force": "ioc"}),
        ("stop_loss_ratio", {"stop_loss_ratio": 1.0}),
        ("take_profit_ratio", {"take_profit_ratio": 0.0}),
        ("trailing_ratio", {"trailing_ratio": -0.1}),
        ("volume_limit", {"volume_limit": 1.5}),
    ],
)
def test_absurd_options_are_refused(field: str, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Execution(**values)

    assert caught.value.extra["field"] == field


@pytest.mark.parametrize("field", ["commission_per_share", "spread_bps", "impact"])
def test_absurd_costs_are_refused(field: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Costs(**{"commission_bps": 0.0, "slippage_bps": 0.0, field: 1e5})

    assert caught.value.extra["field"] == field
