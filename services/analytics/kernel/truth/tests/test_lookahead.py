import pytest

from services.analytics.kernel.strategies.base import Parameters, Strategy
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.analytics.kernel.truth.lookahead import Certificate, certificate, changed
from services.analytics.kernel.truth.tests.worlds import CHEATS, HONEST, Rule, noise


def certified(rule: Rule, seed: int, *, count: int = 750) -> Certificate:
    return certificate(rule, noise(seed, count), Parameters(), warm_up_sessions=20)


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS)
def test_every_cheat_is_caught_in_every_world_where_it_changes_anything(cheat: Rule) -> None:
    caught = 0
    for seed in range(10):
        series = noise(seed, 250 + 20 * seed)
        whole = cheat(series, Parameters())

        found = certified(cheat, seed, count=len(series))

        prefixes = (
            changed(whole, cheat(series.until(cut), Parameters()), cut) for cut in range(20, len(series))
        )
        assert found.passed == (not any(each.any() for each in prefixes))
        if not found.passed:
            assert found.first_difference is not None
            assert found.shown_by in found.cuts
            assert found.first_difference < found.shown_by
            caught += 1
    assert caught >= 5


@pytest.mark.parametrize("rule", HONEST.values(), ids=HONEST)
def test_an_honest_rule_is_never_accused(rule: Rule) -> None:
    for seed in range(25):
        assert certified(rule, seed, count=100 + 30 * seed).passed


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_our_own_strategies_are_certified(strategy: Strategy[Parameters]) -> None:
    parameters = strategy.parse({})
    for seed in range(3):
        found = certificate(
            strategy.decide,
            noise(seed, 600),
            parameters,
            warm_up_sessions=strategy.warm_up_sessions(parameters),
        )

        assert found.passed
        assert 5 <= len(found.cuts) <= 16


def test_the_prefixes_end_on_signals_and_are_spread() -> None:
    found = certified(HONEST["above its mean"], 1)

    whole = HONEST["above its mean"](noise(1), Parameters()).signal
    begins = [cut for cut in found.cuts if whole[cut - 1] != 0 and whole[cut - 1] != whole[cut - 2]]
    assert len(begins) >= 10
    assert found.cuts[0] == 20
    assert found.cuts[-1] == 749
    assert list(found.cuts) == sorted(set(found.cuts))
    assert found.signals_checked > 500


@pytest.mark.parametrize("count", [0, 1, 2, 20, 21])
def test_a_series_too_short_to_cut_is_certified_by_what_there_is(count: int) -> None:
    found = certified(HONEST["rising"], 1, count=count)

    assert found.passed
    assert len(found.cuts) <= 1
