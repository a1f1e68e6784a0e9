"""Every error as `application/problem+json` (RFC 9457) with a stable slug, and never a stack trace."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from drf_spectacular.utils import extend_schema_field
from drf_standardized_errors.formatter import flatten_errors
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import exceptions, serializers
from rest_framework.response import Response

from shared.errors import BellwetherError, CsrfFailed, NotFound, ValidationFailed
from shared.eventstore.outages import is_unavailable
from shared.http.parsers import BodyTooLarge
from shared.observability.correlation import current_cause

CONTENT_TYPE = "application/problem+json"
SLUGS: dict[int, tuple[str, str]] = {
    400: ("malformed-request", "The request cannot be understood"),
    401: ("not-authenticated", "A valid token is needed"),
    403: ("permission-denied", "This is not allowed"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "This method is not allowed here"),
    406: ("not-acceptable", "No acceptable format"),
    412: ("precondition-failed", "A condition of the request does not hold"),
    413: ("body-too-large", "The body is too large"),
    415: ("unsupported-media-type", "This media type is not taken"),
    429: ("too-many-requests", "Too many requests"),
    500: ("internal-error", "Internal error"),
    503: ("unavailable", "Temporarily unavailable"),
}


# What the framework says of these is true and helps nobody.
_ADVICE: dict[type[exceptions.APIException], str] = {
    exceptions.NotAuthenticated: (
        "Send the header `Authorization: Token bw_...`; POST /api/v1/tokens/, /account/ and"
        " `bellwether token create` make tokens."
    ),
    exceptions.UnsupportedMediaType: "Send JSON and the header `Content-Type: application/json`.",
}


class Unavailable(BellwetherError):
    """Raised when the database does not answer; the request may be repeated."""

    status, slug, title = 503, "unavailable", "Temporarily unavailable"
    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("The database does not answer. Try again shortly.")


class FieldError(serializers.Serializer[Any]):
    """What is wrong with one field or query parameter."""

    attr = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    detail = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """An error as RFC 9457 has it; some kinds add members, such as `needed_sessions`."""

    type = serializers.CharField(help_text="`/problems/` and the code")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(required=False, help_text="A stable word for programs")
    instance = serializers.CharField(required=False, help_text="The path that was asked")
    request_id = serializers.UUIDField(required=False, help_text="Under which the log has the request")
    errors = FieldError(many=True, required=False)  # type: ignore[assignment]  # hides a property not used here


@extend_schema_field(Problem)
class ProblemField(serializers.JSONField):
    """Why a piece of work has no result, as its event recorded it."""


def exception_handler(exc: Exception, context: Any) -> Response | None:
    """Return the problem answer for anything a view raised; DRF's setting EXCEPTION_HANDLER names this."""
    if is_unavailable(exc):
        exc = Unavailable()
    elif isinstance(exc, Http404):
        exc = NotFound("There is nothing at this address; /api/docs/ lists all there are.")
    elif isinstance(exc, RequestDataTooBig):
        exc = BodyTooLarge(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    elif isinstance(exc, (SuspiciousOperation, UnreadablePostError)):
        exc = exceptions.ParseError("The request was refused before it was read.")
    if isinstance(exc, BellwetherError):
        wait = exc.retry_after_seconds
        headers = {} if wait is None else {"Retry-After": str(wait)}
        if exc.status == 401:
            headers["WWW-Authenticate"] = "Token"
        response = Response(_of_error(exc, context["request"]), status=exc.status, headers=headers)
    else:
        answered = _ProblemHandler(exc, context).run()
        if answered is None:
            return None
        response = answered
    response.content_type = CONTENT_TYPE
    return response


class _ProblemHandler(ExceptionHandler):
    """Formats what Django REST framework raises, and reports what nobody expected to the log."""

    def format_exception(self, exc: exceptions.APIException) -> dict[str, Any]:
        request = self.context["request"]
        if isinstance(exc, exceptions.ValidationError):
            errors = [
                {"attr": error.attr, "code": error.code, "detail": error.detail}
                for error in flatten_errors(exc.detail)
            ]
            named = "; ".join(f"{error['attr']}: {error['detail']}" for error in errors[:5])
            return {**_of_error(ValidationFailed(named), request), "errors": errors}
        detail = str(exc.detail) if exc.status_code < 500 else "An unexpected error was logged."
        return problem_body(request, exc.status_code, _ADVICE.get(type(exc), detail))


def problem_body(request: Any, status: int, detail: str) -> dict[str, Any]:
    """Return the members of a problem that no error class stands for."""
    slug, title = SLUGS.get(status, SLUGS[400])
    return _placed({"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}, request)


def problem_response(
    request: HttpRequest, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a problem outside of DRF: unknown addresses and methods, foreign hosts, crashes."""
    body = json.dumps(problem_body(request, status, detail))
    return HttpResponse(body, status=status, headers=headers, content_type=CONTENT_TYPE)


def error_response(request: HttpRequest, error: BellwetherError) -> HttpResponse:
    """Return the problem of an expected failure outside of DRF."""
    wait = error.retry_after_seconds
    headers = None if wait is None else {"Retry-After": str(wait)}
    body = json.dumps(_of_error(error, request))
    return HttpResponse(body, status=error.status, headers=headers, content_type=CONTENT_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses before any view runs."""
    if isinstance(exception, RequestDataTooBig):
        return problem_response(request, 413, "The body is too large.")
    return problem_response(request, 400, "The request was refused before it was read.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what the caller may not do, outside of DRF."""
    return problem_response(request, 403, "This is not allowed.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that was not sent from our own page."""
    detail = (
        "The form was sent from another site or is too old. Go back, load the page again, and send it again."
    )
    return error_response(request, CsrfFailed(detail))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown address."""
    return problem_response(request, 404, "There is nothing at this address; /api/docs/ lists all there are.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what was raised outside of DRF, as by a page of the admin; Django asks while it handles the exception."""
    error = sys.exception()
    if isinstance(error, BellwetherError):
        return error_response(request, error)
    if isinstance(error, Exception) and is_unavailable(error):
        return error_response(request, Unavailable())
    return problem_response(request, 500, "An unexpected error was logged.")


def _of_error(error: BellwetherError, request: Any) -> dict[str, Any]:
    body = error.as_problem()
    if isinstance(error, ValidationFailed) and "field" in error.extra:
        # One shape for every field error, whichever layer found it.
        code = error.slug.replace("-", "_")
        body["errors"] = [{"attr": body.pop("field"), "code": code, "detail": error.detail}]
    return _placed(body, request)


def _placed(body: dict[str, Any], request: Any) -> dict[str, Any]:
    """Add what only this request knows; its id stands in the log too."""
    code = body["type"].rpartition("/")[2]
    return {**body, "code": code, "instance": request.path, "request_id": str(current_cause().correlation_id)}
