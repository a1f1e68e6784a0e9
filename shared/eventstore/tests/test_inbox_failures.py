import os
from collections.abc import Callable, Sequence
from uuid import UUID

import psycopg
import pytest
from django.db import OperationalError, connections

from shared.contracts.codec import body_hash
from shared.contracts.envelope import event_id
from shared.eventstore.effects import MAX_CRASHES, Received, apply
from shared.eventstore.inbox import MAX_OUTAGES, receive
from shared.eventstore.models import Attempt, Inbox, Parked
from shared.eventstore.registry import Recorded, register
from shared.eventstore.tests.tally import (
    Counted,
    body_of,
    hear,
    heard,
    inbox_states,
    parked_slugs,
)

ONE, TWO = body_of("tally-a", 1), body_of("tally-a", 2)
NAME_TOO_LONG_TO_INDEX = "".join(body_hash(bytes([number])) for number in range(200))


def _react(reactor: Callable[[Recorded[Counted]], None]) -> None:
    register("analytics", reactors={Counted: (reactor,)})


@pytest.mark.parametrize(
    ("poison", "slug"),
    [
        (b"nonsense", "malformed-event"),
        (b"\x00\xff", "malformed-event"),
        (body_of("tally-a", 1, event_id=str(UUID(int=9))), "malformed-event"),
        (body_of("tally-a", 1).replace(b"tally-a", b"tally-\\u0000"), "malformed-event"),
        (b" " * 300_000, "oversize-event"),
        (body_of("tally-a", 1, data={}), "malformed-event"),
        (body_of("tally-a", 1, data={"number": "1"}), "malformed-event"),
        (body_of("tally-a", 1, schema_version=2), "unsupported-version"),
        (body_of(f"tally-{NAME_TOO_LONG_TO_INDEX}", 1), "handler-failed"),
    ],
)
def test_poison_is_parked_as_it_came_and_neighbours_flow(
    tally: psycopg.Connection, poison: bytes, slug: str
) -> None:
    hear(body_of("tally-b", 1), poison, body_of("tally-c", 1))
    hear(poison)
    row = Parked.objects.using("analytics").get()
    assert (row.slug, bytes(row.body), row.resolution) == (slug, poison, None)
    assert heard(tally) == {"tally-b": [1], "tally-c": [1]}
    assert not Attempt.objects.using("analytics").exists()


def test_poison_without_handler_is_parked_after_one_try(tally: psycopg.Connection) -> None:
    pauses: list[float] = []
    receive("analytics", [body_of("tally-a", 1, schema_version=2)], pause=pauses.append)
    assert pauses == []
    assert Parked.objects.using("analytics").get().attempts == 1


def test_another_body_under_a_known_id_is_parked_and_the_first_one_stands(tally: psycopg.Connection) -> None:
    hear(ONE, TWO)
    other = body_of("tally-a", 1, data={"number": 100})
    hear(other)
    row = Parked.objects.using("analytics").get()
    assert (row.slug, bytes(row.body), row.event_id) == (
        "id-conflict",
        other,
        event_id("ingest", "tally-a", 1),
    )
    assert heard(tally) == {"tally-a": [1, 2]}
    assert tally.execute("SELECT total FROM analytics.tally").fetchall() == [(3,)]
    assert bytes(Inbox.objects.using("analytics").get(version=1).body) == ONE


def test_a_handler_that_fails_three_times_is_parked_with_its_traceback(tally: psycopg.Connection) -> None:
    calls: list[int] = []
    pauses: list[float] = []

    def fail(recorded: Recorded[Counted]) -> None:
        calls.append(recorded.envelope.version)
        if recorded.envelope.stream == "tally-a":
            raise ZeroDivisionError("no such \x00 \ud800 number")

    _react(fail)
    receive("analytics", [ONE, body_of("tally-b", 1), TWO], pause=pauses.append)
    assert calls == [1, 1, 1, 1, 1]  # once with the whole batch, three times alone, and its neighbour
    assert pauses == [0.1, 0.2]
    row = Parked.objects.using("analytics").get()
    assert (row.slug, row.attempts, row.version) == ("handler-failed", 3, 1)
    assert "ZeroDivisionError: no such " in row.detail
    assert heard(tally) == {"tally-b": [1]}  # the projector's row was rolled back with the failure
    assert inbox_states(tally) == [("tally-a", 2, "waiting"), ("tally-b", 1, "handled")]


