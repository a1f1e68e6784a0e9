"""Splits and dividends that look more like a fault than a correction are held back."""

from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from services.ingest.market.tests.answers import (
    SESSIONS,
    answer,
    known_actions,
    stored_rows,
    tell,
)
from services.ingest.quarantine.models import Quarantine, QuarantinedAction

pytestmark = pytest.mark.usefixtures("db", "cause")
DAYS = SESSIONS


def one() -> Quarantine:
    return Quarantine.objects.using("ingest").get()


def paid(count: int, amount: str = "0.5", *, shift: int = 0) -> list[tuple[date, str | int | Decimal]]:
    return [(DAYS[10 * number + shift], amount) for number in range(count)]


def test_up_to_five_actions_are_corrected_at_once_and_six_are_held() -> None:
    bars = [100] * 60
    tell(answer(*bars, dividends=paid(6)))

    five = tell(answer(*bars, dividends=[*paid(5, "0.4"), *paid(6)[5:]]))
    six = tell(answer(*bars, dividends=[*paid(6, "0.3"), (DAYS[65], "0.9")]))

    assert (five.actions_changed_count, five.quarantine_id) == (10, None)
    assert (six.actions_changed_count, six.quarantined_count) == (1, 6)
    amounts = [value for _, _, value in known_actions()]
    assert amounts == [*[Decimal("0.4")] * 5, Decimal("0.5"), Decimal("0.9")]
    assert one().kind == "many-changes"
    rows = QuarantinedAction.objects.using("ingest").order_by("ex_date").values_list("held_version", "value")
    assert list(rows) == [*[(2, Decimal("0.3"))] * 5, (1, Decimal("0.3"))]


def test_dividends_that_all_move_by_a_day_are_not_counted_twice() -> None:
    bars = [100] * 70
    tell(answer(*bars, dividends=paid(6)))

    recording = tell(answer(*bars, dividends=paid(6, shift=1)))

    # The first is before the last day of the moved ones, so that all twelve rows belong to one change.
    assert (recording.changed, recording.quarantined_count) == (False, 12)
    assert len(known_actions()) == 6


def test_an_answer_that_has_no_action_left_withdraws_none() -> None:
    tell(answer(100, 101, 102, dividends=[(DAYS[1], "0.5")], splits=[(DAYS[2], 2)]))

    recording = tell(answer(100, 101, 102, dividends=[], splits=[(DAYS[2], 2)]))

    assert (recording.changed, recording.quarantined_count) == (False, 1)
    assert len(known_actions()) == 2
    assert "none of 1 known dividend action(s) left" in one().detail


def test_the_same_change_of_actions_is_held_once_and_a_part_of_it_too(db: psycopg.Connection) -> None:
    bars = [100] * 60
    tell(answer(*bars, dividends=paid(6)))
    first = tell(answer(*bars, dividends=paid(6, "0.3")))
    before = stored_rows(db)

    again = tell(answer(*bars, dividends=paid(6, "0.3")))
    part = tell(answer(*bars[:20], dividends=paid(2, "0.3")))

    assert (again.quarantine_id, again.quarantined_count) == (first.quarantine_id, 6)
    assert (part.quarantine_id, part.quarantined_count) == (first.quarantine_id, 2)
    assert stored_rows(db) == before


SPLITS: list[tuple[date, str | int | Decimal]] = [(DAYS[10], 4), (DAYS[20], 2)]
SPLIT_CLOSES = [*[400] * 10, *[100] * 10, *[50] * 5]


@pytest.mark.parametrize(
    "told",
    [
        {"splits": SPLITS[1:]},
        {"splits": [(DAYS[10], "0.25"), SPLITS[1]]},
        {"splits": [*SPLITS, (DAYS[5], 100)]},
        {"splits": SPLITS, "dividends": [(DAYS[3], "9999")]},
        {"splits": SPLITS, "dividends": [(DAYS[3], 100)]},
    ],
)
def test_an_action_that_moves_adjusted_prices_and_does_not_show_in_the_bars_is_held(told: Any) -> None:
    tell(answer(*SPLIT_CLOSES, splits=SPLITS))

    recording = tell(answer(*SPLIT_CLOSES, **told))
    without_bars = tell(answer(**told))

    assert (recording.changed, recording.quarantined_count) == (False, 1)
    assert without_bars.changed is False
    assert [row[1:] for row in known_actions()] == SPLITS


def test_an_action_that_the_bars_show_is_told_withdrawn_and_changed() -> None:
    tell(answer(*SPLIT_CLOSES, splits=[(DAYS[5], 3), (DAYS[20], 8)]))

    recording = tell(answer(*SPLIT_CLOSES, 10, 5, splits=[*SPLITS, (DAYS[25], 5)]))

    assert recording.quarantine_id is None
    assert [row[1:] for row in known_actions()] == [*SPLITS, (DAYS[25], 5)]


def test_the_first_answer_and_actions_of_small_weight_pass() -> None:
    tell(answer(*[100] * 10, splits=[(DAYS[5], 3)], dividends=[(DAYS[3], 90)]))

    recording = tell(
        answer(*[100] * 10, splits=[(DAYS[5], 3), (DAYS[7], "1.1")], dividends=[(DAYS[3], 90), (DAYS[4], 15)])
    )

    assert (recording.actions_changed_count, recording.quarantine_id) == (2, None)


def test_a_late_split_comes_with_its_action_and_one_that_new_bars_do_not_show_is_held() -> None:
    tell(answer(*[400] * 20))
    late = tell(answer(*[400] * 20, 100, splits=[(DAYS[20], 4)]))

    wrong = tell(answer(*[400] * 20, 100, 99, 98, splits=[(DAYS[20], 4), (DAYS[22], 2)]))

    assert (late.actions_changed_count, late.quarantine_id) == (1, None)
    assert (wrong.added_count, wrong.actions_changed_count, wrong.quarantined_count) == (2, 0, 1)
    assert f"The bars do not show the split of {DAYS[22]}" in one().detail


@pytest.mark.parametrize(("after", "is_held"), [(130, False), (260, True)])
def test_a_split_within_a_hole_shows_when_the_bars_are_nearer_to_it(after: int, is_held: bool) -> None:
    tell(answer(*[400] * 20))

    recording = tell(answer(*[after] * 5, first=60, splits=[(DAYS[40], 4)]))

    assert (recording.added_count, recording.quarantined_count) == (5, int(is_held))


@pytest.mark.parametrize(("shift", "is_held"), [(2, False), (5, False), (6, True)])
def test_a_split_with_the_days_that_were_told_wrong_passes_within_a_week(shift: int, is_held: bool) -> None:
    tell(answer(*[400] * 40, *[100] * 20, splits=[(DAYS[40], 4)]))

    recording = tell(answer(*[400] * (40 - shift), *[100] * (20 + shift), splits=[(DAYS[40 - shift], 4)]))

    assert len(recording.corrected_sessions) == (0 if is_held else shift)
    assert recording.quarantined_count == (shift + 2 if is_held else 0)


def test_a_split_that_no_bar_shows_is_not_lost_when_it_is_moved_to_where_none_shows_it_either() -> None:
    tell(answer(*[100] * 10, splits=[(DAYS[5], 3)]))

    recording = tell(answer(*[100] * 10, splits=[(DAYS[7], 3)]))

    assert (recording.changed, recording.quarantined_count) == (False, 2)
