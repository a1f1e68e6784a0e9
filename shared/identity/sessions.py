"""Login sessions of browsers: a token of kind `session` in a cookie that scripts cannot read."""

from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from shared.identity.authentication import SESSION_COOKIE, session_of
from shared.identity.models import User

LIFETIME = timedelta(hours=10)
IDLE_LIMIT = timedelta(hours=1)


def user_of(request: HttpRequest) -> User | AnonymousUser:
    """Return the user whom the session cookie names, as pages and the admin know users."""
    caller = session_of(request)
    found = caller and User.objects.using("identity").filter(public_id=caller.public_id).first()
    return found or AnonymousUser()


def set_session_cookie(response: HttpResponseBase, text: str, *, secure: bool) -> None:
    """Give the browser its session."""
    response.set_cookie(SESSION_COOKIE, text, max_age=LIFETIME, secure=secure, httponly=True, samesite="Lax")


def clear_session_cookie(response: HttpResponseBase) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(SESSION_COOKIE, samesite="Lax")
