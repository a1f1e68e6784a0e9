from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections, transaction

from shared.contracts.codec import MalformedEvent, OversizeEvent
from shared.contracts.envelope import Envelope, event_id
from shared.contracts.registry import UnknownEventType
from shared.eventstore.append import OutsideTransaction, StreamConflict, append, stream_version
from shared.eventstore.models import Event, Outbox
from shared.eventstore.tests.tally import NOW, Concluded, Counted, Noted, heard, outbox_bodies, tell, together
from shared.observability.correlation import Cause, NoCause, caused_by


def _rows(owner: psycopg.Connection) -> tuple[int, ...]:
    tables = ("event", "outbox", "tally")
    counts = (owner.execute(f"SELECT count(*) FROM ingest.{table}").fetchone() for table in tables)
    return tuple(count[0] for count in counts if count)


def test_an_event_is_recorded_projected_and_queued_at_once(tally: psycopg.Connection, cause: UUID) -> None:
    with transaction.atomic(using="ingest", durable=True):
        first, second = append("ingest", "tally-a", Counted(number=4), Counted(number=5), now=NOW)
        assert _rows(tally) == (0, 0, 0)
    assert _rows(tally) == (2, 2, 1)
    assert (first.version, second.version) == (1, 2)
    assert heard(tally, "ingest") == {"tally-a": [1, 2]}
    row = Event.objects.using("ingest").get(version=2)
    assert (row.event_id, row.type, row.data) == (event_id("ingest", "tally-a", 2), "Counted", {"number": 5})
    assert (row.correlation_id, row.causation_id, row.occurred_at) == (cause, None, NOW)
    assert [Envelope.from_bytes(body) for body in outbox_bodies()] == [first, second]
    sent = Outbox.objects.using("ingest").values_list("routing_key", "sent_at", "position")
    assert list(sent.order_by("position")) == [
        ("ingest.Counted", None, row.position - 1),
        ("ingest.Counted", None, row.position),
    ]


@pytest.mark.usefixtures("tally")
def test_an_event_names_the_step_that_led_to_it() -> None:
    with caused_by(Cause(UUID(int=5), UUID(int=6))), transaction.atomic(using="ingest"):
        (envelope,) = append("ingest", "tally-a", Counted(number=1), now=NOW)
    assert (envelope.correlation_id, envelope.causation_id) == (UUID(int=5), UUID(int=6))


def test_an_internal_event_is_recorded_and_not_queued(tally: psycopg.Connection) -> None:
    with transaction.atomic(using="ingest"):
        append("ingest", "note-a", Noted(text="x"), now=NOW)
    assert _rows(tally) == (1, 0, 0)


def test_a_rollback_leaves_nothing(tally: psycopg.Connection) -> None:
    with pytest.raises(RuntimeError, match="after the append"), transaction.atomic(using="ingest"):
        append("ingest", "tally-a", Counted(number=1), now=NOW)
        raise RuntimeError("after the append")
    assert _rows(tally) == (0, 0, 0)


@pytest.mark.parametrize("other", [None, "analytics"])
def test_outside_of_the_services_transaction_nothing_is_recorded(
    tally: psycopg.Connection, other: str | None
) -> None:
    with pytest.raises(OutsideTransaction, match="tally-a"):
        if other is None:
            append("ingest", "tally-a", Counted(number=1), now=NOW)
        else:
            with transaction.atomic(using=other):
                append("ingest", "tally-a", Counted(number=1), now=NOW)
    assert _rows(tally) == (0, 0, 0)


def test_outside_of_a_cause_nothing_is_recorded(tally: psycopg.Connection) -> None:
    seen: list[str] = []

    def without_cause() -> None:
        with pytest.raises(NoCause), transaction.atomic(using="ingest"):
            append("ingest", "tally-a", Counted(number=1), now=NOW)
        connections.close_all()
        seen.append("refused")

    thread = Thread(target=without_cause)
    thread.start()
    thread.join()
    assert seen == ["refused"]
    assert _rows(tally) == (0, 0, 0)


