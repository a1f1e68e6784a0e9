"""What holds for every registered strategy, whatever its rule."""

from contextlib import suppress
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters, Strategy
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.analytics.kernel.strategies.tests.bars import walk

LARGEST_WINDOW = 12
every_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


def drawn_parameters(data: st.DataObject, strategy: Strategy[Any]) -> Parameters:
    """Draw what the strategy permits, with windows short enough for short series."""
    values: dict[str, Any] = {}
    for described in strategy.described_parameters():
        low, high = described["minimum"], described["maximum"]
        if described["type"] == "int":
            values[described["name"]] = data.draw(st.integers(low, min(high, max(LARGEST_WINDOW, low + 2))))
        else:
            values[described["name"]] = data.draw(st.floats(low, high))
    # Where the first must be less than the second, the two change places.
    swapped = dict(zip([*values][1::-1] + [*values][2:], values.values(), strict=True))
    for attempt in (values, swapped):
        with suppress(InvalidParameter):
            parsed: Parameters = strategy.parse(attempt)
            return parsed
    defaults: Parameters = strategy.parse({})
    return defaults


def columns(decisions: Decisions, count: int) -> dict[str, list[float]]:
    found = {field.name: getattr(decisions, field.name) for field in fields(decisions)}
    return {name: np.nan_to_num(c, nan=-1.0)[:count].tolist() for name, c in found.items() if c is not None}


@every_strategy
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), tick=st.sampled_from([0.0, 0.5]))
def test_no_decision_depends_on_a_later_bar(
    strategy: Strategy[Any], data: st.DataObject, seed: int, tick: float
) -> None:
    series, parameters = walk(seed, 70, tick=tick), drawn_parameters(data, strategy)
    cut = data.draw(st.integers(1, 70))

    whole, prefix = strategy.decide(series, parameters), strategy.decide(series.until(cut), parameters)

    assert columns(whole, cut) == columns(prefix, cut)


@every_strategy
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_nothing_is_decided_during_warm_up(strategy: Strategy[Any], data: st.DataObject, seed: int) -> None:
    parameters = drawn_parameters(data, strategy)

    decided = strategy.decide(walk(seed, 70), parameters)

    assert not decided.signal[: strategy.warm_up_sessions(parameters) - 1].any()
    assert decided.has_levels <= strategy.has_levels


@every_strategy
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_too_few_bars_decide_nothing_but_are_no_error(strategy: Strategy[Any], count: int) -> None:
    parameters = strategy.parse({})

    decided = strategy.decide(walk(1, 5).until(count), parameters)

    assert len(decided) == count
    assert strategy.warm_up_sessions(parameters) <= count or not decided.signal.any()


@every_strategy
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_a_sweep_gives_the_signals_of_its_cells(
    strategy: Strategy[Any], data: st.DataObject, seed: int
) -> None:
    series = walk(seed, 60, tick=0.5)
    cells = [drawn_parameters(data, strategy) for _ in range(3)]

    signals = strategy.signals_of(series, cells)

    assert signals.tolist() == [strategy.decide(series, cell).signal.tolist() for cell in cells]


@every_strategy
@pytest.mark.parametrize("ratio", [2.0, 3.0, 7.0, 20.0])
def test_the_same_prices_after_a_split_give_the_same_signals(strategy: Strategy[Any], ratio: float) -> None:
    for seed in range(10):
        series = walk(seed, 300, tick=0.5)
        split = Series(
            open=series.open / ratio,
            high=series.high / ratio,
            low=series.low / ratio,
            close=series.close / ratio,
            volume=series.volume * ratio,
        )

        before, after = (strategy.decide(bars, strategy.parse({})).signal for bars in (series, split))

        assert before.tolist() == after.tolist()


@every_strategy
def test_a_price_that_never_moves_is_no_reason_to_trade(strategy: Strategy[Any]) -> None:
    flat = np.full(400, 17.3)
    series = Series(open=flat, high=flat, low=flat, close=flat, volume=np.full(400, 1e6))

    signals = strategy.decide(series, strategy.parse({})).signal

    assert not signals[1:].any()


@every_strategy
def test_an_empty_sweep_is_no_error(strategy: Strategy[Any]) -> None:
    assert strategy.signals_of(walk(1, 30), []).shape == (0, 30)
