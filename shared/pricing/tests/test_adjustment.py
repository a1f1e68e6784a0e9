"""The three bases against numbers worked out by hand, and the laws that tie them together."""

from dataclasses import fields, replace
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.pricing.adjustment import AdjustedBars, Basis, adjust, snap_split_ratio
from shared.pricing.history import Dividend, PriceHistory, Split

ARRAYS = tuple(
    field.name for field in fields(AdjustedBars) if field.name not in ("symbol", "version", "basis")
)
FIRST = date(2020, 1, 6)


def day(offset: int) -> date:
    return FIRST + timedelta(days=offset)


def history(
    closes: list[float],
    *,
    splits: tuple[Split, ...] = (),
    dividends: tuple[Dividend, ...] = (),
    absent: tuple[int, ...] = (),
) -> PriceHistory:
    """Return bars on consecutive days from FIRST, leaving out the day offsets in `absent`."""
    offsets = [offset for offset in range(len(closes) + len(absent)) if offset not in absent]
    close = np.array(closes, dtype=np.float64)
    return PriceHistory(
        symbol="XYZ",
        version=1,
        sessions=np.array([day(offset) for offset in offsets], dtype="datetime64[D]"),
        open=close * 0.99,
        high=close * 1.02,
        low=close * 0.98,
        close=close,
        volume=np.arange(len(closes), dtype=np.int64) * 100 + 1000,
        splits=splits,
        dividends=dividends,
    )


def content(bars: AdjustedBars) -> dict[str, bytes]:
    return {name: getattr(bars, name).tobytes() for name in ARRAYS}


# Cash of 1 on day 1 on old shares, 2:1 on day 2, cash of 0.50 on day 3 on new shares.
WORKED = history(
    [100.0, 102.0, 51.0, 50.0],
    splits=(Split(ex_date=day(2), ratio=2.0),),
    dividends=(Dividend(ex_date=day(1), amount=1.0), Dividend(ex_date=day(3), amount=0.5)),
)


def test_raw_keeps_prices_and_multiplies_shares() -> None:
    bars = adjust(WORKED, Basis.RAW)

    assert bars.close.tolist() == [100.0, 102.0, 51.0, 50.0]
    assert bars.volume.tolist() == [1000.0, 1100.0, 1200.0, 1300.0]
    assert bars.split_ratio.tolist() == [1.0, 1.0, 2.0, 1.0]
    assert bars.dividend.tolist() == [0.0, 1.0, 0.0, 0.5]
    assert bars.signal_close.tolist() == [50.0, 51.0, 51.0, 50.0]


def test_split_restates_prices_cash_and_volume_in_shares_of_the_last_session() -> None:
    bars = adjust(WORKED, Basis.SPLIT)

    assert bars.close.tolist() == [50.0, 51.0, 51.0, 50.0]
    assert bars.open.tolist() == (WORKED.open / [2.0, 2.0, 1.0, 1.0]).tolist()
    assert bars.volume.tolist() == [2000.0, 2200.0, 1200.0, 1300.0]
    assert bars.split_ratio.tolist() == [1.0, 1.0, 1.0, 1.0]
    assert bars.dividend.tolist() == [0.0, 0.5, 0.0, 0.5]
    assert bars.signal_close.tolist() == bars.close.tolist()


def test_total_return_uses_the_close_on_the_ex_date() -> None:
    bars = adjust(WORKED, Basis.TOTAL_RETURN)

    late, early = 50.0 / 50.5, 102.0 / 103.0
    assert bars.close == pytest.approx([50.0 * late * early, 51.0 * late, 51.0 * late, 50.0], rel=1e-15)
    assert bars.high == pytest.approx(bars.close * 1.02, rel=1e-15)
    assert bars.volume.tolist() == [2000.0, 2200.0, 1200.0, 1300.0]
    assert bars.dividend.tolist() == [0.0] * 4
    assert bars.split_ratio.tolist() == [1.0] * 4
    assert bars.signal_close.tolist() == bars.close.tolist()


def test_cash_on_the_day_of_a_split_is_per_new_share() -> None:
    both = history(
        [100.0, 50.0],
        splits=(Split(ex_date=day(1), ratio=2.0),),
        dividends=(Dividend(ex_date=day(1), amount=0.25),),
    )

    assert adjust(both, Basis.RAW).dividend.tolist() == [0.0, 0.25]
    assert adjust(both, Basis.SPLIT).dividend.tolist() == [0.0, 0.25]
    assert adjust(both, Basis.TOTAL_RETURN).close == pytest.approx([50.0 * 50.0 / 50.25, 50.0], rel=1e-15)


def test_an_action_without_a_bar_applies_at_the_next_session() -> None:
    gap = history(
        [100.0, 101.0, 25.0],
        absent=(2,),
        splits=(Split(ex_date=day(3), ratio=4.0),),
        dividends=(Dividend(ex_date=day(2), amount=1.0),),
    )

    raw = adjust(gap, Basis.RAW)

    # The cash was due on 1 old share, which is 4 shares when it is credited.
    assert raw.dividend.tolist() == [0.0, 0.0, 0.25]
    assert raw.split_ratio.tolist() == [1.0, 1.0, 4.0]
    assert adjust(gap, Basis.SPLIT).close.tolist() == [25.0, 25.25, 25.0]


@pytest.mark.parametrize("basis", Basis)
@pytest.mark.parametrize("offset", [-1, 2])
def test_actions_outside_the_sessions_have_no_effect(basis: Basis, offset: int) -> None:
    outside = history(
        [100.0, 101.0],
        splits=(Split(ex_date=day(offset), ratio=2.0),),
        dividends=(Dividend(ex_date=day(offset), amount=1.0),),
    )

    assert content(adjust(outside, basis)) == content(adjust(history([100.0, 101.0]), basis))


