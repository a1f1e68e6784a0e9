"""Django's own commands find the users where they are."""

from typing import Any

import psycopg
import pytest
from django.contrib.auth.management.commands import changepassword, createsuperuser
from django.core.management import CommandError, call_command

from shared.identity.models import User
from shared.identity.passwords import is_right

PASSWORD = "seven quiet harbour lamps"
pytestmark = pytest.mark.usefixtures("db")


def create(monkeypatch: pytest.MonkeyPatch, username: str) -> User:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    command = createsuperuser.Command()
    call_command(command, username=username, email="", database="identity", interactive=False, verbosity=0)
    return User.objects.using("identity").get()


def test_a_superuser_is_created_under_the_folded_name(monkeypatch: pytest.MonkeyPatch) -> None:
    user = create(monkeypatch, "Boss")

    assert (user.username, user.is_superuser, user.is_staff) == ("boss", True, True)
    assert is_right(PASSWORD, user=user)


@pytest.mark.parametrize("written", ["boss", "BOSS", "ｂｏｓｓ"])
def test_a_name_that_is_taken_in_another_form_is_said_so(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    create(monkeypatch, "boss")

    with pytest.raises(CommandError, match="already taken"):
        create(monkeypatch, written)


@pytest.mark.parametrize("new", ["nine loud harbour lamps", "password1234"])
def test_a_password_is_changed_when_it_is_acceptable(
    db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, new: str
) -> None:
    create(monkeypatch, "boss")
    monkeypatch.setattr(changepassword.Command, "_get_pass", lambda *_, **__: new)
    is_acceptable = new != "password1234"

    if is_acceptable:
        call_command(changepassword.Command(), "boss", database="identity", verbosity=0)
    else:
        with pytest.raises(CommandError, match="Aborting"):
            call_command(changepassword.Command(), "boss", database="identity", verbosity=0)

    assert is_right(new, user=User.objects.using("identity").get()) == is_acceptable
