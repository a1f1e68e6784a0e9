"""Whoever may register gets an account of their own."""

from typing import Any

import psycopg
import pytest

from services.analytics.users.tests.visitor import (
    PASSWORD,
    USERS,
    count_hashes,
    log_in,
    send,
    set_registration,
)
from shared.eventstore.tests.tally import together
from shared.http.tests.api_client import assert_problem
from shared.identity.models import User

pytestmark = pytest.mark.usefixtures("db")


def test_who_registers_can_log_in_and_is_no_superuser() -> None:
    answer = send(USERS, username="Anna", password=PASSWORD, email="anna@example.org", display_name="Anna A.")

    assert answer.status_code == 201
    assert answer["Location"] == "/api/v1/users/me/"
    stored = User.objects.using("identity").get()
    assert answer.json() == {
        "id": str(stored.public_id),
        "username": "anna",
        "display_name": "Anna A.",
        "email": "anna@example.org",
        "is_superuser": False,
        "created_at": stored.date_joined.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    assert (stored.is_staff, stored.is_superuser, stored.is_active) == (False, False, True)
    assert PASSWORD not in stored.password
    assert log_in().status_code == 201


@pytest.mark.parametrize("name", ["anna", "ANNA", "ａｎｎａ"])
def test_a_name_that_is_taken_in_any_form_is_409_and_costs_no_hash(
    name: str, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = count_hashes(monkeypatch)

    assert_problem(send(USERS, username=name, password=PASSWORD), 409, "username-taken")
    assert hashed == []


def test_of_many_who_want_a_name_at_once_one_gets_it() -> None:
    answers = together(*[lambda: send(USERS, username="anna", password=PASSWORD).status_code] * 4)

    assert sorted(answers) == [201, 409, 409, 409]
    assert User.objects.using("identity").count() == 1


def test_where_registration_is_closed_it_is_403(monkeypatch: pytest.MonkeyPatch) -> None:
    set_registration(monkeypatch, is_open=False)
    hashed = count_hashes(monkeypatch)

    assert_problem(send(USERS, username="anna", password=PASSWORD), 403, "registration-closed")
    assert hashed == []
    assert not User.objects.using("identity").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "password123"}, "password"),
        ({"password": "password1234"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": "p" * 1_000_000}, "password"),
        ({"password": 123_456_789_012}, "password"),
        ({"password": "anna.anders."}, "password"),
        ({"username": "a b"}, "username"),
        ({"username": ""}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"username": 123}, "username"),
        ({"email": "no address"}, "email"),
        ({"display_name": "x" * 151}, "display_name"),
        ({"is_superuser": True}, "is_superuser"),
    ],
)
def test_a_bad_field_is_400_and_named_and_costs_no_hash(
    changes: dict[str, Any], field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = count_hashes(monkeypatch)

    answer = send(USERS, **{"username": "anna.anders", "password": PASSWORD, **changes})

    problem = assert_problem(answer, 400, answer.json()["code"])
    assert [error["attr"] for error in problem["errors"]] == [field]
    assert hashed == []
    assert not User.objects.using("identity").exists()


def test_spaces_around_a_password_belong_to_it() -> None:
    assert send(USERS, username="anna", password=f"  {PASSWORD}  ").status_code == 201

    assert log_in().status_code == 401
    assert log_in(password=f"  {PASSWORD}  ").status_code == 201


def test_a_retry_with_its_key_gets_the_first_answer() -> None:
    first, second = (send(USERS, username="anna", password=PASSWORD, key="one") for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()


def test_registrations_are_limited_by_address(
    db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        assert send(USERS, username=f"user-{number}", password=PASSWORD).status_code == 201
    hashed = count_hashes(monkeypatch)

    answer = send(USERS, username="one-more", password=PASSWORD)

    assert_problem(answer, 429, "too-many-attempts")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert hashed == []
    assert send(USERS, username="one-more", password=PASSWORD, address="192.0.2.2").status_code == 201
