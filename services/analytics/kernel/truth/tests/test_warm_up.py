import numpy as np
import pytest

from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.truth.tests.worlds import above, noise
from services.analytics.kernel.truth.warm_up import Sensitivity, sensitivity


def measured(name: str, seed: int, **values: int) -> Sensitivity:
    strategy = strategy_named(name)
    parameters = strategy.parse(values)
    warm_up = strategy.warm_up_sessions(parameters)
    return sensitivity(strategy.decide, noise(seed), parameters, warm_up_sessions=warm_up)


@pytest.mark.parametrize("name", ["sma_cross", "bollinger", "moving_average_dip", "la_bomba"])
def test_a_rule_of_windows_forgets_where_its_data_start(name: str) -> None:
    for seed in range(5):
        found = measured(name, seed)

        strategy = strategy_named(name)
        assert found.passed
        assert found.memory_sessions == strategy.warm_up_sessions(strategy.parse({}))
        assert len(found.starts) == 4


def test_exponential_averages_remember_their_start_for_a_while() -> None:
    found = [measured("ema_cross", seed, fast_window=20, slow_window=60) for seed in range(8)]

    assert sum(not each.passed for each in found) >= 4
    assert max(each.memory_sessions for each in found) > 70
    # The seed's weight has fallen below 1e-8 after ten windows: what is remembered then is rounding.
    assert max(each.memory_sessions for each in found) < 600


def test_a_rule_that_counts_from_the_first_bar_never_forgets() -> None:
    def every_seventh(series: Series, _: Parameters) -> Decisions:
        return above((np.arange(len(series)) % 7 == 0) * 1.0, 0.5)

    found = sensitivity(every_seventh, noise(1), Parameters(), warm_up_sessions=1)

    assert not found.passed
    assert found.memory_sessions > 700
    assert 0 < found.signals_changed < found.signals_compared


@pytest.mark.parametrize("count", [0, 1, 20, 21])
def test_a_series_too_short_to_start_later_has_nothing_to_say(count: int) -> None:
    strategy = strategy_named("sma_cross")

    found = sensitivity(strategy.decide, noise(1, count), strategy.parse({}), warm_up_sessions=51)

    assert (found.starts, found.signals_compared, found.passed) == ((), 0, True)
