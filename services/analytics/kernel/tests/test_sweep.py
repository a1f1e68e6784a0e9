import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.engine import SWEEP_METRICS, simulate, sweep_block
from services.analytics.kernel.metrics import Year, measure
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.tests.synthetic import market_of
from services.analytics.kernel.tests.worlds import costs_of_all_kinds, decided, executions, walk

YEAR = Year(periods=252, risk_free=0.03)
FREE = Costs(commission_bps=0, slippage_bps=0)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    execution=executions(plain=True),
    costs=costs_of_all_kinds,
    fee=st.sampled_from([0.0, 0.0, 2500.0]),
    count=st.sampled_from([3, 19, 40]),
)
def test_a_cell_of_a_sweep_has_the_metrics_of_the_full_run(
    seed: int, execution: Execution, costs: Costs, fee: float, count: int
) -> None:
    market = walk(seed, count=count)
    costs = replace(costs, commission_per_order=costs.commission_per_order + fee)
    signals = np.stack([decided(seed + i, market, frozenset()).signal for i in range(3)])

    swept = sweep_block(market, signals, initial_capital=10_000, costs=costs, execution=execution, year=YEAR)

    for own, figures in zip(signals, swept, strict=True):
        full = simulate(
            market, Decisions(signal=own), initial_capital=10_000, costs=costs, execution=execution
        )
        metrics = measure(full, benchmark=None, year=YEAR)
        for name, figure in zip(SWEEP_METRICS, figures.tolist(), strict=True):
            value = metrics[name].value
            assert math.isnan(figure) if value is None else figure == pytest.approx(value, rel=1e-9, abs=1e-9)


def test_an_account_that_a_short_position_ruins_has_no_sharpe_ratio() -> None:
    market = market_of([10, 10, 25, 25, 25], [10, 25, 25, 25, 25])
    signals = np.array([[-2, 0, -1, 0, 0]], dtype=np.int8)

    ((total_return, _, sharpe, max_drawdown, *_),) = sweep_block(
        market, signals, initial_capital=1000, costs=FREE, execution=Execution(allow_short=True), year=YEAR
    )

    assert (total_return, max_drawdown) == (-1.5, -1.5)
    assert math.isnan(sharpe)


def test_an_account_ruined_at_the_last_close_alone_has_one_as_in_the_full_run() -> None:
    market = market_of([10, 10, 11], [10, 11, 25])
    signals = np.array([[-2, 0, 0]], dtype=np.int8)
    options = Execution(allow_short=True)

    ((*_, sharpe, _, _, _),) = sweep_block(
        market, signals, initial_capital=1000, costs=FREE, execution=options, year=YEAR
    )

    full = simulate(market, Decisions(signal=signals[0]), initial_capital=1000, costs=FREE, execution=options)
    assert full.final_equity < 0
    assert sharpe == pytest.approx(measure(full, benchmark=None, year=YEAR)["sharpe"].value, rel=1e-9)


def test_a_sweep_refuses_options_that_need_levels() -> None:
    with pytest.raises(ValueError, match="no levels"):
        sweep_block(
            market_of([1], [1]),
            np.zeros((1, 1), dtype=np.int8),
            initial_capital=1000,
            costs=FREE,
            execution=Execution(stop_loss_ratio=0.1),
            year=YEAR,
        )
