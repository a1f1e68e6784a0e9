from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel.costs import Costs
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics import Year, measure
from services.analytics.kernel.orders import Execution
from services.analytics.kernel.strategies.registry import strategy_named
from services.analytics.kernel.sweep import Conditions, grid_of, parameter_sets, run_windows
from services.analytics.kernel.sweep.cells import part_of, simulated
from services.analytics.kernel.tests.synthetic import random_walk
from services.analytics.kernel.walk_forward import Anchoring, Fold, WalkForward, folds_of, walk_forward
from shared.errors import InsufficientHistory, ValidationFailed

CROSS = strategy_named("sma_cross")
GRID = grid_of(CROSS, {"fast_window": [2, 5], "slow_window": [9, 15]})
CELLS = [cell for cell in parameter_sets(CROSS, GRID, np.arange(4), sessions=400) if cell]
TERMS = Conditions(
    initial_capital=10_000, costs=Costs(commission_bps=5, slippage_bps=0), execution=Execution(), year=Year()
)


def cut(
    market: MarketData,
    anchoring: Anchoring = Anchoring.ROLLING,
    *,
    count: int = 5,
    ratio: int = 3,
    warm: int = 16,
) -> tuple[Fold, ...]:
    return folds_of(market, count=count, anchoring=anchoring, in_sample_ratio=ratio, warm_up_sessions=warm)


def walked(market: MarketData, terms: Conditions = TERMS, objective: str = "sharpe") -> WalkForward:  # type: ignore[type-arg]
    return walk_forward(market, CROSS, CELLS, terms, cut(market), objective=objective)


@given(
    sessions=st.integers(180, 600),
    count=st.integers(4, 6),
    ratio=st.integers(1, 3),
    anchoring=st.sampled_from(Anchoring),
)
@settings(deadline=None, max_examples=50)
def test_folds_follow_each_other_to_the_end_and_choose_only_on_what_was_before(
    sessions: int, count: int, ratio: int, anchoring: Anchoring
) -> None:
    folds = cut(random_walk(1, sessions), anchoring, count=count, ratio=ratio, warm=5)

    assert len(folds) == count
    assert folds[-1].out_of_sample.stop == sessions
    lengths = {fold.out_of_sample.stop - fold.out_of_sample.start for fold in folds}
    assert len(lengths) == 1
    for before, after in pairwise(folds):
        assert before.out_of_sample.stop == after.out_of_sample.start
    for fold in folds:
        assert fold.in_sample.stop == fold.out_of_sample.start
        chosen = fold.in_sample.stop - fold.in_sample.start
        assert fold.in_sample.start >= 0
        if anchoring == Anchoring.ANCHORED:
            assert fold.in_sample.start == 0
            assert chosen >= ratio * max(lengths)
        else:
            assert chosen == ratio * max(lengths)


def test_folds_shorter_than_twice_the_warm_up_are_refused_by_how_many_sessions_are_missing() -> None:
    # 5 + 3 parts of 25 sessions: 75 to choose by.
    assert len(cut(random_walk(1, 200), warm=37)) == 5
    with pytest.raises(InsufficientHistory) as refused:
        cut(random_walk(1, 200), warm=38)

    needed = refused.value.needed_sessions
    assert needed == 208
    assert len(cut(random_walk(1, needed), warm=38)) == 5
    with pytest.raises(InsufficientHistory):
        cut(random_walk(1, needed - 1), warm=38)


def test_folds_too_short_for_an_annual_return_are_refused() -> None:
    assert len(cut(random_walk(1, 160), warm=2)) == 5
    with pytest.raises(InsufficientHistory):
        cut(random_walk(1, 159), warm=2)


