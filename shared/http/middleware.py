"""What surrounds every request: its correlation id, and the headers of every answer."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from uuid6 import uuid7

from shared.observability.correlation import Cause, caused_by

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class RequestContext:
    """Gives each request a correlation id: the caller's `X-Request-ID` when it is a UUID, else a new one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Run the request inside its cause and complete the answer's headers."""
        correlation_id = _uuid_or_none(request.headers.get("X-Request-ID", "")) or uuid7()
        with caused_by(Cause(UUID(str(correlation_id)))):
            response = self._get_response(request)
        response["X-Request-ID"] = str(correlation_id)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
