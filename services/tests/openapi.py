"""Holds answers to the OpenAPI document that the running system publishes."""

from typing import Any

from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

type Document = dict[str, Any]


def published_document() -> Document:
    """Return the document as any caller gets it."""
    document: Document = Client().get("/api/schema/").json()
    return document


def assert_documented(document: Document, path: str, response: Any, *, method: str = "get") -> None:
    """Check that an answer of the operation at `path` has a documented status, type and shape, and no more."""
    answers = document["paths"][path][method]["responses"]
    contents = answers[str(response.status_code)]["content"]
    assert response["Content-Type"] in contents
    schema = {**contents[response["Content-Type"]]["schema"], "components": _closed(document["components"])}
    if response["Content-Type"].endswith("json"):
        Draft202012Validator(schema).validate(response.json())


def _closed(components: Document) -> Document:
    """Forbid what is not documented, except in problems, which may carry more."""
    schemas = {
        name: schema
        if name == "Problem" or "properties" not in schema
        else {**schema, "additionalProperties": False}
        for name, schema in components["schemas"].items()
    }
    return {"schemas": schemas}
