"""A request waits for work as long as its caller wants, and never so that others find no thread."""

import threading
import time
from typing import Any

import pytest

from shared.eventstore.tests.tally import together
from shared.http.operations import started
from shared.http.waiting import THREADS, WAITERS, preferred_wait, wait_until

LONG = 60.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("wait=0", 0),
        ("wait=25", 25),
        ("wait=26", 25),
        ("wait=999999999", 25),
        ("WAIT = 5", 5),
        ('wait="5"', 5),
        ("respond-async, wait=5", 5),
        ("wait=5; foo=bar, wait=7", 5),
        ("", None),
        ("respond-async", None),
        ("return=minimal; wait=5", None),
        ("wait", None),
        ("wait=", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=٣", None),
        ("wait=5s", None),
        ("wait=9999999999", None),
        ("await=5", None),
    ],
)
def test_what_a_caller_prefers_is_read_and_what_is_malformed_ignored(
    header: str, seconds: int | None
) -> None:
    assert preferred_wait(header) == seconds


def test_a_wait_ends_with_the_work() -> None:
    seen = iter([1, 2, 3])

    assert wait_until(lambda: next(seen), lambda value: value == 3, seconds=LONG) == 3


def test_a_wait_ends_with_the_time_and_gives_what_is_there() -> None:
    began_at = time.monotonic()

    found = wait_until(lambda: "queued", lambda _: False, seconds=0.3)

    assert found == "queued"
    assert 0.3 <= time.monotonic() - began_at < 5


def test_without_time_there_is_one_look() -> None:
    looks: list[int] = []

    wait_until(lambda: looks.append(1), lambda _: False, seconds=0)

    assert len(looks) == 1


def test_more_waiters_than_may_be_are_answered_at_once_and_others_get_their_place_again() -> None:
    release, all_wait = threading.Event(), threading.Barrier(WAITERS + 1)

    def wait() -> Any:
        looks: list[int] = []

        def look() -> bool:
            looks.append(1)
            if len(looks) == 2:  # it has its place
                all_wait.wait(timeout=30)
            return release.is_set()

        return wait_until(look, bool, seconds=LONG)

    def be_one_too_many() -> Any:
        all_wait.wait(timeout=30)
        try:
            return wait_until(lambda: "at once", lambda _: False, seconds=LONG)
        finally:
            release.set()

    *waited, refused = together(*[wait] * WAITERS, be_one_too_many)

    assert waited == [True] * WAITERS
    assert refused == "at once"
    assert wait_until(iter([False, True]).__next__, bool, seconds=LONG) is True
    assert WAITERS < THREADS


def test_a_look_that_breaks_gives_its_place_back() -> None:
    def break_on_second_look() -> bool:
        if looks:
            raise RuntimeError("away")
        looks.append(1)
        return False

    for _ in range(WAITERS + 1):
        looks: list[int] = []
        with pytest.raises(RuntimeError):
            wait_until(break_on_second_look, bool, seconds=LONG)


@pytest.mark.parametrize(
    ("state", "is_new", "status"),
    [
        ("queued", True, 202),
        ("running", False, 202),
        ("waiting_quota", True, 202),
        ("succeeded", True, 201),
        ("succeeded", False, 200),
        ("refused", True, 201),
        ("failed", False, 200),
    ],
)
def test_the_status_says_whether_the_work_is_done_and_whether_it_is_new(
    state: str, is_new: bool, status: int
) -> None:
    answer = started({}, location="/x/", state=state, is_new=is_new)

    assert answer.status_code == status
    assert answer["Location"] == "/x/"
    assert answer.headers.get("Retry-After") == ("1" if status == 202 else None)
