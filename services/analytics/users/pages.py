"""Pages to log in and out, to register, and to look after the own account; the same services as the API's."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from services.analytics.users.selectors import live_tokens, user_by_id
from services.analytics.users.services import (
    RegistrationClosed,
    change_password,
    create_named_token,
    log_in,
    register,
    revoke_token,
)
from shared.errors import BellwetherError, NotFound, ValidationFailed
from shared.http.pages import for_sessions, page, page_route
from shared.http.throttling import client_address
from shared.identity.authentication import session_of
from shared.identity.sessions import clear_session_cookie, set_session_cookie
from shared.identity.tokens import TOKEN_BYTES, Principal

HOME, ACCOUNT = "/", "/account/"
_LONGEST = {"username": 150, "name": 100}
_DONE = {
    "revoked": "The token is revoked; no service takes it any more.",
    "password": "The password is changed. All other sessions and tokens are ended.",
}
_own = partial(for_sessions, after=ACCOUNT)


def show_login(request: HttpRequest) -> HttpResponse:
    """Show the form, or send on whoever is logged in already."""
    if session_of(request):
        return HttpResponseRedirect(_next(request))
    return _login_form(request)


def take_login(request: HttpRequest) -> HttpResponse:
    """Log in and send on; what is wrong is said above the form."""
    try:
        return _logged_in(request, **_posted(request, "username", "password"))
    except BellwetherError as error:
        return _refused(_login_form(request, error), error)


def take_logout(request: HttpRequest) -> HttpResponse:
    """End the session, in all services at once."""
    caller = session_of(request)
    if caller:
        with suppress(NotFound):  # it ended at this very moment
            revoke_token(user_id=caller.public_id, token_id=caller.token_id)
    response = HttpResponseRedirect(HOME)
    clear_session_cookie(response)
    return response


def show_register(request: HttpRequest) -> HttpResponse:
    """Show the form. Raises RegistrationClosed."""
    if not settings.BELLWETHER["REGISTRATION_OPEN"]:
        raise RegistrationClosed("Accounts are made by the operator here; see REGISTRATION_OPEN.")
    return page(request, "register.html", {"username": request.POST.get("username", "")})


def take_register(request: HttpRequest) -> HttpResponse:
    """Make the account and log in; what is wrong is said above the form. Raises RegistrationClosed."""
    try:
        asked = _posted(request, "username", "password")
        register(**asked, email="", display_name="", address=client_address(request))
        return _logged_in(request, **asked)
    except RegistrationClosed:
        raise
    except BellwetherError as error:
        context = {"username": request.POST.get("username", ""), "error": error.detail}
        return _refused(page(request, "register.html", context), error)


@_own
def show_account(request: HttpRequest, caller: Principal) -> HttpResponse:
    """Show profile, tokens and the form to change the password."""
    return _account(request, caller, {"said": _DONE.get(request.GET.get("done", ""))})


@_own
def take_token(request: HttpRequest, caller: Principal) -> HttpResponse:
    """Make a token for a program and show it, this once."""
    try:
        issued = create_named_token(
            user_id=caller.public_id,
            by_token_id=caller.token_id,
            name=_posted(request, "name")["name"],
            expires_at=None,
            secret=secrets.token_bytes(TOKEN_BYTES),
        )
    except BellwetherError as error:
        return _refused(_account(request, caller, {"token_error": error.detail}), error)
    return _account(request, caller, {"issued": issued})


@_own
def take_revocation(request: HttpRequest, caller: Principal, token_id: UUID) -> HttpResponse:
    """End one token or session. Raises NotFound."""
    revoke_token(user_id=caller.public_id, token_id=token_id)
    return HttpResponseRedirect(f"{ACCOUNT}?done=revoked")


@_own
def take_password(request: HttpRequest, caller: Principal) -> HttpResponse:
    """Change the password; what is wrong is said above the form."""
    try:
        change_password(
            user_id=caller.public_id,
            keep_token_id=caller.token_id,
            address=client_address(request),
            **_posted(request, "current_password", "new_password"),
        )
    except BellwetherError as error:
        return _refused(_account(request, caller, {"password_error": error.detail}), error)
    return HttpResponseRedirect(f"{ACCOUNT}?done=password")


def _logged_in(request: HttpRequest, *, username: str, password: str) -> HttpResponse:
    issued = log_in(
        username=username,
        password=password,
        address=client_address(request),
        kind="session",
        secret=secrets.token_bytes(TOKEN_BYTES),
        now=timezone.now(),
        name=request.headers.get("User-Agent", "")[:100],
    )
    rotate_token(request)
    response = HttpResponseRedirect(_next(request))
    set_session_cookie(response, issued.text, secure=settings.SESSION_COOKIE_SECURE)
    return response


def _login_form(request: HttpRequest, error: BellwetherError | None = None) -> HttpResponse:
    context = {
        "error": error and error.detail,
        "username": request.POST.get("username", ""),
        "next": _next(request),
        "registration_open": settings.BELLWETHER["REGISTRATION_OPEN"],
    }
    return page(request, "login.html", context)


def _account(request: HttpRequest, caller: Principal, context: Mapping[str, Any]) -> HttpResponse:
    tokens = live_tokens(user_id=caller.public_id, current_token_id=caller.token_id)
    shown = {
        "caller": caller,
        "profile": user_by_id(caller.public_id),
        "tokens": tokens.order_by("kind", "-created_at", "-id"),
    }
    return page(request, "account.html", {**shown, **context})


def _next(request: HttpRequest) -> str:
    """Return where to go after logging in: an address of this site, whatever the link said."""
    address = request.POST.get("next") or request.GET.get("next") or HOME
    is_own = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_own else HOME


def _posted(request: HttpRequest, *names: str) -> dict[str, str]:
    """Return the fields of a form. Raises ValidationFailed for what could not even be looked up."""
    values = {name: request.POST.get(name, "") for name in names}
    for name, value in values.items():
        if "\0" in value or len(value) > _LONGEST.get(name, 1000):
            raise ValidationFailed(f"The field {name.replace('_', ' ')} cannot be used.", field=name)
    return values


def _refused(response: HttpResponse, error: BellwetherError) -> HttpResponse:
    response.status_code = error.status
    if error.retry_after_seconds is not None:
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


page_urlpatterns = [
    *page_route("login/", "login", get=show_login, post=take_login),
    *page_route("logout/", "logout", post=take_logout),
    *page_route("register/", "register", get=show_register, post=take_register),
    *page_route("account/", "account", get=show_account),
    *page_route("account/tokens/", "account-tokens", post=take_token),
    *page_route("account/tokens/<uuid:token_id>/revoke/", "account-token", post=take_revocation),
    *page_route("account/password/", "account-password", post=take_password),
]
