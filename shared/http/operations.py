"""One class per operation, and the addresses that lead to it."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.response import Response
from rest_framework.views import APIView

from shared.http.fields import StrictSerializer
from shared.http.problems import problem_response

RETRY_AFTER_SECONDS = 1


class Operation(APIView):
    """Base of every operation of the API: one method of one address.

    A subclass says with nested serializers what it takes (`Query` and `Input`; nothing by default) and gives
    (`Output`), with `successes` the statuses it answers, and with `problems` those that it may fail with
    beside what can happen to any request. The OpenAPI document is made from these.
    """

    Query: type[StrictSerializer] = StrictSerializer
    Input: type[StrictSerializer] = StrictSerializer
    Output: type[serializers.Serializer[Any]] | OpenApiTypes
    media_type: ClassVar[str] = "application/json"
    successes: ClassVar[tuple[int, ...]] = (200,)
    problems: ClassVar[tuple[int, ...]] = ()
    query: dict[str, Any]

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Check the caller, then the query string; `self.query` holds its values."""
        super().initial(request, *args, **kwargs)
        repeated = sorted(name for name, values in request.query_params.lists() if len(values) > 1)
        if repeated:
            raise ValidationError(dict.fromkeys(repeated, "Give this parameter once."), code="repeated")
        self.query = _validated(self.Query, request.query_params.dict())

    def body(self) -> dict[str, Any]:
        """Return the validated body. Raises ValidationError."""
        return _validated(self.Input, self.request.data)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return none: DRF's `Allow` would know of this operation only, and `route` knows all of the address."""
        return {}


class AnyAccept(BaseContentNegotiation):
    """For addresses that name their own format: what the caller accepts is not asked."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """Return the only parser."""
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the only renderer."""
        return renderers[0], renderers[0].media_type


class PublicOperation(Operation):
    """An operation that needs no token, for programs of all sorts."""

    authentication_classes = ()
    permission_classes = ()
    content_negotiation_class = AnyAccept


def started(body: Any, *, location: str, state: str) -> Response:
    """Return the answer to a request for work: 202 while it is under way, 200 when it was done before."""
    if state in {"queued", "running", "waiting_quota"}:
        return Response(body, 202, headers={"Location": location, "Retry-After": str(RETRY_AFTER_SECONDS)})
    return Response(body, 200, headers={"Location": location})


def route(address: str, name: str, **operations: type[Operation]) -> list[URLPattern]:
    """Return the address with its operations by method (`get=...`), with and without its final slash.

    The form given is the canonical one, which `name` and the OpenAPI document mean.
    """
    views = {method.upper(): operation.as_view() for method, operation in operations.items()}
    view = _by_method(views)
    # Only the canonical form is described: see shared/http/schema.py.
    view.operations = views  # type: ignore[attr-defined]
    other = address.removesuffix("/") if address.endswith("/") else f"{address}/"
    return [path(address, view, name=name), path(other, _by_method(views))]


def _by_method(views: dict[str, Any]) -> Callable[..., HttpResponseBase]:
    answering = {**views, "HEAD": views["GET"]} if "GET" in views else views
    allowed = ", ".join(answering)

    def view(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        if request.method not in answering:
            return problem_response(request, 405, f"Permitted here: {allowed}.", {"Allow": allowed})
        answer: HttpResponseBase = answering[request.method](request, **arguments)
        return answer

    return view


def _validated(serializer: type[StrictSerializer], data: Any) -> dict[str, Any]:
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    values: dict[str, Any] = checked.validated_data
    return values
