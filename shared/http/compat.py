"""What the addresses of the older single-app system have in common; each app's `compat.py` holds its own.

They call the same services as the API under `/api/v1/` and name the canonical address in every answer. Those
that do work wait for it, and may be used with a browser: it is sent to the login page and shown pages.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, ValidationError
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from shared.errors import BellwetherError
from shared.eventstore.jobs import OPEN_STATES
from shared.http.fields import Choice, StrictSerializer
from shared.http.home import steps
from shared.http.operations import Operation
from shared.http.pages import LOGIN_ADDRESS, answer_page, browser_wants_html
from shared.http.schema import OperationSchema

WAIT_SECONDS = 25
DEPRECATED_AT = datetime(2026, 11, 20, tzinfo=UTC)  # the day `/api/v1/` had all that these addresses offer

_HUMP = re.compile(r"(?<=[a-z])[A-Z]")


class WorkFailed(BellwetherError):
    """Raised when the work that was waited for ended without a result; the answer is the problem it recorded."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.status = problem["status"]  # type: ignore[misc]  # it has the one of its problem
        self._problem = dict(problem)

    def as_problem(self) -> dict[str, Any]:
        """Return the recorded problem."""
        return self._problem


class OlderSchema(OperationSchema):
    """Describes an older address: deprecated, under a tag of its own, with its pages and where they send to."""

    def get_tags(self) -> list[str]:
        """Return the one tag of all older addresses."""
        return ["older"]

    def is_deprecated(self) -> bool:
        """Return that there is a canonical address for the same."""
        return True

    def get_response_serializers(self) -> Any:
        """Return the answers of any operation, with its `bodies`, and what browsers get."""
        view, answers = self.view, super().get_response_serializers()
        if view.bodies:
            del answers[200, view.media_type]
            answers |= {(200, kind): OpenApiResponse(body, "OK") for kind, body in view.bodies.items()}
        if isinstance(view, OlderOperation) and self.method == "GET":
            pages = [202] if view.bodies else view.successes
            answers |= {(status, "text/html"): OpenApiResponse(OpenApiTypes.STR, "") for status in pages}
            answers[302] = OpenApiResponse(None, "To the login page, for browsers without a session")
        return answers

    def get_override_parameters(self) -> list[Any]:
        """Return the parameters of any operation, and the headers that name the canonical address."""
        link = OpenApiParameter(
            "Link",
            str,
            "header",
            response=[*self.view.successes],
            description='The canonical address, `rel="successor-version"`',
        )
        return [*super().get_override_parameters(), link]


class PageOrRenderer(DefaultContentNegotiation):
    """Also takes what only a page can satisfy: the operation makes one, see OlderOperation."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the renderer of the JSON. Raises NotAcceptable."""
        if browser_wants_html(request) or "format" in request.query_params:
            return renderers[0], renderers[0].media_type
        return super().select_renderer(request, renderers, format_suffix)


class OlderQuery(StrictSerializer):
    """What each older address takes."""

    format = Choice(("json",), required=False, help_text="JSON whatever `Accept` says, for browsers too")


class OlderBody(StrictSerializer):
    """A body whose fields may be spelt in camelCase too, as older programs do."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values by their names in snake_case. Raises ValidationError."""
        values: dict[str, Any] = {}
        for name, value in data.items():
            field = _HUMP.sub(lambda found: f"_{found[0].lower()}", name)
            if field in values:
                raise ValidationError({field: "Give this field once."}, code="repeated")
            values[field] = value
        return super().to_internal_value(values)


class BothSpellings(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # found by its target
    """Describes a body's fields in both spellings."""

    target_class = OlderBody
    match_subclasses = True
    priority = 1  # before what describes every StrictSerializer

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the fields, and that there are no others."""
        known = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # noqa: SLF001 as documented
        twins = {
            re.sub("_([a-z])", lambda found: found[1].upper(), name): form
            for name, form in known["properties"].items()
        }
        return {**known, "properties": known["properties"] | twins, "additionalProperties": False}


class OlderAddress(Operation):
    """An older address. A subclass names the canonical one in `successor`.

    `bodies` says, by media type, what 200 gives in place of `Output`.
    """

    schema = OlderSchema()
    successor: ClassVar[str]
    bodies: ClassVar[Mapping[str, Any]] = {}

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the canonical address."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Link"] = f'<{reverse(self.successor)}>; rel="successor-version"'  # RFC 5829
        answer["Deprecation"] = f"@{DEPRECATED_AT.timestamp():.0f}"  # RFC 9745
        return answer


class OlderOperation(OlderAddress):
    """Work at an older address, which is waited for and shown to browsers as a page called `title`."""

    Query: type[StrictSerializer] = OlderQuery
    content_negotiation_class: type[BaseContentNegotiation] = PageOrRenderer
    successes = (200, 202)
    title: ClassVar[str]

    def finished(self, look: Callable[[], Any]) -> Any:
        """Return the work that `look` shows: done, or still open after the time to wait. Raises WorkFailed."""
        work = self.wait_for(look, default=WAIT_SECONDS)
        if work.state not in OPEN_STATES and work.problem:
            raise WorkFailed(work.problem)
        return work

    def handle_exception(self, exc: Exception) -> Any:
        """Send a browser that nobody is logged in with to the login page; answer all else as a problem."""
        unknown = isinstance(exc, (AuthenticationFailed, NotAuthenticated))
        if unknown and self._is_for_browser() and not self.request.headers.get("Authorization"):
            return redirect_to_login(self.request.get_full_path(), LOGIN_ADDRESS)
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Make the page for a browser."""
        if isinstance(response, Response) and not response.exception and self._is_for_browser():
            response = self._page(response)
        return super().finalize_response(request, response, *args, **kwargs)

    def _is_for_browser(self) -> bool:
        return self.request.method in ("GET", "HEAD") and browser_wants_html(self.request)

    def _page(self, response: Response) -> HttpResponse:
        symbol = self.kwargs["symbol"].upper()
        links = {word.capitalize(): url for word, url in steps(symbol).items() if url != self.request.path}
        page = answer_page(
            self.request, title=self.title.format(symbol=symbol), payload=response.data, links=links
        )
        page.status_code = response.status_code
        for name, value in response.items():
            page[name] = value
        if response.status_code == 202:
            page["Refresh"] = response["Retry-After"]  # which browsers heed, unlike Retry-After
        return page
