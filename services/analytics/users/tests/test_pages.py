"""People log in, look after their account and log out, with nothing but forms."""

import re
from typing import Any

import pytest
from django.test import Client, override_settings

from services.analytics.users.tests.visitor import ME, PASSWORD, set_registration
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.identity.authentication import SESSION_COOKIE
from shared.identity.models import Token, User

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
NEW = "nine loud harbour lamps"


def browser(**options: Any) -> Client:
    return Client(headers={"Accept": BROWSER}, raise_request_exception=False, **options)


def log_in(client: Client, *, username: str = "anna", password: str = PASSWORD, **fields: str) -> Any:
    return client.post("/login/", {"username": username, "password": password, **fields})


@pytest.fixture
def visitor(anna: User) -> Client:
    """Give Anna's browser, logged in."""
    client = browser()
    assert log_in(client).status_code == 302
    return client


def alert(response: Any) -> str:
    (found,) = re.findall(r'role="alert"[^>]*>([^<]*)<', response.content.decode())
    return str(found)


def test_logging_in_gives_a_session_that_the_api_takes_too(anna: User) -> None:
    client = browser()

    response = log_in(client, next="/account/?done=password")

    cookie = response.cookies[SESSION_COOKIE]
    assert (response.status_code, response["Location"]) == (302, "/account/?done=password")
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")
    assert client.get(ME).json()["username"] == "anna"
    assert b"<strong>anna</strong>" in client.get("/").content
    assert Token.objects.using("identity").get().kind == "session"


def test_where_others_can_listen_the_session_travels_by_https_only(anna: User) -> None:
    with override_settings(SESSION_COOKIE_SECURE=True):
        assert log_in(browser()).cookies[SESSION_COOKIE]["secure"] is True


def test_an_unknown_name_and_a_wrong_password_are_told_apart_by_nothing(anna: User) -> None:
    unknown, wrong = log_in(browser(), username="nobody"), log_in(browser(), password="wrong")

    assert (unknown.status_code, wrong.status_code) == (401, 401)
    assert alert(unknown) == alert(wrong) == "There is no active user of this name and password."
    assert 'value="nobody"' in unknown.content.decode()
    for response in (unknown, wrong):
        assert SESSION_COOKIE not in response.cookies
        assert b"wrong" not in response.content.lower()


def test_too_many_attempts_are_told_with_the_seconds_to_wait(anna: User) -> None:
    for _ in range(5):
        log_in(browser(), password="wrong")

    response = log_in(browser())

    seconds = int(response["Retry-After"])
    assert response.status_code == 429
    assert 1 <= seconds <= 60
    assert f"{seconds} s" in alert(response)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/",
        "//evil.test/",
        "///evil.test/",
        "/\\evil.test/",
        "http:evil.test",
        "javascript:alert(1)",
        " //evil.test",
        "https://testserver@evil.test/",
        "\x00//evil.test",
        "",
    ],
)
def test_logging_in_leads_to_no_other_site(anna: User, address: str) -> None:
    client = browser()

    posted = log_in(client, next=address)
    linked = client.get("/login/", {"next": address})

    assert (posted["Location"], linked["Location"]) == ("/", "/")


def test_whoever_is_logged_in_is_sent_on(visitor: Client) -> None:
    assert visitor.get("/login/?next=/account/")["Location"] == "/account/"
    assert 'value="/account/"' in browser().get("/login/?next=/account/").content.decode()


def test_a_form_from_another_site_is_refused(anna: User) -> None:
    client = browser(enforce_csrf_checks=True)

    refused = log_in(client)
    text = client.get("/login/").content.decode()
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', text)
    taken = log_in(client, csrfmiddlewaretoken=token)

    assert (refused.status_code, taken.status_code) == (403, 302)
    assert client.post("/logout/").status_code == 403
    assert client.get("/account/").status_code == 200


def test_logging_out_ends_the_session_everywhere(visitor: Client) -> None:
    copy = browser()
    copy.cookies[SESSION_COOKIE] = visitor.cookies[SESSION_COOKIE].value

    response = visitor.post("/logout/")

    assert (response.status_code, response["Location"]) == (302, "/")
    assert response.cookies[SESSION_COOKIE].value == ""
    assert_problem(copy.get(ME), 401, "not-authenticated")
    assert copy.get("/account/")["Location"] == "/login/?next=/account/"
    assert copy.post("/logout/").status_code == 302
    assert browser().get("/logout/").status_code == 405


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/account/"),
        ("post", "/account/tokens/"),
        ("post", "/account/password/"),
        ("post", "/account/tokens/0198c000-0000-7000-8000-000000000000/revoke/"),
    ],
)
def test_the_account_needs_a_login(db: object, method: str, path: str) -> None:
    response = getattr(browser(), method)(path)

    assert (response.status_code, response["Location"]) == (302, "/login/?next=/account/")


