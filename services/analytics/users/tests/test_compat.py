"""Users at their older addresses."""

from typing import Any

import pytest

from services.analytics.users.tests.visitor import ME, PASSWORD, log_in, send
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.identity.models import User

SUCCESSORS = {
    "register": "/api/v1/users/",
    "login": "/api/v1/tokens/",
    "logout": "/api/v1/tokens/current/",
    "profile": ME,
    "update_profile": ME,
}


def older(name: str) -> str:
    return f"/api/users/{name}/"


def assert_named(answer: Any, name: str) -> Any:
    """Check that the answer names the canonical address, and return it."""
    assert answer["Link"] == f'<{SUCCESSORS[name]}>; rel="successor-version"'
    assert answer["Deprecation"].startswith("@")
    return answer


@pytest.mark.usefixtures("db")
def test_a_whole_visit_works_at_the_older_addresses() -> None:
    made = send(older("register"), username="anna", password=PASSWORD, displayName="Anna")
    assert assert_named(made, "register").status_code == 201
    assert made.json()["display_name"] == "Anna"

    entered = send(older("login"), username="Anna", password=PASSWORD)
    assert assert_named(entered, "login").status_code == 200
    assert entered.json()["user"] == made.json()
    caller = ApiClient(entered.json()["token"])

    shown = assert_named(caller.get(older("profile")), "profile")
    assert shown.json() == made.json() == caller.show(ME)

    left = assert_named(caller.send(older("logout")), "logout")
    assert left.status_code == 200
    assert caller.get(ME).status_code == 401


@pytest.mark.parametrize("method", ["put", "patch", "post"])
@pytest.mark.parametrize("field", ["display_name", "displayName"])
def test_the_profile_is_updated_by_every_method_in_both_spellings(
    anna: User, method: str, field: str
) -> None:
    caller = ApiClient(log_in().json()["token"])

    answer = getattr(caller, method)(
        older("update_profile"), {field: "Anna"}, content_type="application/json"
    )

    assert assert_named(answer, "update_profile").status_code == 200
    assert answer.json()["display_name"] == "Anna"
    assert caller.show(ME)["display_name"] == "Anna"


def test_a_field_in_both_spellings_is_refused(anna: User) -> None:
    caller = ApiClient(log_in().json()["token"])

    answer = caller.send(older("update_profile"), display_name="a", displayName="b")

    assert_problem(assert_named(answer, "update_profile"), 400, "validation-error")


@pytest.mark.usefixtures("anna")
def test_failures_are_those_of_the_canonical_addresses() -> None:
    assert_problem(
        assert_named(send(older("login"), username="anna", password="x"), "login"), 401, "wrong-credentials"
    )
    assert_problem(
        assert_named(send(older("register"), username="anna", password=PASSWORD), "register"),
        409,
        "username-taken",
    )
    assert_problem(
        send(older("register"), username="b", password=PASSWORD, isStaff=True), 400, "validation-error"
    )
    stranger = ApiClient("bw_" + "A" * 43)
    assert_problem(assert_named(stranger.get(older("profile")), "profile"), 401, "not-authenticated")
    for name in ("logout", "update_profile"):
        assert_problem(assert_named(stranger.send(older(name)), name), 401, "not-authenticated")


def test_the_limits_are_shared_with_the_canonical_address(anna: User) -> None:
    wrong = {"username": "anna", "password": "not the right one"}
    for _ in range(3):
        log_in(**wrong)
        send(older("login"), **wrong)

    assert_problem(send(older("login"), **wrong), 429, "too-many-attempts")
