"""Nothing that Django, the framework or the server can refuse is answered by anything but a problem."""

import logging
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import psycopg
import pytest
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent
from django.http import UnreadablePostError
from django.test import Client, override_settings
from rest_framework.exceptions import APIException

from shared.contracts.codec import MAX_EVENT_BYTES
from shared.errors import CsrfFailed
from shared.http.tests import crashing_urls
from shared.http.tests.api_client import ApiClient, answer_of
from shared.http.wsgi import application

FETCHES = "/api/v1/fetches/"


@pytest.fixture
def failing() -> Iterator[Client]:
    with override_settings(ROOT_URLCONF="shared.http.tests.crashing_urls"):
        yield Client(raise_request_exception=False, enforce_csrf_checks=True)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (UnreadablePostError("the caller hung up"), (400, "malformed-request")),
        (SuspiciousOperation("secret"), (400, "malformed-request")),
        (RequestDataTooBig("secret"), (413, "body-too-large")),
        (TooManyFieldsSent("secret"), (400, "malformed-request")),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "secret"), (500, "internal-error")),
        (RecursionError("secret"), (500, "internal-error")),
        (MemoryError("secret"), (500, "internal-error")),
        (APIException("secret"), (500, "internal-error")),
        (CsrfFailed("no token"), (403, "csrf-failed")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_whatever_an_operation_raises_is_a_problem(
    failing: Client, monkeypatch: pytest.MonkeyPatch, error: Exception, answer: tuple[int, str]
) -> None:
    monkeypatch.setitem(crashing_urls.FAILURES, "this", error)

    response = failing.get("/fail/this/")

    assert answer_of(response) == answer
    assert b"secret" not in response.content


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/crash/", (500, "internal-error")),
        ("/outside/template/", (500, "internal-error")),
        ("/outside/no-answer/", (500, "internal-error")),
        ("/outside/forbidden/", (403, "permission-denied")),
        ("/outside/suspicious/", (400, "malformed-request")),
        ("/outside/too-big/", (413, "body-too-large")),
        ("/outside/missing/", (404, "not-found")),
        ("/outside/database/", (503, "unavailable")),
        ("/outside/expected/", (422, "insufficient-history")),
        ("/nowhere/", (404, "not-found")),
        ("/%ff%fe/", (404, "not-found")),
    ],
)
def test_whatever_fails_outside_of_the_api_is_a_problem(
    failing: Client, path: str, answer: tuple[int, str]
) -> None:
    assert answer_of(failing.get(path)) == answer


def test_a_form_from_elsewhere_is_a_problem(failing: Client) -> None:
    assert answer_of(failing.post("/outside/form/", {"a": "b"})) == (403, "csrf-failed")


def test_a_form_that_is_too_large_is_a_problem(failing: Client) -> None:
    failing.cookies["csrftoken"] = "a" * 32
    body = "a=" + "b" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)

    answer = failing.post("/outside/form/", body, content_type="application/x-www-form-urlencoded")

    assert answer_of(answer) == (413, "body-too-large")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (FETCHES, "GET, POST, HEAD, OPTIONS"),
        ("/api/v1/bars", "GET, HEAD, OPTIONS"),
        ("/livez", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_says_what_is_permitted_without_a_token(path: str, allowed: str) -> None:
    answer = Client().options(path)

    assert (answer.status_code, answer["Allow"], answer.content) == (204, allowed, b"")


def test_head_is_get_without_its_body(db: psycopg.Connection[Any], token: str) -> None:
    api = ApiClient(token)

    for path in (FETCHES, "/api/v1/nothing/", "/livez"):
        shown, head = api.get(path), api.head(path)
        assert (head.status_code, head.content) == (shown.status_code, b"")
        assert head["Content-Type"] == shown["Content-Type"]
        if shown.status_code == 200:
            assert head["Content-Length"] == str(len(shown.content))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/fail/bug/", {}),
        ("/crash/", {}),
        ("/nowhere/", {}),
        ("/fail/expected/", {"Host": "evil.example"}),
        ("/outside/form/", {}),
    ],
)
def test_every_answer_carries_every_safety_header(
    failing: Client, path: str, headers: dict[str, str]
) -> None:
    answer = failing.post(path, headers=headers) if "form" in path else failing.get(path, headers=headers)

    assert answer.status_code >= 400
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Server" not in answer.headers


class Answer:
    """What the application gave to its server."""

    def __init__(self, token: str, stream: Any, **environ: Any) -> None:
        variables = {
            "REQUEST_METHOD": "POST",
            "SERVER_NAME": "testserver",
            "PATH_INFO": FETCHES,
            "CONTENT_TYPE": "application/json",
            "HTTP_AUTHORIZATION": f"Token {token}",
            "HTTP_PREFER": "wait=0",
            "wsgi.input": stream,
            **environ,
        }
        setup_testing_defaults(variables)

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            self.status, self.headers = status, dict(headers)

        response = application()(variables, start_response)
        self.body = b"".join(response)
        response.close()


def chunked(token: str, stream: Any) -> Answer:
    environ = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    return Answer(token, stream, **environ)


def test_a_body_in_chunks_is_read_like_any_other(token: str) -> None:
    assert chunked(token, BytesIO(b'{"symbol": "FB"}')).status == "202 Accepted"
    assert chunked(token, BytesIO(b'{"symbol": "FB"')).status == "400 Bad Request"


class Endless:
    """A caller who never stops sending; counts what is taken."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        self.taken += size
        return b" " * size

    readline = read


def test_a_body_in_chunks_without_end_is_refused_after_what_is_taken(token: str) -> None:
    stream = Endless()

    answer = chunked(token, stream)

    assert answer.status.startswith("413 ")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert stream.taken == MAX_EVENT_BYTES + 1


class Garbled:
    """Chunks of which the server cannot make a body."""

    def read(self, size: int = -1) -> bytes:
        raise ValueError("invalid chunk size")

    readline = read


def test_malformed_chunks_are_a_problem_and_no_crash(token: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = chunked(token, Garbled())

    assert answer.status == "400 Bad Request"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert caplog.records == []


def test_chunks_that_the_server_does_not_end_are_not_read(token: str) -> None:
    class Waiting:
        def read(self, size: int = -1) -> bytes:
            raise AssertionError("this would wait for ever")

        readline = read

    answer = Answer(token, Waiting(), HTTP_TRANSFER_ENCODING="chunked")

    assert answer.status == "400 Bad Request"
