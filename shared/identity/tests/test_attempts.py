"""Passwords are tried five times a minute on an account and twenty times from an address, and no more."""

import math
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from shared.eventstore.tests.tally import together
from shared.identity.attempts import TooManyAttempts, counted
from shared.identity.hashers import HasherBusy
from shared.identity.models import LoginAttempt

HERE, THERE = "192.0.2.1", "192.0.2.2"
pytestmark = pytest.mark.usefixtures("db")


class Wrong(Exception):
    """The password was wrong."""


def fail(username: str = "anna", address: str = HERE) -> None:
    with pytest.raises(Wrong), counted(username=username, address=address):
        raise Wrong


def succeed(username: str = "anna", address: str = HERE) -> None:
    with counted(username=username, address=address):
        pass


def refused(username: str = "anna", address: str = HERE) -> int:
    with pytest.raises(TooManyAttempts) as caught, counted(username=username, address=address):
        raise AssertionError("the password was tried")
    assert caught.value.retry_after_seconds is not None
    assert str(caught.value.retry_after_seconds) in caught.value.detail
    return caught.value.retry_after_seconds


def pass_time(db: psycopg.Connection[Any], seconds: float) -> None:
    db.execute("UPDATE identity.login_attempt SET tried_at = tried_at - %s * interval '1 second'", [seconds])


def test_the_sixth_try_on_an_account_is_refused_before_it_is_made() -> None:
    for _ in range(5):
        fail()

    assert 58 <= refused() <= 60


def test_other_accounts_and_other_addresses_are_not_concerned() -> None:
    for _ in range(5):
        fail()

    fail("berta")
    fail("anna", THERE)


def test_the_window_slides_and_never_locks_for_longer(db: psycopg.Connection[Any]) -> None:
    for _ in range(5):
        fail()
        pass_time(db, 10)

    for _ in range(3):
        assert 9 <= refused() <= 10
    pass_time(db, 9.5)
    assert refused() == 1
    pass_time(db, 0.5)
    fail()
    assert 9 <= refused() <= 10


@pytest.mark.parametrize("written", ["ANNA", "ａｎｎａ", "Anna"])
def test_all_ways_to_write_a_name_are_one_account(written: str) -> None:
    for _ in range(5):
        fail(written)

    refused("anna")


def test_the_twenty_first_try_from_an_address_is_refused_whoever_it_is_about(
    db: psycopg.Connection[Any],
) -> None:
    for number in range(20):
        fail(f"user-{number}")
        pass_time(db, 1)

    assert 39 <= refused("somebody else") <= 41
    fail("somebody else", THERE)


def test_success_clears_the_account_and_the_address_keeps_its_count() -> None:
    for _ in range(4):
        fail()
    succeed()
    for _ in range(5):
        fail()
    refused()

    for number in range(10):
        fail(f"user-{number}")
    refused("user-11")


def test_success_elsewhere_clears_nothing_here() -> None:
    for _ in range(5):
        fail()
    succeed("anna", THERE)

    refused()


def test_a_try_that_found_no_room_is_not_counted() -> None:
    for _ in range(6):
        with pytest.raises(HasherBusy), counted(username="anna", address=HERE):
            raise HasherBusy("full")

    assert not LoginAttempt.objects.using("identity").exists()


@pytest.mark.parametrize(
    ("one", "other", "is_one_place"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "", True),
        ("unix:", "unix:", True),
    ],
)
def test_an_address_of_ipv6_is_its_network(one: str, other: str, is_one_place: bool) -> None:
    for _ in range(5):
        fail(address=one)

    (refused if is_one_place else fail)(address=other)


def test_names_are_kept_neither_readable_nor_for_long(db: psycopg.Connection[Any]) -> None:
    fail("a-password-typed-in-the-wrong-field")
    kept = db.execute("SELECT login_attempt::text FROM identity.login_attempt").fetchall()
    assert "wrong-field" not in str(kept)

    pass_time(db, 61)
    fail("berta", THERE)

    assert LoginAttempt.objects.using("identity").count() == 1


def tries(username: Callable[[int], str], address: Callable[[int], str]) -> int:
    """Try forty times at once and return how many of them got through."""
    made: list[int] = []

    def attempt(number: int) -> None:
        try:
            with counted(username=username(number), address=address(number)):
                made.append(number)
                raise Wrong
        except (Wrong, TooManyAttempts):
            pass

    together(*[lambda number=number: attempt(number) for number in range(40)])
    return len(made)


def test_of_forty_tries_at_once_on_an_account_exactly_five_are_made() -> None:
    assert tries(lambda _: "anna", lambda _: HERE) == 5


def test_of_forty_tries_at_once_from_an_address_exactly_twenty_are_made() -> None:
    assert tries(lambda number: f"user-{number}", lambda _: HERE) == 20


def test_tries_at_once_on_many_accounts_from_many_addresses_are_all_made() -> None:
    assert tries(lambda number: f"user-{number}", lambda number: f"192.0.2.{math.floor(number / 4)}") == 40
