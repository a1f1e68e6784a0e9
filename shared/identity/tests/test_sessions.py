"""A browser's login session: one cookie for all three services, and nothing changes without proof of our page."""

import os
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import psycopg
import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings

from shared.http.tests.api_client import assert_problem
from shared.identity.authentication import SESSION_COOKIE
from shared.identity.middleware import SessionUser
from shared.identity.models import Token, User
from shared.identity.sessions import clear_session_cookie, set_session_cookie
from shared.identity.tokens import create_token, issue_token

ADDRESSES = {
    "ingest": "/api/v1/fetches/",
    "analytics": "/api/v1/backtests/",
    "reports": "/api/v1/reports/",
}
CSRF = "c" * 32


@pytest.fixture
def session(token: str) -> str:
    """Give the text of a session of user `tester`."""
    with transaction.atomic(using="identity"):
        return issue_token(user=User.objects.get(), secret=os.urandom(32), kind="session").text


@pytest.fixture
def browser(session: str) -> Iterator[Client]:
    """Give a browser that is logged in."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies[SESSION_COOKIE] = session
    yield client


def post(browser: Client, path: str, **headers: str) -> Any:
    return browser.post(
        path, {"symbol": "AAPL", "nonsense": 1}, content_type="application/json", headers=headers
    )


def cookie_of(response: HttpResponse) -> dict[str, Any]:
    header = response.cookies[SESSION_COOKIE].OutputString()
    (morsel,) = SimpleCookie(header).values()
    return {"value": morsel.value, **dict(morsel)}


@pytest.mark.parametrize("service", ADDRESSES)
def test_a_session_is_taken_by_all_services_and_ends_in_all_at_once(browser: Client, service: str) -> None:
    with override_settings(TOKEN_CHECK_ALIAS=service, ROOT_URLCONF=f"services.{service}.urls"):
        assert browser.get(ADDRESSES[service]).status_code == 200
        Token.objects.using("identity").update(revoked_at="2020-01-01T00:00:00Z")
        answer = browser.get(ADDRESSES[service])
    assert_problem(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("service", ADDRESSES)
def test_what_changes_anything_needs_the_csrf_token_of_a_page(browser: Client, service: str) -> None:
    address = ADDRESSES[service]
    with override_settings(TOKEN_CHECK_ALIAS=service, ROOT_URLCONF=f"services.{service}.urls"):
        assert_problem(post(browser, address), 403, "csrf-failed")
        browser.cookies["csrftoken"] = CSRF
        assert_problem(post(browser, address), 403, "csrf-failed")
        assert_problem(post(browser, address, **{"X-CSRFToken": "d" * 32}), 403, "csrf-failed")
        foreign = post(browser, address, **{"X-CSRFToken": CSRF, "Origin": "https://evil.example"})
        assert_problem(foreign, 403, "csrf-failed")

        assert post(browser, address, **{"X-CSRFToken": CSRF}).status_code == 400


def test_a_token_in_the_header_needs_no_csrf_token_and_stands_over_the_cookie(browser: Client) -> None:
    other = create_token(username="other", secret=os.urandom(32))

    assert post(browser, "/api/v1/fetches/", Authorization=f"Token {other}").status_code == 400
    me = browser.get("/api/v1/users/me/", headers={"Authorization": f"Token {other}"})
    assert me.json()["username"] == "other"
    assert browser.get("/api/v1/users/me/", headers={"Authorization": "Token bad"}).status_code == 401


def test_a_token_is_no_session_and_a_session_no_token(token: str, session: str) -> None:
    client = Client(raise_request_exception=False)

    assert client.get("/api/v1/users/me/", headers={"Authorization": f"Token {token}"}).status_code == 200
    assert client.get("/api/v1/users/me/", headers={"Authorization": f"Token {session}"}).status_code == 401
    client.cookies[SESSION_COOKIE] = token
    assert client.get("/api/v1/users/me/").status_code == 401
    assert not user_seen_with(token).is_authenticated
    client.cookies[SESSION_COOKIE] = session
    assert client.get("/api/v1/users/me/").status_code == 200


@pytest.mark.parametrize("value", ["", "nothing", "bw_" + "A" * 43, "bw_\x00", "é" * 46])
def test_a_cookie_that_is_no_session_is_as_none(db: psycopg.Connection[Any], value: str) -> None:
    client = Client(raise_request_exception=False)
    client.cookies[SESSION_COOKIE] = value

    assert_problem(client.get("/api/v1/fetches/"), 401, "not-authenticated")
    assert client.get("/livez").status_code == 200


@pytest.mark.parametrize("secure", [True, False])
def test_scripts_and_other_sites_cannot_use_the_cookie(secure: bool) -> None:
    response = HttpResponse()

    set_session_cookie(response, "bw_text", secure=secure)

    found = cookie_of(response)
    assert found["value"] == "bw_text"
    assert (found["httponly"], found["samesite"], found["path"], found["domain"]) == (True, "Lax", "/", "")
    assert (found["secure"] is True) == secure
    assert found["max-age"] == "36000"


def test_a_cleared_cookie_is_forgotten() -> None:
    response = HttpResponse()

    clear_session_cookie(response)

    assert (cookie_of(response)["value"], cookie_of(response)["max-age"]) == ("", "0")


def user_seen_with(cookie: str | None) -> Any:
    request = RequestFactory().get("/")
    if cookie is not None:
        request.COOKIES[SESSION_COOKIE] = cookie
    SessionUser(lambda _: HttpResponse()).process_request(request)
    return request.user


def test_pages_and_the_admin_see_the_user_of_the_session(session: str) -> None:
    seen = user_seen_with(session)

    assert seen == User.objects.using("identity").get()
    assert seen.is_authenticated
    User.objects.using("identity").update(is_active=False)
    assert not user_seen_with(session).is_authenticated


def test_without_a_session_nobody_is_seen_and_the_database_is_not_asked() -> None:
    for cookie in (None, "", "nothing"):
        assert not user_seen_with(cookie).is_authenticated
