"""Whatever goes wrong, the answer is a problem that tells programs what and attackers nothing."""

from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client, override_settings

from shared.http.tests.api_client import answer_of, assert_problem


@pytest.fixture
def answer() -> Any:
    client = Client(raise_request_exception=False)
    with override_settings(ROOT_URLCONF="shared.http.tests.crashing_urls"):
        yield client.get


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("bug", 500, "internal-error"),
        ("database", 503, "unavailable"),
        ("missing", 404, "not-found"),
        ("forbidden", 403, "permission-denied"),
        ("throttled", 429, "too-many-requests"),
        ("expected", 422, "insufficient-history"),
    ],
)
def test_a_failure_inside_a_view_is_a_problem(answer: Any, how: str, status: int, code: str) -> None:
    response = answer(f"/fail/{how}/")

    assert answer_of(response) == (status, code)
    for secret in (b"hunter2", b"10.0.0.1", b"secret"):
        assert secret not in response.content


def test_a_failure_that_passes_says_when_to_come_again(answer: Any) -> None:
    assert answer("/fail/database/")["Retry-After"] == "5"
    assert answer("/fail/throttled/")["Retry-After"] == "7"


def test_a_crash_outside_of_the_api_is_a_problem_too(answer: Any) -> None:
    response = answer("/crash/")

    assert answer_of(response) == (500, "internal-error")
    assert b"hunter2" not in response.content


def test_a_problem_carries_its_own_members_and_its_place(answer: Any) -> None:
    request_id = str(uuid4())

    body = assert_problem(
        answer("/fail/expected/", headers={"X-Request-ID": request_id}), 422, "insufficient-history"
    )

    assert (body["needed_sessions"], body["present_sessions"], body["missing_sessions"]) == (3, 1, 2)
    assert (body["instance"], body["request_id"]) == ("/fail/expected/", request_id)


def test_every_answer_carries_the_safety_headers(answer: Any) -> None:
    for path in ("/fail/bug/", "/crash/", "/nowhere/"):
        headers = answer(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_process_without_any_database_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DATABASES", {"default": {}})

    answer = Client().get("/readyz")

    assert (answer.status_code, answer.json()["checks"]) == (503, {})