@pytest.mark.parametrize(
    ("count", "ratio", "field"),
    [(3, 3, "folds"), (51, 3, "folds"), (4, 0, "in_sample_ratio"), (4, 21, "in_sample_ratio")],
)
def test_too_few_and_too_many_folds_are_refused(count: int, ratio: int, field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        cut(random_walk(1, 400), count=count, ratio=ratio)

    assert refused.value.extra["field"] == field


def test_each_fold_chooses_the_cell_that_was_best_in_sample() -> None:
    market = random_walk(4, 320)
    folds = cut(market)

    found = walk_forward(market, CROSS, CELLS, TERMS, folds, objective="total_return")

    for turn, fold in zip(found.folds, folds, strict=True):
        (figures,) = run_windows(market, CROSS, CELLS, TERMS, [fold.in_sample])
        assert turn.row == int(figures[:, 0].argmax())
        assert turn.parameters == CELLS[turn.row]
        np.testing.assert_array_equal(turn.in_sample, figures[turn.row])
    assert len({turn.row for turn in found.folds}) > 1


def test_an_objective_that_is_undefined_is_never_the_highest() -> None:
    market = random_walk(4, 320)
    # Its warm-up takes nearly all of the first choice, so it has not traded and has no Sharpe ratio.
    idle = CROSS.parse({"fast_window": 110, "slow_window": 119})

    found = walk_forward(market, CROSS, [idle, *CELLS], TERMS, cut(market))

    (figures,) = run_windows(market, CROSS, [idle], TERMS, [cut(market)[0].in_sample])
    assert np.isnan(figures[0, 2])
    assert found.folds[0].row > 0


def test_no_price_after_a_fold_began_changes_what_it_chose_or_what_was_earned_before() -> None:
    market = random_walk(6, 320)
    begin = cut(market)[3].out_of_sample.start
    later = np.where(np.arange(320) < begin, 1.0, 1.7)
    changed = replace(
        market,
        **{name: getattr(market, name) * later for name in ("open", "high", "low", "close", "signal_close")},
    )

    before, after = walked(market), walked(changed)

    assert [turn.row for turn in before.folds[:4]] == [turn.row for turn in after.folds[:4]]
    earned = begin - cut(market)[0].out_of_sample.start + 1  # the opening is one more
    np.testing.assert_array_equal(before.out_of_sample.equity[:earned], after.out_of_sample.equity[:earned])
    assert before.out_of_sample.final_equity != after.out_of_sample.final_equity


def test_one_cell_alone_is_the_account_that_took_its_position_over_at_the_first_close() -> None:
    market = random_walk(12, 320)
    folds = cut(market)
    begin = folds[0].out_of_sample.start
    held = simulated(market, CROSS.decide(market.series, CELLS[0]), TERMS)

    found = walk_forward(market, CROSS, CELLS[:1], TERMS, folds).out_of_sample

    # From its first exit on it holds and leaves as the account that traded all along.
    np.testing.assert_array_equal(found.shares > 0, held.shares[begin:] > 0)
    assert found.equity[0] == 10_000
    assert found.dates.tolist() == market.sessions[begin - 1 :].tolist()


def test_at_a_change_of_cells_the_account_holds_what_the_new_cell_holds() -> None:
    for seed in range(12):
        market = random_walk(seed, 320)
        found = walked(market)
        begin = found.folds[0].fold.out_of_sample.start
        for turn in found.folds:
            at = turn.fold.out_of_sample
            own = simulated(
                part_of(market, slice(0, at.stop)),
                CROSS.decide(part_of(market, slice(0, at.stop)).series, turn.parameters),
                TERMS,
            )
            account = found.out_of_sample.shares[at.start - begin : at.stop - begin]
            window = simulated(part_of(market, turn.fold.in_sample), _in_window(market, turn), TERMS)
            if (window.shares[-1] > 0) == (own.shares[at.start - 1] > 0):
                np.testing.assert_array_equal(account > 0, own.shares[at.start :] > 0)


def _in_window(market: MarketData, turn):  # type: ignore[no-untyped-def]
    from services.analytics.kernel.sweep.cells import decisions_in

    return decisions_in(CROSS.decide(market.series, turn.parameters), turn.fold.in_sample)


def test_efficiency_is_the_annual_return_outside_over_that_inside() -> None:
    for seed in range(20):
        market = random_walk(seed, 320)
        found = walked(market)
        cagr = [turn.in_sample[1] for turn in found.folds]
        equity = found.out_of_sample
        sessions = 320 - found.folds[0].fold.out_of_sample.start
        expected = (equity.final_equity / 10_000) ** (252 / sessions) - 1
        assert found.out_of_sample_return == pytest.approx(expected)
        assert found.in_sample_return == pytest.approx(np.mean(cagr))
        if np.mean(cagr) > 0:
            assert found.efficiency == pytest.approx(expected / np.mean(cagr))
        else:
            assert (found.efficiency, bool(found.no_efficiency_reason)) == (None, True)
        own = measure(equity, benchmark=found.benchmark, year=Year())
        assert own["cagr"].value == pytest.approx(expected)


def test_the_account_adds_up_and_stands_beside_buy_and_hold_of_the_same_sessions() -> None:
    market = random_walk(8, 320)
    found = walked(market)
    account, begin = found.out_of_sample, found.folds[0].fold.out_of_sample.start

    np.testing.assert_array_equal(account.dates, found.benchmark.dates)
    np.testing.assert_allclose(account.equity[1:], account.cash + account.shares * market.close[begin:])
    assert account.fills
    for fill in account.fills:
        at = int(np.searchsorted(market.sessions, np.datetime64(fill.session)))
        assert fill.price == pytest.approx(market.open[at])
    gained = sum(trade.pnl for trade in account.trades)
    held = account.open_trade.unrealised_pnl if account.open_trade else 0.0
    assert gained + held + account.dividends_total == pytest.approx(account.final_equity - 10_000)


def test_a_strategy_with_levels_walks_too() -> None:
    market = random_walk(3, 900)
    bomb = strategy_named("la_bomba")
    cells = [bomb.parse({})]
    warm = bomb.warm_up_sessions(cells[0])

    found = walk_forward(market, bomb, cells, TERMS, cut(market, warm=warm))

    assert len(found.folds) == 5
    assert found.out_of_sample.equity[0] == 10_000
