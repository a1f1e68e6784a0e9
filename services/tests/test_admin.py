"""Who gets into the admin, and the few things that can be done there."""

import os
import subprocess
import sys

import psycopg
import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.test import Client, override_settings

from shared.admin.site import admin_urlpatterns
from shared.eventstore.models import Inbox, Parked
from shared.eventstore.parked import park
from shared.identity.authentication import SESSION_COOKIE
from shared.identity.models import Token, User
from shared.identity.tokens import check_token, issue_token

GOOD_PASSWORD = "mended-wren-falls-9"

pytestmark = pytest.mark.usefixtures("db")


def session_of(username: str, *, is_superuser: bool = False, is_staff: bool = False) -> str:
    with transaction.atomic(using="identity"):
        user = User.objects.using("identity").create(
            username=username, is_superuser=is_superuser, is_staff=is_staff
        )
        return issue_token(user=user, secret=os.urandom(32), kind="session").text


def browser(session: str) -> Client:
    client = Client()
    client.cookies[SESSION_COOKIE] = session
    return client


@pytest.fixture
def operator(db: psycopg.Connection) -> Client:
    return browser(session_of("operator", is_superuser=True))


@pytest.mark.parametrize(
    "page", ["", "identity/user/", "identity/user/1/change/", "analytics/event/", "jsi18n/"]
)
def test_a_stranger_is_sent_to_log_in(page: str) -> None:
    response = Client().get(f"/admin/{page}?a=1")

    assert response.status_code == 302
    assert response["Location"] == f"/login/?next=/admin/{page}%3Fa%3D1"


@pytest.mark.parametrize(
    "page", ["", "identity/user/", "identity/user/add/", "analytics/event/", "nonsense/"]
)
def test_whoever_is_no_superuser_is_refused_even_with_is_staff(page: str) -> None:
    assert browser(session_of("clerk", is_staff=True)).get(f"/admin/{page}").status_code == 403


def test_a_revoked_session_is_out_at_once(operator: Client) -> None:
    assert operator.get("/admin/").status_code == 200
    Token.objects.using("identity").update(revoked_at="2020-01-01T00:00:00Z")

    assert operator.get("/admin/").status_code == 302


def test_the_login_and_logout_of_django_lead_to_ours(operator: Client) -> None:
    assert Client().get("/admin/login/?next=/admin/identity/")["Location"] == "/login/?next=/admin/identity/"
    answer = operator.post("/admin/logout/")
    assert (answer.status_code, answer["Location"]) == (307, "/logout/")
    assert operator.get("/admin")["Location"] == "/admin/"


def test_pages_may_load_nothing_from_elsewhere(operator: Client) -> None:
    policy = operator.get("/admin/")["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(("is_enabled", "count"), [(True, 2), (False, 0)])
def test_the_admin_has_no_address_unless_it_is_enabled(is_enabled: bool, count: int) -> None:
    with override_settings(BELLWETHER={**settings.BELLWETHER, "ADMIN_ENABLED": is_enabled}):
        assert len(admin_urlpatterns()) == count


def test_a_form_from_elsewhere_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies[SESSION_COOKIE] = session_of("operator", is_superuser=True)

    answer = client.post("/admin/identity/user/1/change/", {"is_superuser": "on"})

    assert answer.status_code == 403


def test_a_user_is_made_with_a_password_under_the_stored_form_of_the_name(operator: Client) -> None:
    fields = {
        "username": "Ｗren",
        "usable_password": "true",
        "password1": GOOD_PASSWORD,
        "password2": GOOD_PASSWORD,
    }
    assert operator.post("/admin/identity/user/add/", fields).status_code == 302

    user = User.objects.using("identity").get(username="wren")
    assert user.check_password(GOOD_PASSWORD)
    assert not user.is_superuser
    assert LogEntry.objects.using("identity").get().object_repr == "wren"


@pytest.mark.parametrize(
    ("username", "password", "said"),
    [
        ("wren", "short", "too short"),
        ("OPERATOR", GOOD_PASSWORD, "already exists"),
        ("a b", GOOD_PASSWORD, "use letters"),
        ("w\x00", GOOD_PASSWORD, "Null characters"),
    ],
)
def test_a_name_or_password_that_is_not_acceptable_is_said_to_be_so(
    operator: Client, username: str, password: str, said: str
) -> None:
    fields = {"username": username, "usable_password": "true", "password1": password, "password2": password}
    answer = operator.post("/admin/identity/user/add/", fields)

    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert User.objects.using("identity").count() == 1


def test_setting_a_password_ends_all_the_users_tokens(operator: Client) -> None:
    theirs = session_of("wren")
    user = User.objects.using("identity").get(username="wren")
    fields = {
        "password1": GOOD_PASSWORD,
        "password2": GOOD_PASSWORD,
        "usable_password": "true",
        "set-password": "1",
    }

    answer = operator.post(f"/admin/identity/user/{user.pk}/password/", fields)

    assert answer.status_code == 302
    assert check_token(theirs, alias="ingest", kind="session") is None
    assert User.objects.using("identity").get(pk=user.pk).check_password(GOOD_PASSWORD)
    assert operator.get("/admin/").status_code == 200, "the operator stays"


def test_rights_are_given_and_users_deactivated_in_all_services_at_once(operator: Client) -> None:
    theirs = session_of("wren")
    pk = User.objects.using("identity").get(username="wren").pk
    fields = {
        "username": "wren",
        "display_name": "Wren",
        "email": "",
        "is_active": "on",
        "is_superuser": "on",
    }
    assert operator.post(f"/admin/identity/user/{pk}/change/", fields).status_code == 302
    assert browser(theirs).get("/admin/").status_code == 200

    chosen = {"action": "deactivate", "_selected_action": [pk]}
    assert operator.post("/admin/identity/user/", chosen).status_code == 302

    for alias in ("ingest", "analytics", "reports"):
        assert check_token(theirs, alias=alias, kind="session") is None
    assert operator.post("/admin/identity/user/", {**chosen, "action": "activate"}).status_code == 302
    assert check_token(theirs, alias="ingest", kind="session") is not None


def test_nobody_is_deleted(operator: Client) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [1], "post": "yes"}

    assert operator.post("/admin/identity/user/1/delete/", {"post": "yes"}).status_code == 403
    operator.post("/admin/identity/user/", chosen)
    assert User.objects.using("identity").count() == 1