def test_a_process_that_is_asked_to_stop_leaves_the_further_tries_to_the_next_one(
    tally: psycopg.Connection,
) -> None:
    failures = iter([True] * 3)

    def stumble(_: Recorded[Counted]) -> None:
        if next(failures, False):
            raise RuntimeError("not yet")

    _react(stumble)
    with pytest.raises(RuntimeError, match="not yet"):
        receive("analytics", [ONE], pause=lambda _: True)
    hear(ONE)
    assert parked_slugs() == []
    assert heard(tally) == {"tally-a": [1]}


def test_a_handler_that_fails_twice_succeeds_the_third_time(tally: psycopg.Connection) -> None:
    failures = iter([True, True, False])

    def stumble(_: Recorded[Counted]) -> None:
        if next(failures):
            raise RuntimeError("not yet")

    _react(stumble)
    hear(ONE)
    assert heard(tally) == {"tally-a": [1]}
    assert parked_slugs() == []


def test_an_event_that_kills_the_process_is_parked_alone(tally: psycopg.Connection) -> None:
    class Killed(BaseException):
        """Ends the batch as a crash does: nothing of what comes behind runs."""

    def kill(recorded: Recorded[Counted]) -> None:
        if recorded.envelope.stream == "tally-4":
            raise Killed

    _react(kill)
    batch = [body_of(f"tally-{number}", 1) for number in range(10)]
    for _ in range(MAX_CRASHES):
        with pytest.raises(Killed):
            hear(*batch)
    assert parked_slugs() == []
    hear(*batch)
    assert parked_slugs() == ["handler-crashed"]
    assert Parked.objects.using("analytics").get().stream == "tally-4"
    assert heard(tally) == {f"tally-{number}": [1] for number in range(10) if number != 4}
    assert not Attempt.objects.using("analytics").exists()


def test_an_event_that_unrelated_kills_interrupt_has_its_effect_all_the_same(
    tally: psycopg.Connection,
) -> None:
    class Killed(BaseException):
        """As above."""

    ends = iter([Killed] * (MAX_CRASHES - 1) + [RuntimeError] * 2)

    def end(recorded: Recorded[Counted]) -> None:
        if (error := next(ends, None)) is not None:
            raise error

    _react(end)
    for _ in range(MAX_CRASHES - 1):
        with pytest.raises(Killed):
            hear(ONE)
    hear(ONE)  # the two failures that follow are none of the crashes
    assert parked_slugs() == []
    assert heard(tally) == {"tally-a": [1]}


