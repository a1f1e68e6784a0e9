from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from services.reports.documents.axes import chart_text, pane, set_date_axis, set_value_axis, spread, thinned


def test_places_that_are_apart_stay() -> None:
    assert spread([0.0, 20.0, 50.0], gap=9.0) == [0.0, 20.0, 50.0]


def test_places_that_touch_stand_around_their_mean() -> None:
    assert spread([10.0, 10.0, 40.0], gap=8.0) == [6.0, 14.0, 40.0]


@given(st.lists(st.floats(min_value=-500, max_value=500), max_size=12))
def test_spread_places_are_a_gap_apart_and_keep_their_mean(places: list[float]) -> None:
    moved = spread(sorted(places), gap=9.0)

    assert all(above - below >= 9.0 - 1e-6 for below, above in pairwise(moved))
    assert sum(moved) == pytest.approx(sum(places), abs=1e-6)


@given(st.lists(st.floats(min_value=-1e6, max_value=1e6), min_size=1, max_size=400), st.integers(1, 40))
def test_a_thinned_line_keeps_its_ends_and_extremes(values: list[float], buckets: int) -> None:
    kept = thinned(values, buckets)

    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (0, len(values) - 1)
    assert {min(values), max(values)} <= {values[index] for index in kept}
    assert len(kept) <= 2 * buckets + 2


def test_chart_text_is_clipped_and_has_no_glyph_that_the_font_lacks() -> None:
    assert chart_text("日A") == "\ufffdA"
    assert len(chart_text("x" * 20_000)) == 64


def _ticks(low: float, high: float) -> tuple[str, list[str]]:
    axes = pane(Figure(figsize=(4, 2)), left=30, right=30, bottom=10, top=10, title="")
    set_value_axis(axes, low, high, lambda value: f"{value:g}")
    return axes.get_yscale(), [label.get_text() for label in axes.get_yticklabels()]


def test_values_that_grow_tenfold_are_drawn_by_logarithm() -> None:
    assert _ticks(9.0, 120.0) == ("log", ["10", "20", "50", "100"])
    assert _ticks(90.0, 120.0) == ("linear", ["90", "96", "102", "108", "114", "120"])


@pytest.mark.parametrize(
    ("last", "labels"),
    [
        (date(2018, 3, 27), ["2006", "2008", "2010", "2012", "2014", "2016", "2018"]),
        (
            date(2004, 9, 30),
            ["Feb 2004", "Mar 2004", "Apr 2004", "May 2004", "Jun 2004", "Jul 2004", "Aug 2004", "Sep 2004"],
        ),
        (date(2004, 1, 2), []),
    ],
)
def test_the_date_axis_names_few_first_days(last: date, labels: list[str]) -> None:
    axes = pane(Figure(figsize=(4, 2)), left=30, right=30, bottom=10, top=10, title="")

    set_date_axis(axes, [date(2004, 1, 2), last])

    assert [label.get_text() for label in axes.get_xticklabels()] == labels
