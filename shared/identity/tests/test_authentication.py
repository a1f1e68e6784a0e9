"""Who calls is known by the token, and by nothing else."""

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.test import Client
from django.utils import timezone

from shared.http.tests.api_client import assert_problem
from shared.identity.models import Token, User
from shared.identity.tokens import create_token

PRIVATE = "/api/v1/fetches/"


def answer_with(header: str) -> Any:
    return Client(raise_request_exception=False).get(PRIVATE, headers={"Authorization": header})


def test_the_token_is_taken_under_both_names_in_any_case(token: str) -> None:
    for header in (f"Token {token}", f"Bearer {token}", f"token {token}", f"BEARER  {token}"):
        assert answer_with(header).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token ",
        "Basic dXNlcjpwYXNz",
        "Token nothing",
        "Token bw_" + "A" * 43,
        "Token bw_" + "=" * 43,
        "Token \xff\xfe",
        "Token bw_\x00",
        "Token " + "A" * 100_000,
    ],
)
def test_anything_else_is_401_with_a_challenge(db: psycopg.Connection[Any], header: str) -> None:
    answer = answer_with(header)

    assert_problem(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"] == "Token"


def test_two_tokens_are_none(token: str) -> None:
    assert_problem(answer_with(f"Token {token},Token {token}"), 401, "not-authenticated")
    assert_problem(answer_with(f"Token {token} {token}"), 401, "not-authenticated")


def revoke() -> None:
    Token.objects.using("identity").update(revoked_at=timezone.now())


def expire() -> None:
    Token.objects.using("identity").update(expires_at=timezone.now() - timedelta(seconds=1))


def disable_user() -> None:
    User.objects.using("identity").update(is_active=False)


@pytest.mark.parametrize("withdraw", [revoke, expire, disable_user])
def test_a_token_is_refused_from_the_moment_it_is_withdrawn(token: str, withdraw: Callable[[], None]) -> None:
    assert answer_with(f"Token {token}").status_code == 200

    withdraw()

    assert_problem(answer_with(f"Token {token}"), 401, "not-authenticated")


def test_what_is_stored_cannot_be_used_to_call(db: psycopg.Connection[Any]) -> None:
    secret = os.urandom(32)
    text = create_token(username="tester", secret=secret)
    stored = Token.objects.using("identity").get()

    assert bytes(stored.digest) == hashlib.sha256(secret).digest()
    assert text.encode() not in bytes(stored.digest)
    assert_problem(answer_with(f"Token bw_{stored.digest.hex()}"), 401, "not-authenticated")