def test_after_a_crash_a_batch_comes_in_ever_smaller_parts(
    tally: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As above."""

    sizes: list[int] = []

    def apply_and_die(service: str, items: Sequence[Received], *, begun: int = 1) -> None:
        sizes.append(len(items))
        if len(sizes) in {1, 3}:
            raise Killed
        apply(service, items, begun=begun)

    batch = [body_of(f"tally-{number}", 1) for number in range(60)]
    monkeypatch.setattr("shared.eventstore.inbox.apply", apply_and_die)
    for _ in range(2):
        with pytest.raises(Killed):
            hear(*batch)
    hear(*batch)
    assert sizes == [60, 25, 25, *[5] * 12]
    assert len(heard(tally)) == 60


def test_a_waiting_event_that_kills_the_process_is_parked_too(tally: psycopg.Connection) -> None:
    class Killed(BaseException):
        """As above."""

    def kill(recorded: Recorded[Counted]) -> None:
        if recorded.envelope.version == 2:
            raise Killed

    _react(kill)
    hear(TWO)
    for _ in range(MAX_CRASHES):
        with pytest.raises(Killed):
            hear(ONE)
    hear(ONE)
    assert parked_slugs() == ["handler-crashed"]
    assert heard(tally) == {"tally-a": [1]}


def test_an_outage_is_raised_and_says_nothing_about_the_event(tally: psycopg.Connection) -> None:
    _react(lambda _: _lose_the_connection(tally))
    for _ in range(4):
        with pytest.raises(OperationalError):
            hear(ONE)
    assert not Attempt.objects.using("analytics").exists()
    assert parked_slugs() == []
    assert heard(tally) == {}


def test_an_outage_that_lasts_is_not_counted_once_it_is_over(
    tally: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay_away = iter([True] * (MAX_CRASHES + 1))

    def lose(_: Recorded[Counted]) -> None:
        if next(stay_away, False):
            _lose_the_connection(tally)

    _react(lose)
    with monkeypatch.context() as patch, pytest.raises(OperationalError):
        patch.setattr("shared.eventstore.inbox._settle_interrupted", _away)  # it does not come back at once
        hear(ONE)
    assert Attempt.objects.using("analytics").get().attempts == 1
    for _ in range(MAX_CRASHES):
        with pytest.raises(OperationalError):
            hear(ONE)
    hear(ONE)
    assert heard(tally) == {"tally-a": [1]}
    assert not Attempt.objects.using("analytics").exists()


def _lose_the_connection(owner: psycopg.Connection) -> None:
    with connections["analytics"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        owner.execute("SELECT pg_terminate_backend(%s)", [cursor.fetchone()[0]])
        cursor.execute("SELECT 1")


def _away(service: str) -> None:
    raise OperationalError("the database is away")


def test_a_lock_that_is_not_free_says_nothing_about_the_event(tally: psycopg.Connection) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute("LOCK TABLE analytics.tally IN SHARE ROW EXCLUSIVE MODE")
        for _ in range(4):
            _run("SET lock_timeout = '5ms'")
            with pytest.raises(OperationalError, match="lock timeout"):
                hear(ONE)
    hear(ONE)
    assert heard(tally) == {"tally-a": [1]}


def _run(statement: str) -> None:
    with connections["analytics"].cursor() as cursor:
        cursor.execute(statement)


def test_an_outage_that_one_event_always_has_holds_no_neighbour_up_and_is_parked_in_the_end(
    tally: psycopg.Connection,
) -> None:
    def fail(recorded: Recorded[Counted]) -> None:
        if recorded.envelope.stream == "tally-b":
            _run("DO $$ BEGIN RAISE SQLSTATE '53200'; END $$")

    _react(fail)
    batch = [body_of(f"tally-{name}", 1) for name in "abc"]
    for _ in range(MAX_OUTAGES - 1):
        with pytest.raises(OperationalError):
            hear(*batch)
        assert heard(tally) == {"tally-a": [1], "tally-c": [1]}
    hear(*batch)
    assert parked_slugs() == ["handler-failed"]
    assert not Attempt.objects.using("analytics").exists()


def test_an_outage_takes_no_crash_back(tally: psycopg.Connection) -> None:
    class Killed(BaseException):
        """As above."""

    ends = iter([Killed, None, Killed])

    def end(_: Recorded[Counted]) -> None:
        if (killed := next(ends)) is not None:
            raise killed
        _lose_the_connection(tally)

    _react(end)
    for expected in (Killed, OperationalError, Killed):
        with pytest.raises(expected):
            hear(ONE)
    assert Attempt.objects.using("analytics").get().attempts == 2


def test_a_statement_that_the_database_cannot_run_is_the_events_own_fault(tally: psycopg.Connection) -> None:
    _react(lambda _: _run("SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(10)"))
    hear(ONE)
    assert parked_slugs() == ["handler-failed"]
    assert "statement timeout" in Parked.objects.using("analytics").get().detail
