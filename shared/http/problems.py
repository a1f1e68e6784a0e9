"""Every error as `application/problem+json` (RFC 9457) with a stable slug, and never a stack trace."""

import json
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from drf_standardized_errors.formatter import flatten_errors
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import exceptions
from rest_framework.response import Response

from shared.errors import BellwetherError, NotFound

CONTENT_TYPE = "application/problem+json"
_SLUGS: dict[int, tuple[str, str]] = {
    400: ("bad-request", "The request cannot be understood"),
    401: ("not-authenticated", "A valid token is needed"),
    403: ("permission-denied", "This is not allowed"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "This method is not allowed here"),
    406: ("not-acceptable", "No acceptable format"),
    413: ("body-too-large", "The body is too large"),
    415: ("unsupported-media-type", "This media type is not taken"),
    429: ("too-many-requests", "Too many requests"),
    500: ("internal-error", "Internal error"),
    503: ("unavailable", "Temporarily unavailable"),
}


class Unavailable(BellwetherError):
    """Raised when the database does not answer; the request may be repeated."""

    status, slug, title = 503, "unavailable", "Temporarily unavailable"


def exception_handler(exc: Exception, context: Any) -> Response | None:
    """Return the problem answer for anything a view raised; DRF's setting EXCEPTION_HANDLER names this."""
    if isinstance(exc, (OperationalError, InterfaceError)):
        exc = Unavailable("The database does not answer. Try again shortly.")
    if isinstance(exc, Http404):
        exc = NotFound("There is nothing at this address.")
    path = context["request"].path
    if isinstance(exc, BellwetherError):
        headers = {"Retry-After": "5"} if exc.status == 503 else None
        body = {**exc.as_problem(), "instance": path}
        response = Response(body, status=exc.status, headers=headers, content_type=CONTENT_TYPE)
    else:
        answered = _ProblemHandler(exc, context).run()
        if answered is None:
            return None
        response = answered
    response.content_type = CONTENT_TYPE
    return response


class _ProblemHandler(ExceptionHandler):
    def format_exception(self, exc: exceptions.APIException) -> dict[str, Any]:
        path = self.context["request"].path
        if isinstance(exc, exceptions.ValidationError):
            errors = [
                {"attr": error.attr, "code": error.code, "detail": error.detail} for error in flatten_errors(exc.detail)
            ]
            named = "; ".join(f"{error['attr']}: {error['detail']}" for error in errors[:5])
            return {
                "type": "/problems/validation-error",
                "title": "The request is not valid",
                "status": 400,
                "detail": named,
                "instance": path,
                "errors": errors,
            }
        detail = str(exc.detail) if exc.status_code < 500 else "An unexpected error was logged."
        return problem_body(exc.status_code, detail=detail, instance=path)


def problem_body(status: int, *, detail: str, instance: str) -> dict[str, Any]:
    """Return the members of a problem that no error class stands for."""
    slug, title = _SLUGS.get(status, _SLUGS[400])
    return {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail, "instance": instance}


def problem_response(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """Return a problem outside of DRF: unknown addresses, foreign hosts, crashes."""
    body = json.dumps(problem_body(status, detail=detail, instance=request.path))
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses before any view runs, such as a foreign Host."""
    return problem_response(request, 400, "The request was refused before it was read.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown address."""
    return problem_response(request, 404, "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a crash outside of DRF."""
    return problem_response(request, 500, "An unexpected error was logged.")
