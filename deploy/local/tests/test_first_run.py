import threading

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections

from deploy.local.first_run import make_first_account
from deploy.local.management.commands import changepassword
from shared.identity.models import User
from shared.identity.tokens import check_token, create_token


def users() -> set[str]:
    return set(User.objects.using("identity").values_list("username", flat=True))


def test_the_account_can_do_everything_with_its_password_and_its_token(db: psycopg.Connection) -> None:
    account = make_first_account()

    assert account is not None
    user = User.objects.using("identity").get(username="admin")
    caller = check_token(account["token"], alias="analytics")
    assert (user.is_superuser, user.is_staff, user.check_password(account["password"])) == (True, True, True)
    assert caller is not None
    assert caller.is_superuser


def test_it_is_made_once(db: psycopg.Connection) -> None:
    first = make_first_account()

    assert first is not None
    assert make_first_account() is None


def test_none_is_made_where_there_is_a_superuser(db: psycopg.Connection) -> None:
    User.objects.db_manager("identity").create_superuser("boss", password="a-long-password")

    assert make_first_account() is None
    assert users() == {"boss"}


def test_somebody_who_took_the_name_is_not_raised(db: psycopg.Connection) -> None:
    create_token(username="Admin", secret=b"k" * 32)

    assert make_first_account() is None
    assert User.objects.using("identity").get(username="admin").is_superuser is False


def test_of_commands_that_start_at_once_one_makes_it(db: psycopg.Connection) -> None:
    start, made = threading.Barrier(4), []

    def run() -> None:
        start.wait()
        made.append(make_first_account())
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(account is not None for account in made) == 1
    assert len(made) == 4


def test_a_new_password_ends_what_the_old_one_opened(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_first_account()
    assert account is not None
    others = create_token(username="other", secret=b"o" * 32)
    monkeypatch.setattr(changepassword.Command, "_get_pass", lambda *_: "another-long-one-7")

    call_command("changepassword", "ADMIN", verbosity=0)

    assert User.objects.using("identity").get(username="admin").check_password("another-long-one-7")
    assert check_token(account["token"], alias="reports") is None
    assert check_token(others, alias="reports") is not None
