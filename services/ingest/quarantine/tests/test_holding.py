"""What looks more like a fault than a correction is held back, once, and all else of its answer is stored."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from deploy.postgres.owner import as_owner
from services.ingest.market.tests.answers import (
    NOW,
    SESSIONS,
    SYMBOL,
    answer,
    known_actions,
    known_bars,
    stored_rows,
    tell,
)
from services.ingest.quarantine.models import Quarantine, QuarantinedAction, QuarantinedBar
from services.ingest.quarantine.services import dismiss_change
from shared.eventstore.models import Event
from shared.eventstore.rebuild import differences

pytestmark = pytest.mark.usefixtures("db", "cause")
DAYS = SESSIONS
MANY = 1_000


def closes() -> list[Decimal]:
    return [row[1] for row in known_bars()]


def held() -> list[tuple[object, ...]]:
    rows = QuarantinedBar.objects.using("ingest").order_by("session")
    return list(rows.values_list("session", "held_version", "close"))


def one() -> Quarantine:
    return Quarantine.objects.using("ingest").get()


def test_a_close_that_moves_by_more_than_a_fifth_is_held_and_the_rest_is_stored() -> None:
    tell(answer(100, 100, 100, 100))
    fetch_id = uuid4()

    recording = tell(answer("100.5", 79, 120, "120.000001", 104), fetch_id=fetch_id)

    assert closes() == [Decimal("100.5"), 100, 120, 100, 104]
    assert (recording.version, recording.added_count) == (2, 1)
    assert recording.corrected_sessions == (DAYS[0], DAYS[2])
    assert held() == [(DAYS[1], 1, 79), (DAYS[3], 1, Decimal("120.000001"))]
    found = one()
    assert (recording.quarantine_id, recording.quarantined_count) == (found.id, 2)
    assert (found.symbol, found.provider, found.fetch_id) == (SYMBOL, "csv", fetch_id)
    assert (found.kind, found.state, found.row_count) == ("large-change", "open", 2)
    assert (found.first_session, found.last_session, found.created_at) == (DAYS[1], DAYS[3], NOW)
    assert "2 known session(s) moved by more than 20%" in found.detail
    assert f"that of {DAYS[1]} by -21.0%" in found.detail
    event = Event.objects.using("ingest").get(type="ChangeQuarantined")
    assert (event.stream, event.version) == (f"quarantine-{found.id}", 1)
    with as_owner():
        assert differences("ingest")["quarantine"] == 0


def test_an_answer_of_which_all_is_held_makes_no_version() -> None:
    tell(answer(100))

    recording = tell(answer(50))

    assert (recording.version, recording.changed, recording.quarantined_count) == (1, False, 1)
    assert Event.objects.using("ingest").filter(type="PricesUpdated").count() == 1


@pytest.mark.parametrize(
    ("ratio", "ex_day", "is_held"), [(4, 2, False), (4, 9, True), (3, 2, True), ("0.25", 2, False)]
)
def test_a_split_nearby_explains_a_close_in_other_terms(ratio: int | str, ex_day: int, is_held: bool) -> None:
    tell(answer(*[100] * 4, *[100] * 8))

    tell(answer(100, 100, "25.5", *[100] * 9, splits=[(DAYS[ex_day], ratio)]))

    assert (closes()[2] == 100) is is_held
    assert Quarantine.objects.using("ingest").exists() is is_held


def test_a_split_that_is_stored_explains_it_too() -> None:
    tell(answer(100, 100, 100, splits=[(DAYS[1], 4)]))

    tell(answer(100, 25, 100))

    assert closes() == [100, 25, 100]


def test_a_vendor_that_turns_to_split_adjusted_prices_is_held_back() -> None:
    tell(answer(*[400] * 30, *[100] * 5, splits=[(DAYS[30], 4)]))

    recording = tell(answer(*[100] * 36, splits=[(DAYS[30], 4)]))

    kept = 25  # the ten calendar days before the split hold what it may explain
    assert recording.quarantined_count >= kept
    assert closes()[:kept] == [400] * kept
    assert recording.added_count == 1


@pytest.mark.parametrize(("count", "is_held"), [(MANY - 1, False), (MANY, True)])
def test_a_thousand_changes_at_once_are_held_and_new_sessions_are_added(count: int, is_held: bool) -> None:
    tell(answer(*[100] * (count + 1)))

    recording = tell(answer(*["100.5"] * count, 100, 101))

    assert recording.added_count == 1
    assert len(recording.corrected_sessions) == (0 if is_held else count)
    assert recording.quarantined_count == (count if is_held else 0)
    assert closes()[:count] == [100 if is_held else Decimal("100.5")] * count
    if is_held:
        assert (one().kind, one().row_count) == ("many-changes", MANY)


def test_changed_rows_of_another_provider_are_no_correction_and_so_not_suspicious() -> None:
    tell(answer(*[100] * 10))

    recording = tell(answer(50, *[100] * 9, provider="tiingo"))

    assert (recording.disagreeing_count, recording.quarantine_id) == (1, None)


def test_what_replaces_is_taken_as_it_is() -> None:
    tell(answer(100, 100))

    assert tell(answer(50, 100), replaces=True).corrected_sessions == (DAYS[0],)
    assert closes() == [50, 100]


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


def test_the_same_change_is_held_once_and_a_part_of_it_too(db: psycopg.Connection) -> None:
    tell(answer(*[100] * 6))
    first = tell(answer(50, 51, 52, 100, 100, 100))
    before = stored_rows(db)

    again = tell(answer(50, 51, 52, 100, 100, 100))
    part = tell(answer(51, 52, 100, first=1))

    assert (again.quarantine_id, again.quarantined_count) == (first.quarantine_id, 3)
    assert (part.quarantine_id, part.quarantined_count) == (first.quarantine_id, 2)
    assert stored_rows(db) == before


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


def test_more_of_the_same_is_held_apart_and_small_changes_beside_it_are_stored() -> None:
    tell(answer(*[100] * MANY, 100, 100))
    first = tell(answer(*["100.5"] * MANY, 100, 100))

    second = tell(answer(*["100.5"] * MANY, 60, "100.1"))

    assert first.quarantine_id != second.quarantine_id
    assert second.quarantined_count == MANY + 1
    assert second.corrected_sessions == (DAYS[MANY + 1],)
    assert Quarantine.objects.using("ingest").count() == 2


def test_a_dismissed_change_is_not_held_again_but_another_one_is() -> None:
    tell(answer(100, 100))
    first = tell(answer(50, 100))
    assert first.quarantine_id
    dismiss_change(quarantine_id=first.quarantine_id, decided_by="anna", now=NOW)

    again = tell(answer(50, 100))
    other = tell(answer(51, 100))

    assert (again.quarantine_id, again.quarantined_count, again.changed) == (first.quarantine_id, 1, False)
    assert other.quarantine_id != first.quarantine_id
    assert closes() == [100, 100]


def test_the_same_values_from_another_provider_are_another_change() -> None:
    tell(answer(100))
    first = tell(answer(50))
    tell(answer(100, provider="tiingo"), replaces=True)

    second = tell(answer(50, provider="tiingo"))

    assert second.quarantine_id not in (None, first.quarantine_id)
    assert closes() == [100]
