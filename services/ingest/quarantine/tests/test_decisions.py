"""An operator lets a held change through as it was told, or drops it; a decision stands."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

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
from services.ingest.quarantine.models import Quarantine
from services.ingest.quarantine.services import (
    AlreadyDecided,
    StoredPricesChanged,
    accept_change,
    dismiss_change,
)
from shared.errors import NotFound
from shared.eventstore.models import Event, Outbox
from shared.eventstore.rebuild import differences
from shared.eventstore.tests.tally import together
from shared.pricing.reader import price_sources

pytestmark = pytest.mark.usefixtures("db", "cause")
DAYS = SESSIONS


def accept(quarantine_id: UUID | None) -> int:
    assert quarantine_id
    return accept_change(quarantine_id=quarantine_id, decided_by="anna", now=NOW)


def dismiss(quarantine_id: UUID | None) -> None:
    assert quarantine_id
    dismiss_change(quarantine_id=quarantine_id, decided_by="bob", now=NOW)


def hold_one_back() -> UUID | None:
    """Return the quarantine of a bar and, beside it, of a dividend that is told no more."""
    tell(answer(100, 101, 102, volume=10, dividends=[(DAYS[1], "0.5")], notes=("as typed",)))
    held = tell(answer(100, 50, 102, volume=10, dividends=[]))
    tell(answer(102, 103, first=2))
    return held.quarantine_id


def test_an_accepted_change_is_a_correction_with_the_fetch_that_told_it(db: psycopg.Connection) -> None:
    fetch_id = uuid4()
    tell(answer(100, 101, 102, dividends=[(DAYS[1], "0.5")], notes=("as typed",)))
    held = tell(answer(100, 50, 102, dividends=[]), fetch_id=fetch_id)

    version = accept(held.quarantine_id)

    assert version == 2
    assert [row[1] for row in known_bars()] == [100, 50, 102]
    assert known_actions() == []
    assert db.execute(
        "SELECT version, superseded_version, provider, close, fetch_id = %s FROM ingest.bar"
        " WHERE session = %s ORDER BY version",
        [fetch_id, DAYS[1]],
    ).fetchall() == [(1, 2, "csv", 101, False), (2, None, "csv", 50, True)]
    told = Event.objects.using("ingest").get(type="PricesUpdated", version=2)
    assert told.data["corrected_sessions"] == [str(DAYS[1])]
    assert (told.data["fetch_id"], told.data["bar_count"]) == (str(fetch_id), 3)
    assert (told.data["added_count"], told.data["actions_changed_count"]) == (0, 1)
    assert Outbox.objects.using("ingest").filter(stream=f"instrument-{SYMBOL}").count() == 2
    (source,) = price_sources("ingest", SYMBOL, version=2)
    assert (source.attribution, source.notes) == ("terms of csv", ("as typed",))
    found = Quarantine.objects.using("ingest").get()
    assert (found.state, found.version, found.decided_by, found.decided_at) == ("accepted", 2, "anna", NOW)
    with as_owner():
        assert set(differences("ingest").values()) == {0}


def test_after_acceptance_the_same_answer_is_known() -> None:
    quarantine_id = hold_one_back()
    accept(quarantine_id)

    again = tell(answer(100, 50, 102, 103, dividends=[]))

    assert (again.changed, again.quarantine_id) == (False, None)


def test_new_sessions_that_came_meanwhile_do_not_matter() -> None:
    quarantine_id = hold_one_back()

    assert accept(quarantine_id) == 3

    assert [row[1] for row in known_bars()] == [100, 50, 102, 103]


def test_a_change_whose_stored_rows_are_others_by_now_is_not_accepted(db: psycopg.Connection) -> None:
    quarantine_id = hold_one_back()
    tell(answer("101.5", first=1))
    before = stored_rows(db)

    with pytest.raises(StoredPricesChanged, match=f"1 are others by now, the first of {DAYS[1]}"):
        accept(quarantine_id)

    assert stored_rows(db) == before


def test_a_dismissed_change_whose_stored_rows_are_others_is_outdated_and_buries_nothing() -> None:
    tell(answer(100, 100, 100, 100))
    first = tell(answer(100, 150, 150, 100))
    assert first.quarantine_id
    tell(answer(100, 101, 150, 100))

    dismiss(first.quarantine_id)
    again = tell(answer(100, 101, 150, 100))

    found = Quarantine.objects.using("ingest").get(id=first.quarantine_id)
    assert (found.state, found.decided_by, found.decided_at) == ("outdated", None, NOW)
    assert (again.quarantined_count, again.quarantine_id == first.quarantine_id) == (1, False)
    with pytest.raises(AlreadyDecided, match="It is outdated since 2020-01-02"):
        accept(first.quarantine_id)
    with as_owner():
        assert differences("ingest")["quarantine"] == 0


@pytest.mark.parametrize(
    ("held", "repeated"),
    [
        (answer(100, 50, 60, 100, 100, 100), answer(100, 100, first=1)),
        (
            answer(100, 50, 60, 100, 100, 100),
            answer(60, first=2, splits=[]),
        ),
        (answer(dividends=[]), answer(dividends=[(DAYS[1], "0.5")])),
    ],
)
def test_a_change_that_its_provider_takes_back_is_outdated_and_held_anew_when_it_comes_again(
    held: Any, repeated: Any
) -> None:
    tell(answer(*[100] * 6, dividends=[(DAYS[1], "0.5")]))
    bars = answer(*[100] * 6).bars if not held.bars else held.bars
    held = replace(held, bars=bars)
    first = tell(held)
    is_taken_back = repeated.splits is None

    tell(replace(repeated, provider="tiingo"))
    assert Quarantine.objects.using("ingest").get().state == "open"
    tell(repeated)
    assert Quarantine.objects.using("ingest").get().state == ("outdated" if is_taken_back else "open")
    again = tell(held)

    assert again.changed is False
    assert (again.quarantine_id != first.quarantine_id) is is_taken_back


def test_a_dismissed_change_stays_dismissed_when_its_provider_takes_it_back() -> None:
    tell(answer(*[100] * 6))
    dropped = tell(answer(50, *[100] * 5))
    assert dropped.quarantine_id
    dismiss(dropped.quarantine_id)
    waiting = tell(answer(100, 51, *[100] * 4))

    again = tell(answer(100, 51, *[100] * 4))

    assert again.quarantine_id == waiting.quarantine_id
    assert Quarantine.objects.using("ingest").get(id=dropped.quarantine_id).state == "dismissed"


def test_a_change_of_an_action_that_is_another_by_now_is_not_accepted() -> None:
    quarantine_id = hold_one_back()
    tell(answer(dividends=[(DAYS[1], "0.6")]))

    with pytest.raises(StoredPricesChanged):
        accept(quarantine_id)

    assert known_actions() == [("csv", DAYS[1], Decimal("0.6"))]


@pytest.mark.parametrize("first", [accept, dismiss])
@pytest.mark.parametrize("second", [accept, dismiss])
def test_a_decision_stands(db: psycopg.Connection, first: Any, second: Any) -> None:
    quarantine_id = hold_one_back()
    first(quarantine_id)
    before = stored_rows(db)

    with pytest.raises(AlreadyDecided, match=r"(anna accepted|bob dismissed) it on 2020-01-02"):
        second(quarantine_id)

    assert stored_rows(db) == before


def test_a_dismissed_change_leaves_all_prices_as_they_are(db: psycopg.Connection) -> None:
    quarantine_id = hold_one_back()
    bars = stored_rows(db)[0]

    dismiss(quarantine_id)

    assert stored_rows(db)[0] == bars
    found = Quarantine.objects.using("ingest").get()
    assert (found.state, found.version, found.decided_by) == ("dismissed", None, "bob")
    with as_owner():
        assert differences("ingest")["quarantine"] == 0


@pytest.mark.parametrize("decide", [accept, dismiss])
def test_nothing_can_be_decided_that_is_not_there(decide: Any) -> None:
    with pytest.raises(NotFound):
        decide(uuid4())


def test_of_two_operators_at_once_exactly_one_decides() -> None:
    quarantine_id = hold_one_back()

    def attempt(decide: Any) -> str:
        try:
            decide(quarantine_id)
        except AlreadyDecided:
            return "late"
        return "decided"

    outcomes = together(*[lambda decide=decide: attempt(decide) for decide in [accept, dismiss] * 3])

    assert sorted(outcomes) == ["decided", *["late"] * 5]
    assert Event.objects.using("ingest").filter(stream=f"quarantine-{quarantine_id}").count() == 2