def test_two_dividends_of_one_day_add_up() -> None:
    paid = (Dividend(ex_date=day(1), amount=1.0), Dividend(ex_date=day(1), amount=3.0))

    bars = adjust(history([100.0, 96.0], dividends=paid), Basis.TOTAL_RETURN)

    assert bars.close == pytest.approx([100.0 * 96.0 / 100.0, 96.0], rel=1e-15)


def test_prices_divide_by_the_ratio_as_stated_and_shares_by_the_snapped_one() -> None:
    vendor = history([700.0, 100.0], splits=(Split(ex_date=day(1), ratio=7.000007),))

    assert adjust(vendor, Basis.SPLIT).close.tolist() == [700.0 / 7.000007, 100.0]
    assert adjust(vendor, Basis.SPLIT).volume.tolist() == [7000.0, 1100.0]
    assert adjust(vendor, Basis.RAW).split_ratio.tolist() == [1.0, 7.0]


def test_a_spin_off_moves_prices_only() -> None:
    spin_off = history([104.6, 100.0], splits=(Split(ex_date=day(1), ratio=1.046),))

    assert adjust(spin_off, Basis.RAW).split_ratio.tolist() == [1.0, 1.0]
    assert adjust(spin_off, Basis.SPLIT).close == pytest.approx([100.0, 100.0], rel=1e-15)
    assert adjust(spin_off, Basis.SPLIT).volume.tolist() == [1000.0, 1100.0]


@pytest.mark.parametrize(
    ("ratio", "snapped"),
    [
        (2.0, Fraction(2)),
        (7.000007, Fraction(7)),
        (7.00000700001, Fraction(7)),
        (1.5, Fraction(3, 2)),
        (1.333333, Fraction(4, 3)),
        (1.05, Fraction(21, 20)),
        (0.1, Fraction(1, 10)),
        (0.04, Fraction(1, 25)),
        (0.666667, Fraction(2, 3)),
        (1.046, None),
        (1.998, None),
    ],
)
def test_split_ratios_snap_to_small_rationals(ratio: float, snapped: Fraction | None) -> None:
    assert snap_split_ratio(ratio) == snapped


def test_no_sessions_give_no_bars() -> None:
    empty = history([], dividends=(Dividend(ex_date=FIRST, amount=1.0),))

    assert all(len(getattr(adjust(empty, basis), name)) == 0 for basis in Basis for name in ARRAYS)


@st.composite
def histories(draw: st.DrawFn) -> PriceHistory:
    closes = draw(st.lists(st.floats(1.0, 1000.0), min_size=1, max_size=30))
    offsets = st.integers(-1, len(closes))
    splits = st.builds(Split, ex_date=offsets.map(day), ratio=st.sampled_from([2.0, 3.0, 1.5, 0.1, 7.0]))
    dividends = st.builds(Dividend, ex_date=offsets.map(day), amount=st.floats(0.01, 5.0))
    return history(
        closes,
        splits=tuple(draw(st.lists(splits, max_size=3))),
        dividends=tuple(draw(st.lists(dividends, max_size=5))),
    )


@given(histories())
def test_split_and_raw_give_the_same_wealth(known: PriceHistory) -> None:
    raw, split = adjust(known, Basis.RAW), adjust(known, Basis.SPLIT)

    shares = np.cumprod(np.r_[1.0, raw.split_ratio[1:]])
    raw_wealth = shares * raw.close + np.cumsum(np.r_[0.0, (shares * raw.dividend)[1:]])
    split_wealth = split.close + np.cumsum(np.r_[0.0, split.dividend[1:]])

    assert raw_wealth / raw.close[0] == pytest.approx(split_wealth / split.close[0], rel=1e-12)


@given(histories())
def test_total_return_is_price_change_plus_cash_of_the_same_day(known: PriceHistory) -> None:
    split, total = adjust(known, Basis.SPLIT), adjust(known, Basis.TOTAL_RETURN)

    with_cash = (split.close + split.dividend)[1:] / split.close[:-1]

    assert total.close[1:] / total.close[:-1] == pytest.approx(with_cash, rel=1e-12)
    assert total.close[-1] == known.close[-1]


@given(histories(), st.randoms(use_true_random=False))
def test_the_same_facts_in_any_order_give_the_same_bytes(known: PriceHistory, random: object) -> None:
    splits, dividends = list(known.splits), list(known.dividends)
    random.shuffle(splits)  # type: ignore[attr-defined]
    random.shuffle(dividends)  # type: ignore[attr-defined]
    shuffled = replace(known, splits=tuple(splits), dividends=tuple(dividends))

    for basis in Basis:
        assert content(adjust(known, basis)) == content(adjust(shuffled, basis))


@given(histories(), st.data())
@settings(max_examples=50)
def test_a_corrected_bar_changes_itself_and_total_returns_before_a_dividend(
    known: PriceHistory, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(known.sessions) - 1))
    close = known.close.copy()
    close[at] *= 1.01
    corrected = replace(known, close=close, version=2)
    paid = adjust(known, Basis.RAW).dividend[at] > 0

    for basis in Basis:
        before, after = adjust(known, basis), adjust(corrected, basis)
        changed = np.flatnonzero(before.close != after.close)
        if basis is Basis.TOTAL_RETURN and paid:
            assert changed.max() == at
        else:
            assert changed.tolist() == [at]


def test_results_share_no_memory_with_the_history() -> None:
    bars = adjust(WORKED, Basis.RAW)

    for name in ("sessions", "open", "high", "low", "close", "volume"):
        assert not np.shares_memory(getattr(bars, name), getattr(WORKED, name))
