"""A user sees, makes and ends tokens: the own ones, and no other's."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.test import override_settings

from services.analytics.users.services import create_named_token, revoke_token, set_password
from services.analytics.users.tests.visitor import ME, PASSWORD, TOKENS, log_in
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.identity.models import Token, User
from shared.identity.tokens import TokenEnded, create_token

OWN = f"{ME}tokens/"
ADDRESSES = {
    "ingest": "/api/v1/fetches/",
    "analytics": "/api/v1/backtests/",
    "reports": "/api/v1/reports/",
}


@pytest.fixture
def caller(anna: User) -> ApiClient:
    """Give Anna, logged in."""
    return ApiClient(log_in().json()["token"])


def test_a_named_token_is_shown_once_and_lasts(caller: ApiClient) -> None:
    answer = caller.send(OWN, name="notebook")

    body = answer.json()
    assert answer.status_code == 201
    assert (body["name"], body["kind"], body["expires_at"]) == ("notebook", "api", None)
    assert ApiClient(body["token"]).show(ME)["username"] == "anna"
    assert Token.objects.using("identity").get(name="notebook").idle_limit is None
    assert "token" not in caller.show(answer["Location"])


def test_a_named_token_expires_when_it_is_told_to(caller: ApiClient) -> None:
    caller.send(OWN, name="notebook", expires_in_days=90)

    token = Token.objects.using("identity").get(name="notebook")
    assert token.expires_at is not None
    assert round((token.expires_at - token.created_at).total_seconds() / 86_400, 3) == 90


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 101},
        {"name": 1},
        {"name": "a", "expires_in_days": 0},
        {"name": "a", "expires_in_days": 3651},
        {"name": "a", "expires_in_days": "soon"},
        {"name": "a", "kind": "session"},
    ],
)
def test_a_bad_wish_is_400(caller: ApiClient, body: dict[str, Any]) -> None:
    assert_problem(caller.send(OWN, **body), 400, "validation-error")


def test_the_list_has_the_own_live_tokens_and_no_secret(caller: ApiClient) -> None:
    create_token(username="berta", secret=b"b" * 32)
    made = caller.send(OWN, name="notebook").json()
    ended = caller.send(OWN, name="ended").json()
    caller.delete(f"{TOKENS}{ended['id']}/")

    rows = caller.show(TOKENS)["results"]

    assert [(row["name"], row["current"]) for row in rows] == [("notebook", False), ("", True)]
    assert rows[0] == {**{name: made[name] for name in made if name != "token"}, "current": False}
    assert rows[1]["last_used_at"] is not None
    assert rows[1]["expires_at"] is not None
    assert [row["id"] for row in caller.show(TOKENS, limit=1)["results"]] == [made["id"]]


def test_another_users_token_is_404_and_stays(caller: ApiClient) -> None:
    text = create_token(username="berta", secret=b"b" * 32)
    others = Token.objects.using("identity").get(user__username="berta").public_id

    for token_id in (others, uuid4()):
        assert_problem(caller.get(f"{TOKENS}{token_id}/"), 404, "not-found")
        assert_problem(caller.delete(f"{TOKENS}{token_id}/"), 404, "not-found")
    assert ApiClient(text).get(ME).status_code == 200


def test_an_ended_token_cannot_be_ended_again(caller: ApiClient) -> None:
    made = caller.send(OWN, name="notebook").json()

    assert caller.delete(f"{TOKENS}{made['id']}/").status_code == 204
    assert_problem(caller.delete(f"{TOKENS}{made['id']}/"), 404, "not-found")
    assert ApiClient(made["token"]).get(ME).status_code == 401


def test_a_retry_with_its_key_gets_the_same_named_token(caller: ApiClient) -> None:
    def ask() -> Any:
        return caller.post(
            OWN, {"name": "notebook"}, content_type="application/json", headers={"Idempotency-Key": "one"}
        )

    first, second = ask(), ask()
    assert first.json() == second.json()
    assert Token.objects.using("identity").filter(name="notebook").count() == 1

    caller.delete(first["Location"])
    assert_problem(ask(), 409, "token-ended")


def test_a_token_that_was_ended_makes_no_other_at_the_same_moment(caller: ApiClient, anna: User) -> None:
    asking = Token.objects.using("identity").get().public_id
    set_password(user=anna, password="nine loud harbour lamps")

    with pytest.raises(TokenEnded):
        create_named_token(
            user_id=anna.public_id, by_token_id=asking, name="", expires_at=None, secret=b"x" * 32
        )


def log_out(client: ApiClient, user: User, token_id: UUID) -> None:
    assert client.delete(f"{TOKENS}current/").status_code == 204


def revoke_by_id(client: ApiClient, user: User, token_id: UUID) -> None:
    revoke_token(user_id=user.public_id, token_id=token_id)


def disable(client: ApiClient, user: User, token_id: UUID) -> None:
    User.objects.using("identity").update(is_active=False)


def change_password(client: ApiClient, user: User, token_id: UUID) -> None:
    other = ApiClient(log_in().json()["token"])
    answer = other.send(f"{ME}password/", current_password=PASSWORD, new_password="nine loud harbour lamps")
    assert answer.status_code == 204


@pytest.mark.parametrize("service", ADDRESSES)
@pytest.mark.parametrize("end", [log_out, revoke_by_id, disable, change_password])
def test_an_ended_token_is_401_at_the_very_next_request_to_every_service(
    caller: ApiClient, anna: User, service: str, end: Any
) -> None:
    def ask() -> Any:
        with override_settings(TOKEN_CHECK_ALIAS=service, ROOT_URLCONF=f"services.{service}.urls"):
            return caller.get(ADDRESSES[service])

    assert ask().status_code == 200
    end(caller, anna, Token.objects.using("identity").get().public_id)

    answer = ask()
    assert_problem(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("path", [ME, f"{ME}password/", OWN, f"{TOKENS}current/", f"{TOKENS}{UUID(int=1)}/"])
def test_nobody_gets_there_without_a_token(db: psycopg.Connection[Any], path: str) -> None:
    stranger = ApiClient("bw_" + "A" * 43)

    for method in ("get", "post", "patch", "delete"):
        answer = getattr(stranger, method)(path, content_type="application/json")
        assert answer.status_code in (401, 405), method
