"""Events of many streams are recorded, projected and queued as one by one, in a few statements."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from django.db import connections, transaction

import shared.eventstore.registry as handler_registry
from shared.contracts.envelope import Envelope
from shared.eventstore.append import OutsideTransaction, StreamConflict, append_each
from shared.eventstore.models import Event, Outbox
from shared.eventstore.registry import Recorded, SetBased
from shared.eventstore.tests.tally import NOW, Counted, Noted, heard, outbox_bodies, tell


def count_each(entries: Sequence[tuple[str, int, int]]) -> Sequence[Envelope]:
    with transaction.atomic(using="ingest", durable=True):
        given = ((stream, Counted(number=number), known) for stream, number, known in entries)
        return append_each("ingest", given, now=NOW)


def test_each_event_stands_at_the_end_of_its_stream(tally: psycopg.Connection) -> None:
    tell("tally-b", 1, 2)

    envelopes = count_each([("tally-a", 10, 0), ("tally-b", 20, 2), ("tally-c", 30, 0)])

    assert [(item.stream, item.version) for item in envelopes] == [
        ("tally-a", 1),
        ("tally-b", 3),
        ("tally-c", 1),
    ]
    assert heard(tally, "ingest") == {"tally-a": [1], "tally-b": [1, 2, 3], "tally-c": [1]}
    assert [Envelope.from_bytes(body) for body in outbox_bodies()][2:] == list(envelopes)
    positions = Event.objects.using("ingest").order_by("position").values_list("position", flat=True)
    assert list(
        Outbox.objects.using("ingest").order_by("position").values_list("position", flat=True)
    ) == list(positions)


@pytest.mark.usefixtures("tally")
def test_internal_events_are_recorded_and_not_queued() -> None:
    with transaction.atomic(using="ingest"):
        append_each("ingest", [("note-a", Noted(text="x"), 0), ("tally-a", Counted(number=1), 0)], now=NOW)

    assert Event.objects.using("ingest").count() == 2
    assert Outbox.objects.using("ingest").get().stream == "tally-a"


@pytest.mark.parametrize("wrong", [0, 1, 3])
def test_one_stream_that_moved_on_stops_all(tally: psycopg.Connection, wrong: int) -> None:
    tell("tally-b", 1, 2)

    with pytest.raises(StreamConflict, match=f"tally-b is at version 2, not {wrong}"):
        count_each([("tally-a", 10, 0), ("tally-b", 20, wrong)])

    assert heard(tally, "ingest") == {"tally-b": [1, 2]}


@pytest.mark.usefixtures("tally")
def test_outside_of_the_services_transaction_nothing_is_recorded() -> None:
    with pytest.raises(OutsideTransaction, match="1 streams"):
        append_each("ingest", [("tally-a", Counted(number=1), 0)], now=NOW)

    assert not Event.objects.using("ingest").exists()


@pytest.mark.usefixtures("tally")
def test_a_set_based_projector_runs_once_for_all_and_others_once_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once: list[list[int]] = []
    single: list[int] = []

    def together(items: Sequence[Recorded[Any]]) -> None:
        at_once.append([item.event.number for item in items])

    def one(item: Recorded[Any]) -> None:
        single.append(item.event.number)

    projectors = {Counted: (SetBased(together), one)}
    monkeypatch.setattr(handler_registry.handlers_of("ingest"), "projectors", projectors)

    count_each([("tally-a", 1, 0), ("tally-b", 2, 0)])
    tell("tally-c", 3, 4)

    assert at_once == [[1, 2], [3], [4]]
    assert single == [1, 2, 3, 4]


@pytest.mark.usefixtures("tally")
def test_fifty_streams_take_as_many_statements_as_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler_registry.handlers_of("ingest"), "projectors", {})

    def statements(streams: int, known: int) -> int:
        sent: list[str] = []

        def note(execute: Any, statement: str, *rest: Any) -> Any:
            sent.append(statement)
            return execute(statement, *rest)

        with connections["ingest"].execute_wrapper(note):
            count_each([(f"tally-{number}", number, known) for number in range(streams)])
        return len(sent)

    assert statements(50, 0) == statements(2, 1)
