"""Who calls: by a token in the header, or in a browser by the one in the session cookie."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import BaseAuthentication, CSRFCheck, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from shared.errors import CsrfFailed
from shared.identity.tokens import Principal, check_token

SESSION_COOKIE = "bellwether_session"


class TokenAuthentication(BaseAuthentication):
    """Takes `Authorization: Token <token>` or `Bearer <token>`."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        """Return the caller, None without the header. Raises AuthenticationFailed for any other content."""
        header = get_authorization_header(request)
        if not header:
            return None
        parts = header.split()
        if len(parts) != 2 or parts[0].lower() not in (b"token", b"bearer"):
            raise AuthenticationFailed("The Authorization header should be `Token <token>`.")
        principal = check_token(parts[1].decode("ascii", errors="replace"), alias=settings.TOKEN_CHECK_ALIAS)
        if principal is None:
            raise AuthenticationFailed("The token is unknown, revoked or expired.")
        return principal, None

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401 answer."""
        return "Token"


class SessionAuthentication(BaseAuthentication):
    """Takes the session cookie; what changes anything must also show that one of our own pages sent it."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        """Return the caller, None without a session. Raises CsrfFailed."""
        principal = session_of(request)
        if principal is None:
            return None
        check = CSRFCheck(_nothing)
        check.process_request(request)
        reason = check.process_view(request, _nothing, (), {})
        if reason:
            raise CsrfFailed(f"With a session cookie, send the CSRF token in X-CSRFToken: {reason}")
        return principal, None


def session_of(request: HttpRequest | Request) -> Principal | None:
    """Return the caller whom the session cookie names, None without one or when its session has ended."""
    text = request.COOKIES.get(SESSION_COOKIE)
    return check_token(text, alias=settings.TOKEN_CHECK_ALIAS, kind="session") if text else None


def _nothing(request: HttpRequest) -> HttpResponse:
    """Stand where the check, being a middleware too, wants a view."""
    return HttpResponse()
