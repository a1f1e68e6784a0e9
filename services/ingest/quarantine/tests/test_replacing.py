"""What replaces another provider's rows is checked like any correction, and what looks wrong waits for an operator."""

from decimal import Decimal

import pytest

from services.ingest.market.services import Recording
from services.ingest.market.tests.answers import (
    NOW,
    Number,
    answer,
    known_actions,
    known_bars,
    tell,
)
from services.ingest.market.tests.answers import (
    SESSIONS as DAYS,
)
from services.ingest.quarantine.models import Quarantine
from services.ingest.quarantine.services import accept_change

pytestmark = pytest.mark.usefixtures("db", "cause")
MANY = 1_000
OTHER_SYMBOL: tuple[Number, ...] = (99, 101, 105, 103, 90)


def replace_with(*closes: Number, first: int = 0) -> Recording:
    return tell(answer(*closes, first=first), replaces=True)


def one() -> Quarantine:
    return Quarantine.objects.using("ingest").get()


def accept() -> None:
    accept_change(quarantine_id=one().id, decided_by="ann", now=NOW)


def test_a_row_that_moves_by_more_than_a_fifth_waits_and_the_others_are_taken_over() -> None:
    tell(answer(*[100] * 10, provider="tiingo"))

    recording = replace_with(50, *[100] * 9)

    assert (recording.quarantined_count, len(recording.corrected_sessions)) == (1, 9)
    assert [row[:2] for row in known_bars()] == [("tiingo", 100), *[("csv", 100)] * 9]
    assert recording.largest_change is not None
    assert (recording.largest_change.session, recording.largest_change.change_ratio) == (DAYS[0], -0.5)
    accept()
    assert known_bars()[0][:2] == ("csv", 50)


@pytest.mark.parametrize("closes", [("100.051", "99.94"), ("100.051", "99.94", "100.07")])
def test_one_that_contradicts_more_than_a_fifth_of_the_closes_is_held_whole(closes: tuple[str, ...]) -> None:
    tell(answer(*[100] * 10, provider="tiingo"))

    recording = replace_with(*closes, *[100] * (10 - len(closes)))

    is_held = len(closes) == 3
    assert (recording.changed, recording.quarantined_count) == (not is_held, 10 if is_held else 0)
    if is_held:
        assert "3 of 10 stored closes differ by more than 5 bp" in one().detail


def test_a_file_of_another_symbol_replaces_nothing_and_its_new_sessions_come_once_it_is_accepted() -> None:
    tell(answer(*[100] * 5, provider="tiingo"))

    recording = replace_with(*OTHER_SYMBOL, 95, 96)

    assert (recording.changed, recording.quarantined_count, recording.postponed_count) == (False, 5, 2)
    assert [row[:2] for row in known_bars()] == [("tiingo", 100)] * 5
    accept()
    again = replace_with(*OTHER_SYMBOL, 95, 96)
    assert (again.added_count, again.postponed_count, again.quarantine_id) == (2, 0, None)
    assert (again.unchanged_count, again.largest_change) == (5, None)


def test_a_file_of_another_symbol_is_held_though_a_file_was_replaced_before() -> None:
    tell(answer(*[100] * 5))

    assert replace_with(*OTHER_SYMBOL).quarantined_count == 5


def test_rows_that_are_only_taken_over_are_no_change_however_many_they_are() -> None:
    tell(answer(*[100] * MANY, provider="tiingo"))

    recording = replace_with(*[100] * MANY)

    assert (len(recording.corrected_sessions), recording.quarantine_id) == (MANY, None)


def test_actions_that_a_file_would_all_withdraw_wait_too() -> None:
    paid = [(DAYS[2], Decimal("0.5"))]
    tell(answer(*[100] * 10, provider="tiingo", dividends=paid))

    recording = tell(answer(*[100] * 10, dividends=[]), replaces=True)

    assert (recording.quarantined_count, recording.actions_withdrawn_count) == (1, 0)
    assert [row[1:] for row in known_actions()] == paid
