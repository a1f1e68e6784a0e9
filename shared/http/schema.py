"""The OpenAPI document, made from what the operations say of themselves."""

import inspect
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.serializers import CharField

from shared.http.conditional import REVALIDATED, Revalidated
from shared.http.document import document, document_hash
from shared.http.fields import SYMBOL_SCHEMA
from shared.http.idempotency import HEADER, PATTERN
from shared.http.operations import Operation, PublicOperation
from shared.http.problems import CONTENT_TYPE, Problem
from shared.http.waiting import LONGEST_SECONDS
from shared.identity.authentication import SESSION_COOKIE

_ALWAYS = (400,)
_CONDITIONAL = (412,)
_WITH_TOKEN = (401, 406)
_WITH_BODY = (409, 413, 415, 422)
_COUNTED = (429,)
_WRITING = ("POST", "PUT", "PATCH")
_STARTED = (200, 201, 202)


_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": PATTERN, "maxLength": 255},
    "header",
    description="A word of the caller's for this request. Within 24 hours the same key with the same body gets the"
    " first answer again (with `Idempotent-Replayed: true`), and with another body 422.",
)
_PREFER = OpenApiParameter(
    "Prefer",
    {"type": "string", "example": "wait=10"},
    "header",
    description=f"`wait=N`: up to so many seconds (at most {LONGEST_SECONDS:.0f}) to wait for the work. What is"
    " malformed is ignored.",
)
_KNOWN = OpenApiParameter(
    "If-None-Match",
    str,
    "header",
    description="Tags of the answers that the caller has kept; when one still holds, the answer is 304 without a body.",
)
_LIMITS = (
    ("X-RateLimit-Limit", int, "Requests a minute that this service answers the caller"),
    ("X-RateLimit-Remaining", int, "Requests left in this minute"),
    ("X-RateLimit-Reset", int, "When the next minute begins, in seconds since the epoch"),
)


