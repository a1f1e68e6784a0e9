"""Names that were stored before they were folded."""

import importlib
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import connections

from shared.identity.models import User

fold_usernames = importlib.import_module("shared.identity.migrations.0002_login").fold_usernames


@pytest.mark.usefixtures("db")
def test_names_are_folded_and_each_account_keeps_one_of_its_own() -> None:
    users = User.objects.using("identity")
    ligature, plain, upper, wide = (users.create(username=name) for name in ("ﬁnn", "finn", "ANNA", "ａnna"))

    with connections["identity"].schema_editor() as editor:
        fold_usernames(apps, editor)

    assert dict(users.values_list("pk", "username")) == {
        ligature.pk: f"finn-{ligature.public_id.hex[:8]}",
        plain.pk: "finn",
        upper.pk: "anna",
        wide.pk: f"anna-{wide.public_id.hex[:8]}",
    }


@pytest.mark.usefixtures("db")
def test_two_accounts_cannot_have_one_name_in_two_cases(db: psycopg.Connection[Any]) -> None:
    User.objects.using("identity").create(username="anna")

    with pytest.raises(psycopg.errors.UniqueViolation, match="user_name_is_taken_in_any_case"):
        db.execute(
            'INSERT INTO identity."user" (username, password, is_superuser, is_staff, is_active, email,'
            " display_name, date_joined, public_id) VALUES ('ANNA', '', false, false, true, '', '', now(),"
            " gen_random_uuid())"
        )