def test_a_named_token_is_shown_once_and_works_until_it_is_revoked(visitor: Client) -> None:
    made = visitor.post("/account/tokens/", {"name": "cron <b>job</b>"}).content.decode()

    (text,) = re.findall(r'class="secret">(bw_[\w-]{43})<', made)
    listed = visitor.get("/account/").content.decode()
    assert text not in listed
    assert text[:9] in listed
    assert "cron &lt;b&gt;job&lt;/b&gt;" in listed
    assert "<b>job" not in made + listed
    program = ApiClient(text)
    assert program.show(ME)["username"] == "anna"

    token = Token.objects.using("identity").get(kind="api")
    revoked = visitor.post(f"/account/tokens/{token.public_id}/revoke/", follow=True)

    assert b"The token is revoked" in revoked.content
    assert text[:9] not in revoked.content.decode()
    assert_problem(program.get(ME), 401, "not-authenticated")


@pytest.mark.parametrize("name", ["x" * 101, "a\0b"])
def test_a_name_that_cannot_be_stored_is_refused_in_words(visitor: Client, name: str) -> None:
    response = visitor.post("/account/tokens/", {"name": name})

    assert response.status_code == 400
    assert alert(response) == "The field name cannot be used."
    assert Token.objects.using("identity").filter(kind="api").count() == 0


def test_nobody_revokes_the_token_of_somebody_else(visitor: Client) -> None:
    berta = User.objects.db_manager("identity").create_user("berta", password=PASSWORD)
    other = browser()
    log_in(other, username="berta")
    token = Token.objects.using("identity").get(user=berta)

    response = visitor.post(f"/account/tokens/{token.public_id}/revoke/")

    assert response.status_code == 404
    assert other.get("/account/").status_code == 200
    assert str(token.public_id) not in visitor.get("/account/").content.decode()


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(visitor: Client) -> None:
    other = browser()
    log_in(other)

    response = visitor.post(
        "/account/password/", {"current_password": PASSWORD, "new_password": NEW}, follow=True
    )

    assert b"The password is changed" in response.content
    assert other.get("/account/").status_code == 302
    assert log_in(browser()).status_code == 401
    assert log_in(browser(), password=NEW).status_code == 302


@pytest.mark.parametrize(
    ("current", "new", "said"),
    [
        ("wrong", NEW, "not the current password"),
        (PASSWORD, "short", "too short"),
        ("a\0", NEW, "cannot be used"),
    ],
)
def test_a_password_that_cannot_be_changed_is_told_why(
    visitor: Client, current: str, new: str, said: str
) -> None:
    response = visitor.post("/account/password/", {"current_password": current, "new_password": new})

    assert response.status_code == 400
    assert said in alert(response)
    assert log_in(browser()).status_code == 302


def test_registering_makes_an_account_and_logs_in(db: object, monkeypatch: pytest.MonkeyPatch) -> None:
    set_registration(monkeypatch, is_open=True)
    client = browser()

    response = client.post("/register/", {"username": "Berta", "password": PASSWORD})

    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get(ME).json()["username"] == "berta"
    taken = browser().post("/register/", {"username": "BERTA", "password": PASSWORD})
    assert (taken.status_code, alert(taken)) == (409, "There is a user &#x27;berta&#x27; already.")
    bad = browser().post("/register/", {"username": "no spaces", "password": PASSWORD})
    assert bad.status_code == 400


def test_where_registration_is_closed_nobody_registers(db: object, monkeypatch: pytest.MonkeyPatch) -> None:
    set_registration(monkeypatch, is_open=False)

    shown, posted = (
        browser().get("/register/"),
        browser().post("/register/", {"username": "b", "password": PASSWORD}),
    )

    assert (shown.status_code, posted.status_code) == (403, 403)
    assert b"registration-closed" in shown.content
    assert b"/register/" not in browser().get("/").content + browser().get("/login/").content
    assert User.objects.using("identity").count() == 0


def test_only_a_superuser_is_shown_the_way_to_the_admin(visitor: Client, anna: User) -> None:
    before = visitor.get("/").content
    User.objects.using("identity").update(is_superuser=True)

    assert b"/admin/" not in before
    assert b"/admin/" in visitor.get("/").content


def test_whoever_is_logged_in_is_shown_the_way_to_the_market_data(visitor: Client, anna: User) -> None:
    found = visitor.get("/").content.decode()

    for address in ("instruments/", "fetches/", "quota/", "watchlists/", "quarantine/?status=open"):
        assert f'href="/api/v1/{address}"' in found
    assert "/api/v1/quota/" not in browser().get("/").content.decode()
