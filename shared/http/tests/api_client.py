"""Calls the API as a program would, and says what every failure must look like."""

from typing import Any

from django.test import Client

PROBLEM = {"type", "title", "status", "detail", "code", "instance", "request_id"}


class ApiClient(Client):
    """Sends one token with every request and shows crashes as the answers that a caller would see.

    It waits for no work unless a test says so, as none is done while a request runs.
    """

    def __init__(self, token: str) -> None:
        super().__init__(
            headers={"Authorization": f"Token {token}", "Prefer": "wait=0"}, raise_request_exception=False
        )

    def send(self, path: str, **body: Any) -> Any:
        """POST a JSON object."""
        return self.post(path, body, content_type="application/json")

    def show(self, path: str, **query: Any) -> Any:
        """GET an address that is there, and return its JSON."""
        response = self.get(path, query_params=query)
        assert response.status_code == 200, response.content
        return response.json()


def assert_problem(response: Any, status: int, slug: str) -> dict[str, Any]:
    """Check that an answer is the problem it should be, and return its body."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) >= PROBLEM
    assert (body["status"], body["code"], body["type"]) == (status, slug, f"/problems/{slug}")
    assert body["request_id"] == response["X-Request-ID"]
    assert b"Traceback" not in response.content
    return body


def answer_of(response: Any) -> tuple[int, str]:
    """Check that an answer is a proper problem, and return its status and code."""
    assert response["Content-Type"] == "application/problem+json", response.content
    code = response.json()["code"]
    assert_problem(response, response.status_code, code)
    return response.status_code, code
