import psycopg
from django.db import transaction

from shared.eventstore.append import append
from shared.eventstore.reconcile import reconcile
from shared.eventstore.tests.tally import (
    NOW,
    Noted,
    hear,
    heard,
    inbox_states,
    outbox_bodies,
    parked_slugs,
    tell,
)


def _reconcile(*, older_than_seconds: float = 0, limit: int = 1000) -> int:
    return reconcile(
        "analytics",
        sources=["ingest"],
        older_than_seconds=older_than_seconds,
        pause=lambda _: None,
        limit=limit,
    )


def test_events_that_the_bus_lost_are_taken_in(tally: psycopg.Connection) -> None:
    tell("tally-a", 1, 2, 3)
    tell("tally-b", 1)
    hear(outbox_bodies()[1])
    assert _reconcile() == 3
    assert heard(tally) == {"tally-a": [1, 2, 3], "tally-b": [1]}
    assert _reconcile() == 0


def test_a_late_delivery_after_a_reconcile_has_no_second_effect(tally: psycopg.Connection) -> None:
    tell("tally-a", 1)
    _reconcile()
    hear(*outbox_bodies())
    assert heard(tally) == {"tally-a": [1]}


def test_young_events_may_still_be_on_their_way(tally: psycopg.Connection) -> None:
    tell("tally-a", 1)
    assert _reconcile(older_than_seconds=60) == 0
    assert heard(tally) == {}


def test_many_lost_events_are_taken_in_by_portions(tally: psycopg.Connection) -> None:
    tell("tally-a", *range(5))
    assert [_reconcile(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert heard(tally) == {"tally-a": [1, 2, 3, 4, 5]}


def test_internal_events_are_not_taken_in(tally: psycopg.Connection) -> None:
    with transaction.atomic(using="ingest"):
        append("ingest", "note-a", Noted(text="x"), now=NOW)
    assert _reconcile() == 0
    assert inbox_states(tally) == []


def test_a_parked_event_is_not_taken_in_again(tally: psycopg.Connection) -> None:
    tell("tally-a", 1)
    tally.execute(
        "UPDATE ingest.outbox SET body = convert_to(replace(convert_from(body, 'UTF8'),"
        " '\"schema_version\":1', '\"schema_version\":9'), 'UTF8')"
    )
    assert _reconcile() == 1
    assert parked_slugs() == ["unsupported-version"]
    assert _reconcile() == 0