_NEIGHBOURS = (("Link", str, 'The neighbours of this page, `rel="next"` and `rel="prev"`'),)
_TAGS = (
    ("ETag", str, "Names this answer, for `If-None-Match`"),
    ("Cache-Control", str, f"`{REVALIDATED}`: keep it, and ask each time whether it still holds"),
)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # found by its target
    """Describes the token header."""

    target_class = "shared.identity.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme: `Authorization: Bearer`, as which `Token` is taken too."""
        return {"type": "http", "scheme": "bearer", "description": "`Token <token>` is taken as well."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # found by its target
    """Describes the login session of browsers."""

    target_class = "shared.identity.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme: the cookie, and what must come with it."""
        told = "Set by `/login/`. What changes anything also needs the cookie `csrftoken` as header `X-CSRFToken`."
        return {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": told}


class StrictScheme(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # found by its target
    """Describes a body: unknown fields are refused, and texts may not be empty unless that is said."""

    target_class = "shared.http.fields.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the fields, and that there are no others."""
        known = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # noqa: SLF001 as documented
        for name, field in self.target.fields.items():
            if isinstance(field, CharField) and not field.allow_blank:
                known["properties"][name].setdefault("minLength", 1)
        return {**known, "additionalProperties": False}


class ChoiceScheme(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # found by its target
    """Describes one of a few words."""

    target_class = "shared.http.fields.Choice"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the words."""
        return {"type": "string", "enum": list(self.target.choices)}


class DecimalScheme(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # found by its target
    """Describes a decimal number in a string."""

    target_class = "shared.http.fields.DecimalText"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return its form."""
        return dict(self.target.form)


class OperationSchema(AutoSchema):
    """Reads `Query`, `Input`, `Output`, `successes` and `problems` of an `Operation`."""

    view: Any

    def get_operation_id(self) -> str:
        """Return the class's name in snake case: ListBars is list_bars."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self.view).__name__).lower()

    def get_summary(self) -> str:
        """Return the first line of the class's docstring."""
        return _docstring(self.view)[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]  # spectacular passes no path
        """Return what the class's docstring says below its first line."""
        return _docstring(self.view)[1]

    def get_tags(self) -> list[str]:
        """Return the collection that the address begins with."""
        parts = self.path.removeprefix("/api/v1").strip("/").split("/")
        return [parts[0] if self.path.startswith("/api/v1/") else "health"]

    def get_request_serializer(self) -> Any:
        """Return what the body may hold."""
        return self.view.Input if self.method in _WRITING and self.view.Input().fields else None

    def get_examples(self) -> list[OpenApiExample]:
        """Return a body that works on a new installation."""
        written = self.view.Input.example if self.method in _WRITING else {}
        return [OpenApiExample("Example", written, request_only=True)] if written else []

    def get_response_serializers(self) -> Any:
        """Return the body of each status: `Output` for successes and the one problem for the rest."""
        body = None if self.view.Output is OpenApiTypes.NONE else self.view.Output
        media_type = self.view.media_type
        public = isinstance(self.view, PublicOperation)
        failures = {*_ALWAYS, *self.view.problems, *(() if public else _WITH_TOKEN)}
        failures |= set(_WITH_BODY) if self.method in _WRITING else set()
        conditional = isinstance(self.view, Revalidated)
        failures |= set(_CONDITIONAL) if conditional else set()
        failures |= set(_COUNTED) if self.view.is_counted else set()
        return {
            **{(status, media_type): _answer(body, status) for status in self.view.successes},
            **({304: _answer(None, 304)} if conditional else {}),
            **{(status, CONTENT_TYPE): _answer(Problem, status) for status in sorted(failures)},
            ("default", CONTENT_TYPE): OpenApiResponse(Problem, "Any other failure"),
        }

    def get_override_parameters(self) -> list[Any]:
        """Return the query parameters, and the headers of requests and of answers."""
        asked = [self.view.Query] if self.view.Query().fields else []
        keyed = [_KEY] if self.method == "POST" else []
        counted = (
            [_header(*header, self.view.successes) for header in _LIMITS] if self.view.is_counted else []
        )
        started = [status for status in _STARTED if status in self.view.successes]
        waited = (
            [
                _PREFER,
                _header("Preference-Applied", str, "The wait, when it was asked for and kept", started),
                _header("Location", OpenApiTypes.URI_REF, "The work", started),
                _header("Retry-After", int, "Seconds to wait before asking", [202]),
            ]
            if 202 in started
            else []
        )
        paged = [_header(*header, [200]) for header in _NEIGHBOURS if "cursor" in self.view.Query().fields]
        tags = [_header(*header, [200, 304]) for header in _TAGS]
        conditional = [_KNOWN, *tags] if isinstance(self.view, Revalidated) else []
        return [*asked, *keyed, *waited, *counted, *paged, *conditional]

    def _resolve_path_parameters(self, variables: Any) -> list[dict[str, Any]]:
        found = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        schemas = {"symbol": SYMBOL_SCHEMA}
        return [
            {
                **item,
                "schema": schemas.get(item["name"], item["schema"]),
                "description": _described(item["name"]),
            }
            for item in found
        ]

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Return the class's name with that of the operation it belongs to: ListBarsRows."""
        return type(serializer).__qualname__.replace(".", "")


class _Endpoints(EndpointEnumerator):
    """Finds the operations behind `route`, in their canonical form only."""

    def should_include_endpoint(self, path: str, callback: Any) -> bool:
        return hasattr(callback, "operations") and not any(
            getattr(view.cls, "schema", None) is None for view in callback.operations.values()
        )

    def get_allowed_methods(self, callback: Any) -> list[str]:
        return list(callback.operations)


class Generator(SchemaGenerator):
    """Gives each method of an address its own operation."""

    endpoint_inspector_cls = _Endpoints

    def create_view(self, callback: Any, method: str, request: Any = None) -> Any:
        """Return the operation of this method."""
        return super().create_view(callback.operations[method], method, request)  # type: ignore[no-untyped-call]


class ShowSchema(Revalidated, PublicOperation):
    """Give the one document of all services, whichever answers."""

    schema = None

    def get(self, request: Request) -> HttpResponseBase:
        """Give it."""
        return self.tagged(
            f'"{document_hash()}"', lambda: HttpResponse(document(), content_type="application/json")
        )


def _header(name: str, type: Any, description: str, statuses: Sequence[int]) -> OpenApiParameter:
    return OpenApiParameter(name, type, "header", response=list(statuses), description=description)


def _answer(body: Any, status: int) -> OpenApiResponse:
    return OpenApiResponse(body, HTTPStatus(status).phrase)


def _described(parameter: str) -> str:
    name, is_id = parameter.removesuffix("_id").replace("_", " "), parameter.endswith("_id")
    return f"Id of the {name}" if is_id else f"The {name}"


def _docstring(view: Operation) -> tuple[str, str]:
    first, _, rest = inspect.cleandoc(type(view).__doc__ or "").partition("\n")
    return first, rest.strip()