def test_the_expected_version_must_be_the_last_one(tally: psycopg.Connection) -> None:
    tell("tally-a", 1, 2)
    for wrong in (0, 1, 3):
        with (
            pytest.raises(StreamConflict, match=f"at version 2, not {wrong}"),
            transaction.atomic(using="ingest"),
        ):
            append("ingest", "tally-a", Counted(number=3), now=NOW, expected_version=wrong)
    with transaction.atomic(using="ingest"):
        append("ingest", "tally-a", Counted(number=3), now=NOW, expected_version=2)
    assert heard(tally, "ingest") == {"tally-a": [1, 2, 3]}


@pytest.mark.parametrize("expected", [0, None])
def test_of_two_writers_at_once_exactly_one_wins(tally: psycopg.Connection, expected: int | None) -> None:
    both_have_read = Barrier(2)

    def write() -> str:
        try:
            # Between the version that `append` reads and its insert both meet at the barrier.
            meet = connections["ingest"].execute_wrapper(_pause_before_insert(both_have_read))
            with transaction.atomic(using="ingest"), meet:
                append("ingest", "tally-a", Counted(number=1), now=NOW, expected_version=expected)
        except StreamConflict:
            return "lost"
        return "won"

    assert sorted(together(write, write)) == ["lost", "won"]
    assert heard(tally, "ingest") == {"tally-a": [1]}
    assert _rows(tally) == (1, 1, 1)


def _pause_before_insert(barrier: Barrier) -> Callable[..., Any]:
    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT INTO event" in sql:
            barrier.wait(timeout=10)
        return execute(sql, params, many, context)

    return wrapper


def test_writers_of_different_streams_do_not_wait_for_each_other(tally: psycopg.Connection) -> None:
    with transaction.atomic(using="ingest"):
        append("ingest", "tally-a", Counted(number=1), now=NOW)
        together(lambda: tell("tally-b", 1))
        assert heard(tally, "ingest") == {"tally-b": [1]}
    assert heard(tally, "ingest") == {"tally-a": [1], "tally-b": [1]}


def test_an_event_above_256_kib_is_refused_before_anything_is_written(tally: psycopg.Connection) -> None:
    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    watched = connections["ingest"].execute_wrapper(note)
    with transaction.atomic(using="ingest"), watched, pytest.raises(OversizeEvent, match="Noted has 26"):
        append("ingest", "note-a", Noted(text="x" * 262_144), now=NOW)
    assert not [sql for sql in statements if sql.startswith("INSERT")]
    assert _rows(tally) == (0, 0, 0)


@pytest.mark.usefixtures("tally")
@pytest.mark.parametrize(
    ("event", "stream"),
    [
        (Concluded(number=1), "conclusion-a"),
        (Counted(number=1), "note-a"),
        (Counted(number=1), "tally"),
        (Counted(number=1), "tallyho-a"),
    ],
)
def test_an_event_stands_in_a_stream_of_its_source_and_category(event: Any, stream: str) -> None:
    with pytest.raises(ValueError, match=stream), transaction.atomic(using="ingest"):
        append("ingest", stream, event, now=NOW)


@pytest.mark.usefixtures("tally")
def test_what_could_not_be_read_back_is_not_recorded() -> None:
    @dataclass(frozen=True)
    class Stranger:
        number: int

    with pytest.raises(UnknownEventType, match="Stranger"), transaction.atomic(using="ingest"):
        append("ingest", "tally-a", Stranger(number=1), now=NOW)
    for wrong in ("7", None, 1.5, True, float("nan")):
        with pytest.raises(MalformedEvent), transaction.atomic(using="ingest"):
            append("ingest", "tally-a", Counted(number=wrong), now=NOW)  # type: ignore[arg-type]
    with pytest.raises(MalformedEvent, match="time zone"), transaction.atomic(using="ingest"):
        append("ingest", "tally-a", Counted(number=1), now=datetime(2018, 3, 27))
    assert stream_version("ingest", "tally-a") == 0
