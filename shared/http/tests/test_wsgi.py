"""The application answers what would break Django's own before any of its safeguards."""

from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from shared.http.wsgi import application


def status_of(
    token: str, *, method: str = "GET", content_type: str, body: bytes = b"", query: str = ""
) -> str:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SERVER_NAME": "testserver",
        "PATH_INFO": "/api/v1/fetches/",
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Token {token}",
        "wsgi.input": BytesIO(body),
    }
    setup_testing_defaults(environ)
    seen: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        seen.append(status)

    response = application()(environ, start_response)
    response.close()
    return seen[0]


@pytest.mark.parametrize(
    "content_type",
    ["a/b; charset*=bogus''x", "application/json; charset=base64", "application/json; charset=\0", ";"],
)
def test_a_garbled_content_type_is_no_crash(token: str, content_type: str) -> None:
    assert status_of(token, content_type=content_type, query="symbol=AAPL") == "200 OK"


def test_a_body_of_garbled_type_is_refused_with_415(token: str) -> None:
    refused = status_of(token, method="POST", content_type="a/b; charset*=bogus''x", body=b"{}")

    assert refused == "415 Unsupported Media Type"


def test_too_many_parameters_with_a_charset_are_refused(token: str) -> None:
    query = "&".join(f"p{number}=1" for number in range(1001))

    assert status_of(token, content_type="a/b; charset=latin-1", query=query) == "400 Bad Request"
