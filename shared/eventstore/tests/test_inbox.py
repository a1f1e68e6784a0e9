from collections.abc import Callable
from itertools import pairwise
from threading import Event
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts.codec import loads
from shared.contracts.envelope import event_id
from shared.eventstore.inbox import receive
from shared.eventstore.models import Attempt, Inbox
from shared.eventstore.registry import Recorded, register
from shared.eventstore.tests.tally import (
    Counted,
    body_of,
    hear,
    heard,
    inbox_states,
    outbox_bodies,
    parked_slugs,
    tell,
    together,
    wait_for_blocked,
)
from shared.observability.correlation import Cause, current_cause

ONE, TWO, THREE = (body_of("tally-a", version) for version in (1, 2, 3))


def _react(reactor: Callable[[Recorded[Counted]], None]) -> None:
    register("analytics", reactors={Counted: (reactor,)})


def test_an_event_has_its_effect_and_leaves_its_body_behind(tally: psycopg.Connection) -> None:
    tell("tally-a", 4)
    (body,) = outbox_bodies()
    hear(body)
    assert heard(tally) == {"tally-a": [1]}
    row = Inbox.objects.using("analytics").get()
    assert (row.event_id, row.type, row.state) == (event_id("ingest", "tally-a", 1), "Counted", "handled")
    assert bytes(row.body) == body
    assert not Attempt.objects.using("analytics").exists()


def test_an_event_that_comes_again_has_no_second_effect(tally: psycopg.Connection) -> None:
    hear(ONE, ONE)
    hear(ONE)
    assert heard(tally) == {"tally-a": [1]}
    assert inbox_states(tally) == [("tally-a", 1, "handled")]
    assert not Attempt.objects.using("analytics").exists()


def test_the_same_event_at_several_consumers_at_once_has_one_effect(tally: psycopg.Connection) -> None:
    _react(lambda _: wait_for_blocked(tally, count=3))  # the first holds its row until the others meet it
    pauses: list[float] = []  # between tries that failed: who comes second finds it done
    together(*[lambda: receive("analytics", [ONE], pause=pauses.append)] * 4)
    assert heard(tally) == {"tally-a": [1]}
    assert (parked_slugs(), pauses) == ([], [])


def test_a_handler_runs_because_of_its_event(tally: psycopg.Connection) -> None:
    causes: list[Cause] = []
    _react(lambda _: causes.append(current_cause()))
    hear(ONE)
    assert causes == [Cause(UUID(int=1), event_id("ingest", "tally-a", 1))]


def test_a_gap_waits_and_is_then_drained_in_order(tally: psycopg.Connection) -> None:
    hear(THREE)
    hear(TWO)
    assert heard(tally) == {}
    assert inbox_states(tally) == [("tally-a", 2, "waiting"), ("tally-a", 3, "waiting")]
    hear(body_of("tally-b", 1))
    assert heard(tally) == {"tally-b": [1]}
    hear(ONE)
    assert heard(tally) == {"tally-a": [1, 2, 3], "tally-b": [1]}
    assert {state for _, _, state in inbox_states(tally)} == {"handled"}
    assert not Attempt.objects.using("analytics").exists()


def test_a_successor_that_comes_during_its_predecessor_is_applied_behind_it(
    tally: psycopg.Connection,
) -> None:
    first_is_in_its_handler = Event()

    def hold(recorded: Recorded[Counted]) -> None:
        if recorded.envelope.version == 1:
            first_is_in_its_handler.set()
            wait_for_blocked(tally)  # the second one stands at the stream's position

    def second() -> None:
        assert first_is_in_its_handler.wait(timeout=10)
        hear(TWO)

    _react(hold)
    together(lambda: hear(ONE), second)
    assert heard(tally) == {"tally-a": [1, 2]}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_with_any_repeats_gives_every_effect_once_and_in_order(
    tally: psycopg.Connection, data: st.DataObject
) -> None:
    number = tally.execute("SELECT count(*) FROM analytics.tally").fetchone()
    assert number is not None
    stream, count = f"tally-{number[0]}", data.draw(st.integers(1, 6))
    repeats = data.draw(st.lists(st.integers(1, count), max_size=4))
    order = data.draw(st.permutations([*range(1, count + 1), *repeats]))
    cuts = data.draw(st.sets(st.integers(0, len(order))))
    edges = [0, *sorted(cuts), len(order)]
    for start, end in pairwise(edges):
        hear(*(body_of(stream, version) for version in order[start:end]))
    assert heard(tally)[stream] == list(range(1, count + 1))


def test_an_unknown_type_is_ignored_and_its_stream_goes_on(tally: psycopg.Connection) -> None:
    hear(body_of("tally-a", 1, type="Recounted"), TWO)
    assert inbox_states(tally) == [("tally-a", 1, "ignored"), ("tally-a", 2, "handled")]
    assert heard(tally) == {"tally-a": [2]}
    assert parked_slugs() == []


def test_a_type_without_handlers_is_ignored_and_its_stream_goes_on(tally: psycopg.Connection) -> None:
    hear(body_of("tally-a", 1, type="Noted", data={"text": "x"}), TWO)
    assert inbox_states(tally) == [("tally-a", 1, "ignored"), ("tally-a", 2, "handled")]


def test_fields_of_a_later_release_do_not_matter(tally: psycopg.Connection) -> None:
    hear(body_of("tally-a", 1, data={"number": 1, "added": "later"}, tenant="later too"))
    assert heard(tally) == {"tally-a": [1]}
    assert loads(bytes(Inbox.objects.using("analytics").get().body))["tenant"] == "later too"


@pytest.mark.usefixtures("tally")
def test_nothing_is_no_batch() -> None:
    hear()
    assert Inbox.objects.using("analytics").count() == 0
