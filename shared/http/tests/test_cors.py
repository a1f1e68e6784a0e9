"""Pages of other origins may call the API when their origin is named, with a token and never with a cookie."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from shared.settings.browsers import browser_settings, cors_middleware

ORIGIN = "https://a.example"


@pytest.fixture
def client() -> Iterator[Client]:
    values = {
        **settings.BELLWETHER,
        "CORS_ALLOWED_ORIGIN_REGEXES": (r"https://a\.example", r"https://[a-z]+\.b\.example"),
    }
    cors = {
        name: value
        for name, value in browser_settings(values, on_loopback=True).items()
        if name[:4] == "CORS"
    }
    with override_settings(**cors, MIDDLEWARE=[*cors_middleware(values), *settings.MIDDLEWARE]):
        yield Client()


def allowed_origin(response: Any) -> str | None:
    found: str | None = response.headers.get("Access-Control-Allow-Origin")
    return found


def words(header: str) -> set[str]:
    return {word.strip() for word in header.split(",")}


def test_a_named_origin_may_send_what_the_api_takes(client: Client) -> None:
    response = client.options(
        "/api/v1/fetches/",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "prefer",
        },
    )

    assert (response.status_code, allowed_origin(response)) == (200, ORIGIN)
    assert words(response["Access-Control-Allow-Headers"]) == {
        "accept", "authorization", "content-type", "idempotency-key", "if-none-match", "prefer", "x-request-id",
    }  # fmt: skip
    assert words(response["Access-Control-Allow-Methods"]) == {"GET", "POST", "PATCH", "DELETE"}
    assert "Access-Control-Allow-Credentials" not in response
    assert "origin" in response["Vary"].lower()


def test_a_named_origin_may_read_answers_and_problems_with_their_headers(client: Client) -> None:
    for path, status in (("/api/schema/", 200), ("/api/v1/fetches/", 401), ("/api/v1/nowhere/", 404)):
        response = client.get(path, headers={"Origin": ORIGIN})

        assert (response.status_code, allowed_origin(response)) == (status, ORIGIN)
        assert words(response["Access-Control-Expose-Headers"]) == {
            "etag", "idempotent-replayed", "link", "location", "preference-applied", "retry-after",
            "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id",
        }  # fmt: skip
        assert "Access-Control-Allow-Credentials" not in response


@pytest.mark.parametrize("origin", ["https://www.b.example", ORIGIN])
def test_a_pattern_stands_for_all_that_it_matches_as_a_whole(client: Client, origin: str) -> None:
    assert allowed_origin(client.get("/api/schema/", headers={"Origin": origin})) == origin


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.example.evil.test",
        "https://a.example:8443",
        "https://aXexample",
        "http://a.example",
        "https://evil.test",
        "https://evil.test/https://a.example",
        "https://a.example\n",
        "null",
    ],
)
def test_no_other_origin_may(client: Client, origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}

    assert allowed_origin(client.get("/api/schema/", headers=headers)) is None
    assert allowed_origin(client.options("/api/schema/", headers=headers)) is None


@pytest.mark.parametrize("path", ["/", "/login/", "/livez", "/problems/"])
def test_only_the_api_is_open_to_other_origins(client: Client, path: str) -> None:
    assert allowed_origin(client.get(path, headers={"Origin": ORIGIN})) is None


def test_nothing_answers_other_origins_unless_some_are_named() -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}

    for response in (
        Client().get("/api/schema/", headers=headers),
        Client().options("/api/schema/", headers=headers),
    ):
        assert [name for name in response.headers if name.startswith("Access-Control")] == []
    assert cors_middleware({"CORS_ALLOWED_ORIGIN_REGEXES": None}) == []
