"""A decision, an answer and a renaming at once come to what they come to one after the other."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.utils import timezone

from deploy.postgres.owner import as_owner
from services.ingest.fetches.services import import_series
from services.ingest.indexes import domain
from services.ingest.indexes.domain import Rename
from services.ingest.market.tests.answers import SESSIONS, answer, known_bars
from services.ingest.providers.domain import DailySeries
from services.ingest.quarantine.models import Quarantine
from services.ingest.quarantine.services import (
    AlreadyDecided,
    StoredPricesChanged,
    accept_change,
    dismiss_change,
)
from shared.eventstore.rebuild import differences
from shared.eventstore.tests.tally import together, wait_for_blocked

pytestmark = pytest.mark.usefixtures("cause")
OLD, NEW = "RACEOLD", "RACENEW"


@pytest.fixture(autouse=True)
def renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have OLD be called NEW since the tenth session."""
    rename = Rename(old=OLD, new=NEW, on=SESSIONS[10], company="C", source="a test")
    monkeypatch.setattr(domain, "renames", lambda: (rename,))


def store(series: DailySeries) -> UUID | None:
    done = import_series(fetch_id=uuid4(), series=series, now=timezone.now())
    return done.quarantine_id


def decide(decision: Callable[..., Any], quarantine_id: UUID) -> str:
    try:
        decision(quarantine_id=quarantine_id, decided_by="anna", now=timezone.now())
    except (StoredPricesChanged, AlreadyDecided) as refusal:
        return type(refusal).__name__
    return "decided"


def at_once(db: psycopg.Connection[Any], *work: Callable[[], object]) -> list[object]:
    """Have all wait for the same lock, and let them go at once."""

    def let_go() -> None:
        wait_for_blocked(db, count=len(work))
        holder.rollback()

    with psycopg.connect(db.info.dsn, password=db.info.password, autocommit=False) as holder:
        for symbol in (OLD, NEW):
            holder.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"instrument-{symbol}"])
        return together(*work, let_go)[:-1]


@pytest.mark.parametrize("decision", [accept_change, dismiss_change])
@pytest.mark.parametrize(
    "told", [["100", "50.5"], ["100", "101"], ["100", "100"]], ids=["other", "corrected", "taken back"]
)
def test_a_decision_and_an_answer_at_once_are_as_if_one_came_first(
    db: psycopg.Connection[Any], decision: Callable[..., Any], told: list[str]
) -> None:
    store(answer(*["100"] * 9, symbol=OLD))
    store(answer("100", "100", first=12, symbol=NEW))
    quarantine_id = store(answer("100", "50", *["100"] * 7, symbol=OLD))
    assert quarantine_id

    decided, _ = at_once(
        db,
        lambda: decide(decision, quarantine_id),
        lambda: store(answer(*told, *["100"] * 7, symbol=OLD)),
    )

    found = Quarantine.objects.using("ingest").get(id=quarantine_id)
    state = {"decided": ("accepted", "dismissed", "outdated"), "AlreadyDecided": ("outdated",)}
    assert found.state in state.get(str(decided), ("open",))
    bars = {symbol: [close for _, close, _ in known_bars(symbol)] for symbol in (OLD, NEW)}
    assert bars[NEW][:9] == bars[OLD]
    assert bars[OLD][1] in {Decimal(text) for text in ("50", "100", told[1])}
    assert found.state == "accepted" or bars[OLD][1] != 50
    with as_owner():
        assert set(differences("ingest").values()) == {0}


def test_answers_of_both_names_and_a_decision_at_once_lose_nothing_and_wait_for_each_other(
    db: psycopg.Connection[Any],
) -> None:
    store(answer(*["100"] * 9, symbol=OLD))
    quarantine_id = store(answer("100", "50", *["100"] * 7, symbol=OLD))
    assert quarantine_id

    at_once(
        db,
        lambda: decide(accept_change, quarantine_id),
        lambda: store(answer("100", "100", first=12, symbol=NEW)),
        lambda: store(answer("100", first=9, symbol=OLD)),
    )

    bars = {symbol: [close for _, close, _ in known_bars(symbol)] for symbol in (OLD, NEW)}
    assert bars[OLD] == [100, 50, *[100] * 8]
    assert bars[NEW] == [*bars[OLD], 100, 100]
