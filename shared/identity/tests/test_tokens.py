"""Tokens and sessions: for how long they are taken, and what is noted of their use."""

import os
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import transaction
from django.utils import timezone

from shared.eventstore.tests.tally import together
from shared.identity.models import Token, User
from shared.identity.tokens import Issued, TokenEnded, check_token, create_token, issue_token

SERVICES = ("ingest", "analytics", "reports")


def issue(secret: bytes | None = None, **options: Any) -> Issued:
    user, _ = User.objects.using("identity").get_or_create(username="tester")
    with transaction.atomic(using="identity", durable=True):
        return issue_token(user=user, secret=secret or os.urandom(32), kind="api", **options)


def is_taken(issued: Issued) -> bool:
    return check_token(issued.text, alias="reports") is not None


def used_at(issued: Issued) -> Any:
    return Token.objects.using("identity").get(pk=issued.token.pk).last_used_at


def pass_time(db: psycopg.Connection[Any], **time: float) -> None:
    db.execute(
        "UPDATE identity.token SET created_at = created_at - %(by)s, last_used_at = last_used_at - %(by)s,"
        " expires_at = expires_at - %(by)s",
        {"by": timedelta(**time)},
    )


@pytest.mark.parametrize("alias", [*SERVICES, "identity"])
def test_every_service_learns_who_calls_and_by_which_token(db: psycopg.Connection[Any], alias: str) -> None:
    text = create_token(username="Tester", secret=os.urandom(32))
    user = User.objects.using("identity").get()
    token = Token.objects.using("identity").get()

    caller = check_token(text, alias=alias)

    assert caller is not None
    assert (caller.public_id, caller.username, caller.token_id) == (user.public_id, "tester", token.public_id)
    assert (caller.is_superuser, caller.is_staff) == (False, False)
    assert caller.pk == user.public_id
    assert text.startswith(token.prefix)
    assert len(token.prefix) == 9


def test_a_superuser_is_known_as_one(token: str) -> None:
    User.objects.using("identity").update(is_superuser=True, is_staff=True)

    caller = check_token(token, alias="ingest")

    assert caller is not None
    assert (caller.is_superuser, caller.is_staff) == (True, True)


def test_a_token_ends_when_it_expires_however_much_it_is_used(db: psycopg.Connection[Any]) -> None:
    issued = issue(expires_at=timezone.now() + timedelta(hours=10), idle_limit=timedelta(hours=1))
    for _ in range(19):
        assert is_taken(issued)
        pass_time(db, minutes=31)

    assert is_taken(issued)
    pass_time(db, minutes=12)
    assert not is_taken(issued)


def test_a_token_ends_when_it_was_not_used_for_its_idle_limit(db: psycopg.Connection[Any]) -> None:
    never_used, used = (issue(idle_limit=timedelta(hours=1)) for _ in range(2))
    pass_time(db, minutes=59)
    assert is_taken(used)
    pass_time(db, minutes=59)

    assert is_taken(used)
    assert not is_taken(never_used)
    pass_time(db, minutes=61)
    assert not is_taken(used)


def test_a_token_without_limits_is_taken_for_ever(db: psycopg.Connection[Any]) -> None:
    issued = issue()
    pass_time(db, days=10_000)

    assert is_taken(issued)


def test_use_is_noted_once_a_minute(db: psycopg.Connection[Any]) -> None:
    issued = issue()
    assert used_at(issued) is None
    is_taken(issued)
    first = used_at(issued)
    is_taken(issued)
    assert used_at(issued) == first

    pass_time(db, seconds=59)
    is_taken(issued)
    assert used_at(issued) == first - timedelta(seconds=59)
    pass_time(db, seconds=2)
    is_taken(issued)
    assert used_at(issued) > first


def test_nobody_waits_for_the_note_of_another(db: psycopg.Connection[Any]) -> None:
    issued = issue()

    with transaction.atomic(using="identity"):
        Token.objects.using("identity").select_for_update().get(pk=issued.token.pk)
        assert together(lambda: is_taken(issued)) == [True]
    assert used_at(issued) is None


ENDS = {
    "revoked_at": "now()",
    "expires_at": "now() - interval '1 second'",
    "idle_limit": "interval '-1 second'",
    "name": "'still live'",
    "last_used_at": "now() - interval '100 days'",
}


@pytest.mark.parametrize("column", ENDS)
def test_selectors_and_services_agree_on_which_tokens_are_live(
    db: psycopg.Connection[Any], column: str
) -> None:
    issued = issue(expires_at=timezone.now() + timedelta(hours=1))
    db.execute(f"UPDATE identity.token SET {column} = {ENDS[column]}")

    assert Token.objects.using("identity").live().exists() == is_taken(issued)
    assert is_taken(issued) == (column in {"name", "last_used_at"})


def test_the_same_secret_again_is_the_same_token(db: psycopg.Connection[Any]) -> None:
    secret = os.urandom(32)
    issue()  # so that the user is there
    first, *others = together(*[lambda: issue(secret, name="one")] * 8)

    assert {other.token.pk for other in others} == {first.token.pk}
    assert {other.text for other in others} == {first.text}


def test_the_same_secret_does_not_bring_an_ended_token_back(db: psycopg.Connection[Any]) -> None:
    secret = os.urandom(32)
    issued = issue(secret)
    Token.objects.using("identity").update(revoked_at=timezone.now())

    with pytest.raises(TokenEnded):
        issue(secret)
    assert not is_taken(issued)


@pytest.mark.parametrize(
    "text", ["", "bw_", "bw_\x00" + "A" * 42, "bw_" + "é" * 43, "bw_" + "A" * 43 + "\n", "bw_" + "+" * 43]
)
def test_what_cannot_be_a_token_is_not_asked_about(text: str) -> None:
    assert check_token(text, alias="no such alias") is None
