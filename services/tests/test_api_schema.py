"""The OpenAPI document is made without a warning and says all there is."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import get_resolver

from services.tests.openapi import published_document

URLCONFS = (
    "deploy.local.urls",
    *(f"services.{service}.urls" for service in ("ingest", "analytics", "reports")),
)
PUBLIC = {"/livez", "/readyz"}


@pytest.mark.parametrize("urlconf", URLCONFS)
def test_the_document_is_made_without_a_warning(urlconf: str, tmp_path: Path) -> None:
    written = tmp_path / "schema.yaml"

    call_command("spectacular", urlconf=urlconf, validate=True, fail_on_warn=True, file=str(written))

    assert "/readyz:" in written.read_text()


def test_every_address_is_documented_once_in_its_canonical_form() -> None:
    operations = {
        route: callback.operations
        for pattern in _patterns(get_resolver("deploy.local.urls"))
        if hasattr(callback := pattern.callback, "operations")
        and (route := _as_template(str(pattern.pattern))) != "/api/schema/"
    }
    documented = {
        path: {method.upper() for method in item} for path, item in published_document()["paths"].items()
    }

    assert len(operations) == 18
    assert documented == {path: set(methods) for path, methods in operations.items()}


def test_every_operation_says_its_problems_and_whether_it_needs_a_token() -> None:
    document = published_document()

    for path, item in document["paths"].items():
        for operation in item.values():
            problems = {
                status: answer for status, answer in operation["responses"].items() if status[0] in "45d"
            }
            assert {"400", "default"} <= set(problems)
            for status, answer in problems.items():
                if path != "/readyz" or status != "503":
                    schema = answer["content"]["application/problem+json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}
            assert (operation.get("security") == [{"token": []}]) == (path not in PUBLIC), path


def test_operations_have_names_of_their_own() -> None:
    items = published_document()["paths"].values()
    names = [operation["operationId"] for item in items for operation in item.values()]

    assert len(set(names)) == len(names)
    assert {"request_fetch", "list_bars", "show_backtest", "download_pdf"} <= set(names)


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
