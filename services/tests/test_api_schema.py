"""The one OpenAPI document is made without a warning, says all there is, and is what every service publishes."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import get_resolver
from drf_spectacular.validation import validate_schema

from deploy.local.reference import openapi_text
from services.tests.openapi import Document, published_document
from services.tests.pipeline import drain_everything
from shared.http.conditional import Revalidated
from shared.http.document import PATH, document
from shared.http.operations import PublicOperation
from shared.http.tests.api_client import ApiClient
from shared.settings.openapi import TAGS

SERVICES = tuple(f"services.{service}.urls" for service in ("ingest", "analytics", "reports"))


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Give path, method and description of each operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def views() -> dict[str, dict[str, Any]]:
    """Return the operations by address and method, as they are mounted."""
    return {
        _as_template(str(pattern.pattern)): callback.operations
        for pattern in _patterns(get_resolver("deploy.local.urls"))
        if hasattr(callback := pattern.callback, "operations")
    }


@pytest.mark.parametrize("urlconf", ("deploy.local.urls", *SERVICES))
def test_the_document_is_made_without_a_warning(urlconf: str, tmp_path: Path) -> None:
    written = tmp_path / "schema.yaml"

    call_command("spectacular", urlconf=urlconf, validate=True, fail_on_warn=True, file=str(written))

    assert "/readyz:" in written.read_text()


def test_the_committed_document_says_what_the_code_does() -> None:
    assert PATH.read_text(encoding="utf-8") == openapi_text(), "run `python -m deploy.local.reference`"
    validate_schema(json.loads(document()))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("urlconf", ("deploy.local.urls", *SERVICES))
def test_every_service_publishes_the_same_document_and_answers_304_to_who_has_it(urlconf: str) -> None:
    with override_settings(ROOT_URLCONF=urlconf):
        shown = Client().get("/api/schema/")
        again = Client().get("/api/schema/", headers={"If-None-Match": shown["ETag"]})

    assert shown.content == document()
    assert (shown["Content-Type"], shown["Cache-Control"]) == ("application/json", "private, no-cache")
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", shown["ETag"])


def test_every_address_is_documented_once_in_its_canonical_form() -> None:
    mounted = views()
    del mounted["/api/schema/"]
    documented: dict[str, set[str]] = {}
    for path, method, _ in operations(published_document()):
        documented.setdefault(path, set()).add(method.upper())

    assert documented == {path: set(methods) for path, methods in mounted.items()}
    assert {"/api/v1/bars/", "/fetch/{symbol}/"} <= set(documented)


def test_every_operation_says_its_problems_and_whether_it_needs_a_token() -> None:
    mounted = views()

    for path, method, operation in operations(published_document()):
        problems = {status: answer for status, answer in operation["responses"].items() if status[0] in "45d"}
        assert {"400", "default"} <= set(problems)
        for status, answer in problems.items():
            if path != "/readyz" or status != "503":
                schema = answer["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
        is_open = issubclass(mounted[path][method.upper()].cls, PublicOperation)
        assert operation.get("security") == (None if is_open else [{"token": []}, {"session": []}]), path


def test_what_may_be_kept_says_how_to_ask_whether_it_still_holds() -> None:
    mounted = views()

    for path, method, operation in operations(published_document()):
        taken = {parameter["name"] for parameter in operation.get("parameters", ())}
        is_kept = issubclass(mounted[path][method.upper()].cls, Revalidated)
        assert ("304" in operation["responses"], "If-None-Match" in taken) == (is_kept, is_kept), path
        if is_kept:
            assert "ETag" in operation["responses"]["200"]["headers"]


def test_a_stranger_finds_words_for_every_operation_parameter_and_tag() -> None:
    published = published_document()

    assert published["servers"][0]["url"] == "/"
    assert {tag["name"] for tag in published["tags"] if tag["description"]} == set(TAGS)
    for path, method, operation in operations(published):
        assert operation["summary"], path
        assert set(operation["tags"]) <= set(TAGS), path
        assert ("older" in operation["tags"]) == operation.get("deprecated", False), path
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (path, method, parameter)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations(published_document())]

    assert len(set(names)) == len(names)
    assert {"request_fetch", "list_bars", "show_backtest", "download_pdf"} <= set(names)


def test_every_body_has_an_example_that_works(db: psycopg.Connection[Any]) -> None:
    bodies = dict(examples(published_document()))
    sent = functools.partial(Client().post, content_type="application/json")
    registered = sent("/api/v1/users/", bodies.pop(("post", "/api/v1/users/")))
    logged_in = sent("/api/v1/tokens/", bodies.pop(("post", "/api/v1/tokens/")))
    assert (registered.status_code, logged_in.status_code) == (201, 201), logged_in.content
    api = ApiClient(logged_in.json()["token"])
    api.send("/api/v1/fetches/", symbol="AAPL")
    api.send("/api/v1/watchlists/", name="name", symbols=["AAPL"])
    drain_everything()
    needs_key = api.send("/api/v1/lookups/", **bodies.pop(("post", "/api/v1/lookups/")))
    assert needs_key.json()["code"] == "provider-key-missing"
    changing = ("post", "/api/v1/users/me/password/"), bodies.pop(("post", "/api/v1/users/me/password/"))

    answers = {
        (method, path): api.generic(
            method.upper(), path.format(name="name"), json.dumps(body), "application/json"
        ).status_code
        for (method, path), body in (*bodies.items(), changing)
    }

    assert {place: status for place, status in answers.items() if status not in {200, 201, 202, 204}} == {}
    assert len(answers) >= 8


def examples(document: Document) -> Iterator[tuple[tuple[str, str], Any]]:
    """Give the example of each operation that takes a body."""
    for path, method, operation in operations(document):
        if "requestBody" in operation:
            [example] = operation["requestBody"]["content"]["application/json"]["examples"].values()
            yield (method, path), example["value"]


def _patterns(resolver: Any) -> list[Any]:
    found: list[Any] = []
    for pattern in resolver.url_patterns:
        found += _patterns(pattern) if hasattr(pattern, "url_patterns") else [pattern]
    return found


def _as_template(route: str) -> str:
    """Write `<uuid:run_id>` as `{run_id}`."""
    for part in route.split("<")[1:]:
        converter, name = part.partition(">")[0].split(":")
        route = route.replace(f"<{converter}:{name}>", f"{{{name}}}")
    return f"/{route}"
