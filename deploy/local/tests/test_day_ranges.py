"""Days become ranges and lose none."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.day_ranges import day_ranges

ORDER = [date(2026, 1, 1) + timedelta(days=2 * at) for at in range(40)]


@given(places=st.sets(st.integers(0, len(ORDER) - 1)))
def test_ranges_hold_the_days_they_were_made_of_and_touch_nowhere(places: set[int]) -> None:
    found = day_ranges([ORDER[place] for place in sorted(places)], order=ORDER)

    ends = [
        (ORDER.index(_day(each["first_session"])), ORDER.index(_day(each["last_session"]))) for each in found
    ]
    assert {place for first, last in ends for place in range(first, last + 1)} == places
    assert [each["session_count"] for each in found] == [last - first + 1 for first, last in ends]
    assert all(after[0] - before[1] > 1 for before, after in pairwise(ends))


def test_a_day_that_is_not_in_the_order_is_refused() -> None:
    with pytest.raises(KeyError):
        day_ranges([date(2026, 1, 2)], order=ORDER)


def _day(text: str) -> date:
    return date.fromisoformat(text)
