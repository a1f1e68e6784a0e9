"""What looks more like a fault than a correction is held back, once, and all else of its answer is stored."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from deploy.postgres.owner import as_owner
from services.ingest.market.services import Recording
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
from services.ingest.quarantine.models import Quarantine, QuarantinedBar
from services.ingest.quarantine.services import accept_change, dismiss_change
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


def accept(recording: Recording) -> int:
    assert recording.quarantine_id
    return accept_change(quarantine_id=recording.quarantine_id, decided_by="anna", now=NOW)


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
    assert f"the open of {DAYS[1]} by -21.0%" in found.detail
    event = Event.objects.using("ingest").get(type="ChangeQuarantined")
    assert (event.stream, event.version) == (f"quarantine-{found.id}", 1)
    with as_owner():
        assert differences("ingest")["quarantine"] == 0


def test_an_answer_of_which_all_is_held_makes_no_version() -> None:
    tell(answer(100))

    recording = tell(answer(50))

    assert (recording.version, recording.changed, recording.quarantined_count) == (1, False, 1)
    assert Event.objects.using("ingest").filter(type="PricesUpdated").count() == 1


@pytest.mark.parametrize("ex_days", [(2, 5), (5, 2)])
def test_a_split_that_is_moved_explains_the_closes_between_its_days_only(ex_days: tuple[int, int]) -> None:
    before, after = ([*[400] * day, *[100] * (20 - day)] for day in ex_days)
    tell(answer(*before, splits=[(DAYS[ex_days[0]], 4)]))

    recording = tell(answer(*after[:18], 25, 100, splits=[(DAYS[ex_days[1]], 4)]))

    assert closes() == after
    assert recording.corrected_sessions == DAYS[2:5]
    assert known_actions() == [("csv", DAYS[ex_days[1]], 4)]
    assert held() == [(DAYS[18], 1, 25)]


def test_a_split_that_is_moved_to_where_no_bar_shows_it_is_held_with_its_bars() -> None:
    tell(answer(*[400] * 2, *[100] * 18, splits=[(DAYS[2], 4)]))

    recording = tell(answer(*[400] * 3, *[100] * 17, splits=[(DAYS[6], 4)]))

    assert (recording.changed, recording.quarantined_count) == (False, 3)
    assert known_actions() == [("csv", DAYS[2], 4)]


@pytest.mark.parametrize("told_before", [True, False])
def test_a_split_that_stays_where_it_is_explains_nothing(told_before: bool) -> None:
    bars = [*[400] * 10, *[100] * 20]
    split = [(DAYS[10], 4)]
    tell(answer(*bars, splits=split if told_before else []))

    recording = tell(answer(*bars[:8], 100, *bars[9:], splits=split))

    assert closes() == bars
    assert held() == [(DAYS[8], 1, 100)]
    assert recording.quarantined_count == 1


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_any_price_that_moves_by_more_than_a_fifth_is_held_and_volume_is_free(name: str) -> None:
    tell(answer(*[100] * 10))
    series = answer(*[100] * 10, volume=10_000)
    moved: dict[str, Any] = {name: Decimal(50000)}

    recording = tell(replace(series, bars=(*series.bars[:9], replace(series.bars[9], **moved))))

    assert recording.corrected_sessions == DAYS[:9]
    assert [row[0] for row in held()] == [DAYS[9]]
    assert f"the {name} of {DAYS[9]} by +49900.0%" in one().detail


def test_sessions_before_and_between_closes_in_another_basis_are_not_added() -> None:
    tell(answer(*[400] * 10, first=50))
    tell(answer(*[400] * 10, first=70))

    first = tell(answer(*[100] * 110, first=0))
    again = tell(answer(*[100] * 110, first=0))

    assert (first.changed, first.quarantined_count) == (False, 20)
    assert (again.changed, again.quarantine_id) == (False, first.quarantine_id)


@pytest.mark.parametrize(("last", "added"), [(400, 1), ("400.1", 0), (100, 0)])
def test_later_sessions_are_added_when_the_last_close_came_back_the_same(last: str | int, added: int) -> None:
    tell(answer(*[400] * 10, first=50))

    recording = tell(answer(*[100] * 59, last, 99))

    assert (recording.added_count, recording.corrected_sessions) == (added, ())
    assert closes() == [*[400] * 10, *[99] * added]


@pytest.mark.parametrize(
    ("count", "changed", "is_taken"), [(10, 2, True), (10, 3, False), (1, 1, False), (3, 2, True)]
)
def test_an_answer_is_in_another_basis_when_more_than_a_fifth_is_held(
    count: int, changed: int, is_taken: bool
) -> None:
    tell(answer(*[400] * count, first=1))

    assert tell(answer(400, *[100] * changed, *[400] * (count - changed))).changed is is_taken


def test_a_vendor_that_turns_to_split_adjusted_prices_is_held_back() -> None:
    tell(answer(*[400] * 30, *[100] * 5, splits=[(DAYS[30], 4)]))

    recording = tell(answer(*[100] * 36, splits=[(DAYS[30], 4)]))

    assert recording.quarantined_count == 30
    assert closes() == [*[400] * 30, *[100] * 6]
    assert recording.added_count == 1


@pytest.mark.parametrize(("count", "is_held"), [(MANY - 1, False), (MANY, True)])
def test_a_thousand_changes_at_once_are_held_and_new_sessions_are_added(count: int, is_held: bool) -> None:
    tell(answer(*[100] * (count + 1)))

    recording = tell(answer(*["100.05"] * count, 100, 101))  # 5 bp, the most that is no other basis

    assert recording.added_count == 1
    assert len(recording.corrected_sessions) == (0 if is_held else count)
    assert recording.quarantined_count == (count if is_held else 0)
    assert closes()[:count] == [100 if is_held else Decimal("100.05")] * count
    if is_held:
        assert (one().kind, one().row_count) == ("many-changes", MANY)


WAVE = [100 + Decimal(day % 7) for day in range(60)]


def rounded(*closes: Decimal) -> list[Decimal]:
    return [close.quantize(Decimal("0.01")) for close in closes]


@pytest.mark.parametrize(("count", "is_held"), [(4, False), (5, True), (55, True)])
@pytest.mark.parametrize("factor", ["0.998", "1.03", "0.85"])
def test_closes_in_a_row_that_move_by_one_factor_are_in_another_basis(
    count: int, is_held: bool, factor: str
) -> None:
    tell(answer(*WAVE))
    scaled = rounded(*(close * Decimal(factor) for close in WAVE[:count]))

    recording = tell(answer(*scaled, *WAVE[count:], 107))

    assert recording.corrected_sessions == (() if is_held else DAYS[:count])
    assert recording.quarantined_count == (count if is_held else 0)
    assert recording.added_count == 1
    if is_held:
        assert one().kind == "many-changes"
        assert "in another basis" in one().detail
        assert accept(recording) == 3
        assert closes() == [*scaled, *WAVE[count:], 107]


def test_an_answer_in_total_return_is_held_back_with_its_actions_and_sessions_before() -> None:
    paid: Any = [(DAYS[day], "0.5") for day in (20, 40, 58)]
    tell(answer(*WAVE[10:], first=10, dividends=paid))
    factors = [Decimal("0.995") ** sum(day < DAYS.index(ex_day) for ex_day, _ in paid) for day in range(60)]
    adjusted = rounded(*(close * factor for close, factor in zip(WAVE, factors, strict=True)))
    told: Any = [*[(day, "0.49") for day, _ in paid[:2]], paid[2], (DAYS[30], "0.1"), (DAYS[65], "0.5")]

    recording = tell(answer(*adjusted, 103, dividends=told))

    assert (recording.added_count, recording.corrected_sessions) == (1, ())
    assert recording.quarantined_count == 48 + 3
    assert [value for _, _, value in known_actions()] == [Decimal("0.5")] * 4


@pytest.mark.parametrize(("count", "is_held"), [(19, False), (20, True)])
@pytest.mark.parametrize("name", ["open", "close"])
def test_twenty_prices_that_move_are_in_another_basis_where_they_are_more_than_a_fifth(
    count: int, is_held: bool, name: str
) -> None:
    tell(answer(*[100] * 60))
    series = answer(*[100] * 60)
    prices: list[dict[str, Any]] = [
        {"high": Decimal(110), "low": Decimal(90), name: Decimal(100 + (-1) ** day)} for day in range(count)
    ]
    moved = [replace(bar, **told) for bar, told in zip(series.bars, prices, strict=False)]

    recording = tell(replace(series, bars=(*moved, *series.bars[count:])))

    assert recording.quarantined_count == (count if is_held else 0)


def test_a_correction_of_a_few_sessions_and_new_volumes_of_all_pass() -> None:
    tell(answer(*WAVE))
    corrected: list[Any] = [*WAVE[:20], "103.5", "99.1", "120", "101.2", *WAVE[24:50], "101.25", *WAVE[51:]]

    assert len(tell(answer(*corrected)).corrected_sessions) == 5
    assert len(tell(answer(*corrected, volume=11)).corrected_sessions) == 60
    assert not Quarantine.objects.using("ingest").exists()


@pytest.mark.parametrize(("name", "is_held"), [("close", True), ("open", False)])
def test_an_adjusted_close_beside_other_prices_as_traded_is_another_basis(name: str, is_held: bool) -> None:
    series = answer(*[100] * 60)
    wide = tuple(replace(bar, high=Decimal(110), low=Decimal(90)) for bar in series.bars)
    told: dict[str, Any] = {name: Decimal(98)}
    tell(replace(series, bars=wide))

    recording = tell(replace(series, bars=(*(replace(bar, **told) for bar in wide[:6]), *wide[6:])))

    assert recording.quarantined_count == (6 if is_held else 0)


def test_corrections_in_a_row_that_are_no_one_factor_pass() -> None:
    tell(answer(*[100] * 60))

    assert len(tell(answer(*range(101, 106), *[100] * 55)).corrected_sessions) == 5


def test_a_change_of_a_fifth_of_a_long_history_is_no_other_basis() -> None:
    tell(answer(*[100] * 100))

    twenty = tell(answer(*[100 + Decimal((-1) ** day) for day in range(20)], *[100] * 80))
    another = tell(answer(*[100 - Decimal((-1) ** day) * 2 for day in range(21)], *[100] * 79))

    assert (len(twenty.corrected_sessions), another.quarantined_count) == (20, 21)
    assert "21 of 100 known sessions" in one().detail


def test_changed_rows_of_another_provider_are_no_correction_and_so_not_suspicious() -> None:
    tell(answer(*[100] * 10))

    recording = tell(answer(50, *[100] * 9, provider="tiingo"))

    assert (recording.disagreeing_count, recording.quarantine_id) == (1, None)


def test_the_same_change_is_held_once_and_a_part_of_it_too(db: psycopg.Connection) -> None:
    tell(answer(*[100] * 6))
    first = tell(answer(50, 51, 52, 100, 100, 100))
    before = stored_rows(db)

    again = tell(answer(50, 51, 52, 100, 100, 100))
    part = tell(answer(51, 52, 100, first=1))

    assert (again.quarantine_id, again.quarantined_count) == (first.quarantine_id, 3)
    assert (part.quarantine_id, part.quarantined_count) == (first.quarantine_id, 2)
    assert stored_rows(db) == before


def test_after_a_thousand_held_changes_one_more_is_held_apart() -> None:
    tell(answer(*[100] * MANY, 100, 100))
    first = tell(answer(*["100.5"] * MANY, 100, 100))

    second = tell(answer(*["100.5"] * MANY, 60, "100.1"))

    assert first.quarantine_id != second.quarantine_id
    assert (second.quarantined_count, second.changed) == (MANY + 2, False)
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
