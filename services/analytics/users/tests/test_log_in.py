"""Logging in: right or wrong, and never more often than is good."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.test import Client

from services.analytics.users.services import WrongCredentials, set_password
from services.analytics.users.services import log_in as log_in_service
from services.analytics.users.tests.visitor import ME, PASSWORD, TOKENS, count_hashes, log_in, send
from shared.eventstore.tests.tally import together
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.identity import attempts
from shared.identity.models import Token, User
from shared.identity.passwords import is_right

WRONG = "not the right password"


def test_the_token_is_taken_and_stored_nowhere(anna: User, db: psycopg.Connection[Any]) -> None:
    answer = send(TOKENS, username="anna", password=PASSWORD, name="laptop")

    body = answer.json()
    assert answer.status_code == 201
    assert ApiClient(body["token"]).show(ME)["username"] == "anna"
    token = Token.objects.using("identity").get()
    assert (body["id"], body["name"], body["kind"]) == (str(token.public_id), "laptop", "api")
    assert body["token"].startswith(body["prefix"])
    assert answer["Location"] == f"{TOKENS}{body['id']}/"
    tables = db.execute(
        "SELECT table_schema || '.' || quote_ident(table_name) FROM information_schema.tables"
        " WHERE table_schema IN ('identity', 'analytics') AND table_type = 'BASE TABLE'"
    ).fetchall()
    for (table,) in tables:
        assert db.execute(
            f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{body['token'][12:]}%"]
        ).fetchone() == (0,)


def test_it_lasts_ten_hours_and_one_without_use(anna: User) -> None:
    log_in()

    token = Token.objects.using("identity").get()
    assert token.expires_at is not None
    assert token.idle_limit is not None
    assert 35_990 < (token.expires_at - token.created_at).total_seconds() <= 36_000
    assert token.idle_limit.total_seconds() == 3600


@pytest.mark.parametrize("name", ["anna", "ANNA", "ａｎｎａ", " anna "])
def test_the_name_may_be_written_in_any_form(anna: User, name: str) -> None:
    assert log_in(name).status_code == 201


def unknown() -> None:
    User.objects.using("identity").all().delete()


def inactive() -> None:
    User.objects.using("identity").update(is_active=False)


def without_password() -> None:
    User.objects.using("identity").update(password="!")


def nothing() -> None:
    """Leave a user whose password is another one."""


@pytest.mark.parametrize("change", [unknown, inactive, without_password, nothing])
def test_every_failure_is_the_same_answer_at_the_same_cost(
    anna: User, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    change()
    hashed = count_hashes(monkeypatch)

    answer = log_in(password=PASSWORD if change is not nothing else WRONG)

    problem = assert_problem(answer, 401, "wrong-credentials")
    assert problem["detail"] == "There is no active user of this name and password."
    assert answer["WWW-Authenticate"] == "Token"
    assert len(hashed) == 1
    assert not Token.objects.using("identity").exists()


def test_the_sixth_wrong_try_in_a_minute_is_429_and_hashes_nothing(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = count_hashes(monkeypatch)
    for _ in range(5):
        assert_problem(log_in(password=WRONG), 401, "wrong-credentials")

    for password in (WRONG, PASSWORD):
        answer = log_in(password=password)
        assert_problem(answer, 429, "too-many-attempts")
        assert 1 <= int(answer["Retry-After"]) <= 60
    assert len(hashed) == 5
    assert log_in(address="192.0.2.2").status_code == 201


def test_unknown_accounts_are_counted_too(db: psycopg.Connection[Any]) -> None:
    assert [log_in("nobody").status_code for _ in range(6)] == [401] * 5 + [429]


def test_headers_do_not_make_another_address(anna: User) -> None:
    client = Client(REMOTE_ADDR="192.0.2.1")

    answers = [
        client.post(
            TOKENS,
            {"username": "anna", "password": WRONG},
            content_type="application/json",
            headers=dict.fromkeys(("X-Forwarded-For", "X-Real-IP", "Forwarded"), f"198.51.100.{number}"),
        ).status_code
        for number in range(50)
    ]

    assert answers == [401] * 5 + [429] * 45


def test_behind_a_trusted_proxy_the_address_is_what_the_proxy_saw(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.BELLWETHER, "TRUSTED_PROXIES", 1)
    client = Client(REMOTE_ADDR="192.0.2.1")

    def answers(seen: str) -> list[int]:
        return [
            client.post(
                TOKENS,
                {"username": "anna", "password": WRONG},
                content_type="application/json",
                headers={"X-Forwarded-For": f"203.0.113.{number}, {seen}"},
            ).status_code
            for number in range(6)
        ]

    assert answers("198.51.100.1") == [401] * 5 + [429]
    assert answers("198.51.100.2") == [401] * 5 + [429]


def test_forty_wrong_tries_at_once_hash_five_passwords(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = count_hashes(monkeypatch)

    answers = together(*[lambda: log_in(password=WRONG).status_code] * 40)

    assert len(hashed) == 5
    assert sorted(answers) == [401] * 5 + [429] * 35


def test_a_right_password_forgets_the_wrong_ones(anna: User) -> None:
    for _ in range(3):
        assert [log_in(password=WRONG).status_code for _ in range(4)] == [401] * 4
        assert log_in().status_code == 201


@pytest.mark.parametrize(
    "body", [b"[]", b'"x"', b"null", b"{", b'{"username": "anna"}', b'{"username": ["anna"], "password": {}}']
)
def test_a_broken_body_is_400_and_counts_as_no_try(db: psycopg.Connection[Any], body: bytes) -> None:
    client = Client(raise_request_exception=False)

    answer = client.post(TOKENS, body, content_type="application/json")

    assert answer.status_code == 400
    assert_problem(answer, 400, answer.json()["code"])
    assert db.execute("SELECT count(*) FROM identity.login_attempt").fetchone() == (0,)


def test_a_password_that_nobody_can_have_is_400_without_a_hash(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = count_hashes(monkeypatch)

    for size in (129, 1_000_000):
        assert_problem(log_in(password="p" * size), 400, "validation-error")
    assert_problem(log_in(password="p" * 3_000_000), 413, "body-too-large")
    assert hashed == []


def test_forms_and_xml_are_415(anna: User) -> None:
    client = Client(raise_request_exception=False)

    for media_type in ("application/x-www-form-urlencoded", "text/xml"):
        answer = client.post(TOKENS, f"username=anna&password={PASSWORD}", content_type=media_type)
        assert_problem(answer, 415, "unsupported-media-type")


def test_a_retry_with_its_key_gets_the_same_token(anna: User) -> None:
    first, second = (log_in(key="one") for _ in range(2))

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert log_in(key="two").json()["token"] != first.json()["token"]
    assert log_in(key="one", address="192.0.2.9").json()["token"] != first.json()["token"]
    assert_problem(
        send(TOKENS, username="anna", password=PASSWORD, name="x", key="one"), 422, "idempotency-key-mismatch"
    )


def test_a_retry_does_not_bring_a_revoked_token_back(anna: User) -> None:
    text = log_in(key="one").json()["token"]
    ApiClient(text).delete(f"{TOKENS}current/")

    assert_problem(log_in(key="one"), 409, "token-ended")
    assert ApiClient(text).get(ME).status_code == 401


def test_a_retry_still_needs_the_password(anna: User) -> None:
    log_in(key="one")
    set_password(user=anna, password="nine loud harbour lamps")

    assert_problem(log_in(key="one"), 401, "wrong-credentials")


def test_a_password_that_changes_while_it_is_checked_ends_the_log_in(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(password: str, *, user: User | None) -> bool:
        found = is_right(password, user=user)
        set_password(user=anna, password="nine loud harbour lamps")
        return found

    monkeypatch.setattr("services.analytics.users.services.is_right", slow)
    with pytest.raises(WrongCredentials):
        log_in_service(
            username="anna",
            password=PASSWORD,
            address="",
            kind="session",
            secret=b"s" * 32,
            now=datetime(2026, 1, 1, tzinfo=UTC),
        )
    assert not Token.objects.using("identity").live().exists()


def test_what_ended_long_ago_is_removed_when_its_owner_logs_in(
    anna: User, db: psycopg.Connection[Any]
) -> None:
    for _ in range(4):
        log_in()
    db.execute("UPDATE identity.token SET expires_at = now() - interval '31 days' WHERE id = 1")
    db.execute("UPDATE identity.token SET revoked_at = now() - interval '31 days' WHERE id = 2")
    db.execute("UPDATE identity.token SET revoked_at = now() - interval '29 days' WHERE id = 3")

    log_in()

    assert sorted(Token.objects.using("identity").values_list("pk", flat=True)) == [3, 4, 5]


def test_the_limits_are_those_that_are_documented() -> None:
    assert (attempts.PER_ACCOUNT, attempts.PER_ADDRESS) == (5, 20)
