"""Passwords cost the same whoever is asked about, one at a time, and argon2id is the only way."""

import string
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, identify_hasher, make_password
from hypothesis import given
from hypothesis import strategies as st

from shared.eventstore.tests.tally import together, wait_until
from shared.http.waiting import THREADS, WAITERS
from shared.identity import hashers
from shared.identity.hashers import Argon2id, HasherBusy
from shared.identity.models import User
from shared.identity.passwords import UnacceptablePassword, is_right, require_acceptable

PASSWORD = "seven quiet harbour lamps"


def user(**changes: Any) -> User:
    return User(**{"username": "anna", "password": make_password(PASSWORD), **changes})


def refusal(password: str, **changes: Any) -> str:
    with pytest.raises(UnacceptablePassword) as caught:
        require_acceptable(password, user=user(**changes), field="new_password")
    assert caught.value.extra == {"field": "new_password"}
    return caught.value.detail


def test_a_password_is_stored_as_argon2id() -> None:
    encoded = make_password(PASSWORD)

    assert encoded.startswith("argon2$argon2id$v=19$")
    assert isinstance(identify_hasher(encoded), Argon2id)


def test_what_a_password_costs_is_what_rfc_9106_names_for_little_memory() -> None:
    class_of_production = vars(hashers)["Argon2id"]

    assert class_of_production.parallelism == 1
    assert hashers.PASSES == 3
    assert hashers.MEMORY_KIB == 64 * 1024


@given(st.text(alphabet=string.printable, min_size=12, max_size=128))
def test_every_character_of_a_password_counts(password: str) -> None:
    encoded = make_password(password)

    assert is_right(password, user=user(password=encoded))
    assert not is_right(password + " ", user=user(password=encoded))
    assert not is_right(password.swapcase() + "x", user=user(password=encoded))


@pytest.mark.parametrize(
    "password", ["  seven quiet harbour lamps  ", "pässwörter sind geheim", "pa\u0308sswörter"]
)
def test_a_password_is_taken_as_its_bytes_are(password: str) -> None:
    somebody = user(password=make_password(password))

    assert is_right(password, user=somebody)
    assert not is_right(password.strip().replace("a\u0308", "ä") + "!", user=somebody)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("eleven char", "at least 12"),
        ("x" * 129, "128 characters"),
        ("x" * 1_000_000, "128 characters"),
        ("password1234", "too common"),
        ("annalisa.example", "too similar"),
        ("the-real-annabel", "too similar"),
    ],
)
def test_an_unsafe_password_is_refused_with_its_reason(password: str, reason: str) -> None:
    found = refusal(password, username="annalisa.exampl", display_name="the real annabel")

    assert reason in found


@pytest.mark.parametrize("length", [12, 128])
def test_the_shortest_and_the_longest_password_are_accepted(length: int) -> None:
    require_acceptable(("jx9w-kq2v_" * 13)[:length], user=user(), field="password")


@pytest.mark.parametrize(
    "whom",
    [
        None,
        {"is_active": False},
        {"password": "!unusable"},
        {},
    ],
)
def test_whoever_is_asked_about_one_password_is_hashed(
    whom: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody = None if whom is None else user(**whom)
    costs: list[str] = []
    verify = Argon2id.verify

    def counted(self: Argon2id, password: str, encoded: str) -> bool:
        costs.append(encoded.split("$")[3])
        return verify(self, password, encoded)

    monkeypatch.setattr(Argon2id, "verify", counted)

    def refuse(*_: Any) -> str:
        raise AssertionError("a hash is made although there is nothing to store")

    monkeypatch.setattr(Argon2id, "encode", refuse)

    is_right("not the right password", user=somebody)
    is_right(PASSWORD, user=somebody)

    assert costs == ["m=8,t=1,p=1"] * 2


@pytest.mark.parametrize("whom", [{"is_active": False}, {"password": "!unusable"}, {"password": ""}])
def test_who_may_not_log_in_has_no_right_password(whom: dict[str, Any]) -> None:
    assert is_right(PASSWORD, user=user())
    assert not is_right(PASSWORD, user=user(**whom))
    assert not is_right("", user=user(**whom))


def test_one_password_at_a_time_is_hashed_and_one_thread_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    room = THREADS - WAITERS - 1
    inside, most, may_end = 0, 0, Event()
    encode = Argon2PasswordHasher.encode

    def slow(self: Argon2id, password: str, salt: str) -> str:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        assert may_end.wait(timeout=20)
        inside -= 1
        return str(encode(self, password, salt))

    monkeypatch.setattr(Argon2PasswordHasher, "encode", slow)

    def refused() -> None:
        wait_until(lambda: hashers._ROOM._value == 0, "the room is full")
        with pytest.raises(HasherBusy) as caught:
            make_password(PASSWORD)
        assert caught.value.retry_after_seconds == 1
        may_end.set()

    together(*[lambda: make_password(PASSWORD)] * room, refused)

    assert most == 1
    assert hashers._ROOM._value == room
