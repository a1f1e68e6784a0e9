"""Who looks at a page: `request.user` by the session cookie."""

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from shared.identity.sessions import user_of


class SessionUser(AuthenticationMiddleware):
    """Stands where Django and its admin expect their own middleware, and asks the database only when asked."""

    def process_request(self, request: HttpRequest) -> None:
        """Set the user."""
        request.user = SimpleLazyObject(lambda: user_of(request))  # type: ignore[assignment]  # stands for a user
