"""DRF authentication by token."""

from django.conf import settings
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from shared.identity.tokens import Principal, check_token


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
