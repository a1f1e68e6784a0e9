"""The OpenAPI document, made from what the operations say of themselves."""

import inspect
import re
from functools import cache
from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from shared.http.operations import Operation, PublicOperation
from shared.http.problems import CONTENT_TYPE, Problem

_ALWAYS = (400,)
_WITH_TOKEN = (401, 406)
_WITH_BODY = (413, 415)
_STARTED = (200, 202)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # found by its target
    """Describes the token header."""

    target_class = "shared.identity.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme: `Authorization: Bearer`, as which `Token` is taken too."""
        return {"type": "http", "scheme": "bearer", "description": "`Token <token>` is taken as well."}


class ChoiceScheme(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # found by its target
    """Describes one of a few words."""

    target_class = "shared.http.fields.Choice"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the words."""
        return {"type": "string", "enum": list(self.target.choices)}


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
        return self.view.Input if self.method == "POST" else None

    def get_response_serializers(self) -> Any:
        """Return the body of each status: `Output` for successes and the one problem for the rest."""
        output, media_type = self.view.Output, self.view.media_type
        public = isinstance(self.view, PublicOperation)
        failures = {*_ALWAYS, *self.view.problems, *(() if public else _WITH_TOKEN)}
        failures |= set(_WITH_BODY) if self.method == "POST" else set()
        return {
            **{(status, media_type): _answer(output, status) for status in self.view.successes},
            **{(status, CONTENT_TYPE): _answer(Problem, status) for status in sorted(failures)},
            ("default", CONTENT_TYPE): OpenApiResponse(Problem, "Any other failure"),
        }

    def get_override_parameters(self) -> list[Any]:
        """Return the query parameters, and the headers of answers that tell where the work is."""
        asked = [self.view.Query] if self.view.Query().fields else []
        started = [status for status in _STARTED if status in self.view.successes]
        if 202 not in started:
            return asked
        return [
            *asked,
            OpenApiParameter(
                "Location", OpenApiTypes.URI_REF, "header", response=started, description="The work"
            ),
            OpenApiParameter(
                "Retry-After", int, "header", response=[202], description="Seconds to wait before asking"
            ),
        ]

    def _get_serializer_name(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> str:
        found = getattr(serializer, "child", serializer)
        return type(found).__qualname__.replace(".", "")


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


class ShowSchema(PublicOperation):
    """Give this document."""

    schema = None

    def get(self, request: Request) -> Response:
        """Return the OpenAPI document of all addresses served here."""
        return Response(_document())


def _answer(body: Any, status: int) -> OpenApiResponse:
    return OpenApiResponse(body, HTTPStatus(status).phrase)


def _docstring(view: Operation) -> tuple[str, str]:
    first, _, rest = inspect.cleandoc(type(view).__doc__ or "").partition("\n")
    return first, rest.strip()


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = Generator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return document
