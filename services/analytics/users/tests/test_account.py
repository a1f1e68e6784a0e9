"""A user looks after the own account."""

from typing import Any

import pytest

from services.analytics.users.services import set_password
from services.analytics.users.tests.visitor import ME, PASSWORD, count_hashes, log_in
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.identity.models import Token, User
from shared.identity.passwords import is_right

NEW = "nine loud harbour lamps"
PASSWORD_ADDRESS = f"{ME}password/"


@pytest.fixture
def caller(anna: User) -> ApiClient:
    """Give Anna, logged in."""
    return ApiClient(log_in().json()["token"])


def patch(client: ApiClient, **body: Any) -> Any:
    return client.patch(ME, body, content_type="application/json")


def test_email_and_display_name_can_be_changed_each_alone(caller: ApiClient) -> None:
    assert patch(caller, email="anna@example.org").json()["email"] == "anna@example.org"
    changed = patch(caller, display_name="Anna A.")

    assert changed.status_code == 200
    assert changed.json() == caller.show(ME)
    assert (changed.json()["email"], changed.json()["display_name"]) == ("anna@example.org", "Anna A.")
    assert patch(caller, email="").json()["email"] == ""
    assert patch(caller).json() == caller.show(ME)


@pytest.mark.parametrize(
    "body",
    [
        {"username": "berta"},
        {"is_superuser": True},
        {"is_staff": True},
        {"password": NEW},
        {"id": "x"},
        {"email": "no address"},
        {"email": None},
        {"display_name": 5},
        {"display_name": "x" * 151},
    ],
)
def test_nothing_else_can_be_changed(caller: ApiClient, body: dict[str, Any]) -> None:
    before = User.objects.using("identity").values().get()

    assert_problem(patch(caller, **body), 400, "validation-error")
    assert User.objects.using("identity").values().get() == before


def test_a_new_password_ends_all_other_tokens_and_the_old_password(caller: ApiClient) -> None:
    others = [ApiClient(log_in().json()["token"]) for _ in range(2)]

    answer = caller.send(PASSWORD_ADDRESS, current_password=PASSWORD, new_password=NEW)

    assert (answer.status_code, answer.content) == (204, b"")
    assert caller.get(ME).status_code == 200
    assert [other.get(ME).status_code for other in others] == [401, 401]
    assert log_in().status_code == 401
    assert log_in(password=NEW).status_code == 201


def test_of_two_changes_of_a_password_at_once_only_the_first_is_made(
    caller: ApiClient, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(password: str, *, user: User | None) -> bool:
        found = is_right(password, user=user)
        set_password(user=anna, password=NEW)
        return found

    monkeypatch.setattr("services.analytics.users.services.is_right", slow)
    late = caller.send(PASSWORD_ADDRESS, current_password=PASSWORD, new_password="six quiet harbour lamps")

    assert_problem(late, 400, "wrong-password")
    monkeypatch.undo()
    assert log_in(password=NEW).status_code == 201


def test_the_current_password_is_asked_and_its_tries_are_limited(
    caller: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = count_hashes(monkeypatch)

    def change() -> Any:
        return caller.send(PASSWORD_ADDRESS, current_password="not the right one", new_password=NEW)

    for _ in range(5):
        problem = assert_problem(change(), 400, "wrong-password")
        assert [error["attr"] for error in problem["errors"]] == ["current_password"]
    answer = change()
    assert_problem(answer, 429, "too-many-attempts")
    assert int(answer["Retry-After"]) >= 1
    assert len(hashed) == 5
    assert Token.objects.using("identity").live().count() == 1


@pytest.mark.parametrize("new", ["short", "password1234", "x" * 129, "p" * 1_000_000])
def test_a_new_password_must_be_acceptable_and_is_not_hashed_before(
    caller: ApiClient, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = count_hashes(monkeypatch)

    answer = caller.send(PASSWORD_ADDRESS, current_password=PASSWORD, new_password=new)

    problem = assert_problem(answer, 400, answer.json()["code"])
    assert [error["attr"] for error in problem["errors"]] == ["new_password"]
    assert hashed == []
    assert log_in().status_code == 201