def test_a_token_is_revoked_by_its_button(operator: Client) -> None:
    theirs = session_of("wren")
    token = Token.objects.using("identity").get(user__username="wren")
    page = operator.get(f"/admin/identity/token/{token.pk}/change/").content.decode()
    assert 'value="revoke"' in page
    assert theirs not in page

    answer = operator.post("/admin/identity/token/", {"action": "revoke", "_selected_action": [token.pk]})

    assert answer.status_code == 302
    assert check_token(theirs, alias="reports", kind="session") is None
    assert "Revoked" in LogEntry.objects.using("identity").get().change_message


@pytest.mark.parametrize("chosen", ["x", "\x00", "9" * 30, ""])
def test_an_action_on_rows_that_are_none_is_answered(operator: Client, chosen: str) -> None:
    for address, action in (
        ("identity/token", "revoke"),
        ("analytics/parked", "retry"),
        ("identity/user", "deactivate"),
    ):
        answer = operator.post(f"/admin/{address}/", {"action": action, "_selected_action": [chosen]})
        assert answer.status_code in {200, 302, 400}, (address, chosen)


def test_a_parked_message_is_handed_in_again(operator: Client) -> None:
    park("analytics", body=b"no event", envelope=None, slug="malformed-event", detail="bad", attempts=1)
    row = Parked.objects.using("analytics").get()

    answer = operator.post("/admin/analytics/parked/", {"action": "retry", "_selected_action": [row.pk]})

    assert answer.status_code == 302
    states = Parked.objects.using("analytics").order_by("id").values_list("resolution", flat=True)
    assert list(states) == ["retried", None], "it is no event yet, so it is parked anew"
    assert not Inbox.objects.using("analytics").exists()
    again = operator.post(
        "/admin/analytics/parked/", {"action": "retry", "_selected_action": [row.pk]}, follow=True
    )
    assert "was retried before" in again.content.decode()


ALONE = """
import os, django
django.setup()
from django.conf import settings
settings.ALLOWED_HOSTS = ["testserver"]
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from shared.identity.authentication import SESSION_COOKIE
client = Client()
client.cookies[SESSION_COOKIE] = os.environ["SESSION"]
assert client.get("/admin/").status_code == 200
labels = sorted({model._meta.app_label for model in admin.site._registry})
for model in admin.site._registry:
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert client.get(address).status_code == 200, address
    row = model._default_manager.first()
    if row is not None and not model._meta.is_composite_pk:
        assert client.get(f"{address}{row.pk}/change/").status_code == 200, address
print(labels)
"""


def test_the_analytics_service_on_its_own_shows_what_it_has() -> None:
    session = session_of("operator", is_superuser=True)
    park("analytics", body=b"no event", envelope=None, slug="malformed-event", detail="bad", attempts=1)
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "services.analytics.settings", "SESSION": session}

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE], env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(
        [
            *("admin", "analytics", "analytics_backtests", "analytics_forecasting", "analytics_sweeps"),
            *("analytics_walk_forwards", "identity"),
        ]
    )
