"""What surrounds every request: its correlation id, the check of its host, and the headers of every answer."""

import time
from collections.abc import Callable
from uuid import UUID

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from uuid6 import uuid7

from shared.http.pages import problem_page
from shared.http.problems import problem_response
from shared.observability import metrics
from shared.observability.correlation import Cause, caused_by

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with less, browsers hide from our own forms where they come from
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class RequestContext:
    """Gives each request a correlation id: the caller's `X-Request-ID` when it is a UUID, else a new one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Run the request inside its cause and complete the answer's headers."""
        began_at = time.perf_counter()
        correlation_id = _uuid_or_none(request.headers.get("X-Request-ID", "")) or UUID(str(uuid7()))
        with caused_by(Cause(correlation_id)):
            response = problem_page(request, self._answer(request))
        response["X-Request-ID"] = str(correlation_id)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        # Django leaves the body to the server, and gunicorn warns about each. A static file has none here.
        if request.method == "HEAD" and not response.streaming:
            response["Content-Length"], response.content = str(len(response.content)), b""
        _count(request, response, time.perf_counter() - began_at)
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost:
            return problem_response(request, 400, "This host is not served here; see ALLOWED_HOSTS.")
        return self._get_response(request)


def _count(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    """Count a request under its route's name: paths and strange methods are the caller's to choose, so no labels."""
    found = request.resolver_match
    route = getattr(found.func, "route_name", found.view_name) if found else "unrouted"
    method = request.method if request.method in _METHODS else "OTHER"
    metrics.HTTP_REQUESTS.labels(route, method, response.status_code).inc()
    metrics.HTTP_SECONDS.labels(route, method).observe(seconds)


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
