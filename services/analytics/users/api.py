"""Users and tokens over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.users.selectors import live_token, live_tokens, user_by_id
from services.analytics.users.services import (
    change_password,
    create_named_token,
    log_in,
    register,
    revoke_token,
    update_profile,
)
from shared.http.fields import Choice, StrictSerializer, Text, WholeNumber
from shared.http.operations import Operation, PublicOperation
from shared.http.pagination import Page, PageQuery, page_of
from shared.http.parsers import LongBodyParser
from shared.http.throttling import client_address
from shared.identity.sessions import clear_session_cookie
from shared.identity.tokens import Issued
from shared.identity.usernames import LONGEST as LONGEST_USERNAME
from shared.identity.validators import LONGEST_PASSWORD

LONGEST_EXPIRY_DAYS = 3650


def _password() -> Text:
    """Return a password field: what is given is taken as it is, to the last space."""
    return Text(max_length=LONGEST_PASSWORD, trim_whitespace=False)


class User(serializers.Serializer[Any]):
    """The account of the caller."""

    id = serializers.UUIDField(source="public_id")
    username = serializers.CharField()
    display_name = serializers.CharField()
    email = serializers.CharField()
    is_superuser = serializers.BooleanField()
    created_at = serializers.DateTimeField(source="date_joined")


class Token(serializers.Serializer[Any]):
    """A token or login session: its secret is not shown again, but `prefix`, with which it begins."""

    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    kind = Choice(("api", "session"))
    prefix = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute")
    expires_at = serializers.DateTimeField(allow_null=True)
    current = serializers.BooleanField(default=False, help_text="Whether it is the one that asks")


class NewToken(Token):
    """A token with its secret, which is never shown again."""

    token = serializers.CharField()


class OpenOperation(PublicOperation):
    """An operation for those who have no token yet: counted, and strict about media types like all others."""

    is_counted = True
    content_negotiation_class = DefaultContentNegotiation  # type: ignore[assignment]  # not a kind of the parent's
    parser_classes = (LongBodyParser,)


class RegisterUser(OpenOperation):
    """Make an account.

    Where registration is closed, only the operator makes accounts.
    """

    class Input(StrictSerializer):
        """Who it is for. Names are folded: all ways to write one are the same account."""

        example = {"username": "anna", "password": "seven quiet harbour lamps"}

        username = Text(max_length=LONGEST_USERNAME)
        password = _password()
        email = serializers.EmailField(max_length=254, allow_blank=True, default="")
        display_name = Text(max_length=150, allow_blank=True, default="")

    Output = User
    successes = (201,)
    problems = (403, 406, 409)

    def post(self, request: Request) -> Response:
        """Make it."""
        user = register(**self.body(), address=client_address(request))
        return Response(User(user).data, 201, headers={"Location": reverse("own-user")})


class ShowOwnUser(Operation):
    """Show the caller's account."""

    Output = User

    def get(self, request: Request) -> Response:
        """Show it."""
        return Response(User(user_by_id(self.caller.public_id)).data)


class ChangeOwnUser(Operation):
    """Change the caller's email address or display name."""

    class Input(StrictSerializer):
        """What to change; the rest stays."""

        example = {"display_name": "Anna"}

        email = serializers.EmailField(max_length=254, allow_blank=True, required=False)
        display_name = Text(max_length=150, allow_blank=True, required=False)

    Output = User

    def patch(self, request: Request) -> Response:
        """Change it."""
        return Response(User(update_profile(user_id=self.caller.public_id, **self.body())).data)


class ChangePassword(Operation):
    """Change the caller's password.

    All other tokens and sessions of the caller end at once, in all services.
    """

    class Input(StrictSerializer):
        """The password that is, and the one that shall be."""

        example = {
            "current_password": "seven quiet harbour lamps",
            "new_password": "eight quiet harbour lamps",
        }

        current_password = _password()
        new_password = _password()

    Output = OpenApiTypes.NONE
    successes = (204,)
    parser_classes = (LongBodyParser,)

    def post(self, request: Request) -> Response:
        """Change it."""
        change_password(
            user_id=self.caller.public_id,
            keep_token_id=self.caller.token_id,
            address=client_address(request),
            **self.body(),
        )
        return Response(status=204)


class LogIn(OpenOperation):
    """Log in: give a user name and a password, and get a token.

    It is taken for ten hours, or until it was not used for one. The answer is the same for an unknown name, a
    wrong password and an inactive account. After five wrong passwords in a minute it is 429.
    """

    class Input(StrictSerializer):
        """Who logs in; `name` is how the token is listed."""

        example = {"username": "anna", "password": "seven quiet harbour lamps", "name": "notebook"}

        username = Text(max_length=LONGEST_USERNAME)
        password = _password()
        name = Text(max_length=100, default="")

    Output = NewToken
    successes = (201,)
    problems = (401, 406, 409)
    keeps_answer = False

    def post(self, request: Request) -> Response:
        """Check the password, and answer with the token."""
        issued = log_in(
            **self.body(),
            address=client_address(request),
            kind="api",
            secret=self.new_secret(),
            now=timezone.now(),
        )
        return _created(issued)


class CreateToken(Operation):
    """Make a named token for a program; it is shown in this answer and never again.

    It is taken until it is revoked, or for `expires_in_days`.
    """

    class Input(StrictSerializer):
        """What it is called, and how long it is taken."""

        example = {"name": "notebook", "expires_in_days": 90}

        name = Text(max_length=100)
        expires_in_days = WholeNumber(min_value=1, max_value=LONGEST_EXPIRY_DAYS, required=False)

    Output = NewToken
    successes = (201,)
    problems = (409,)
    keeps_answer = False

    def post(self, request: Request) -> Response:
        """Make it."""
        asked = self.body()
        days = asked.get("expires_in_days")
        issued = create_named_token(
            user_id=self.caller.public_id,
            by_token_id=self.caller.token_id,
            name=asked["name"],
            expires_at=None if days is None else timezone.now() + timedelta(days=days),
            secret=self.new_secret(),
        )
        return _created(issued)


class ListTokens(Operation):
    """List the caller's tokens and login sessions, newest first, without those that have ended."""

    Query = PageQuery

    class Output(Page):
        """A page of tokens."""

        results = Token(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        rows = live_tokens(user_id=self.caller.public_id, current_token_id=self.caller.token_id)
        return page_of(self, self.Output, rows)


class ShowToken(Operation):
    """Show one of the caller's tokens or sessions."""

    Output = Token
    problems = (404,)

    def get(self, request: Request, token_id: UUID) -> Response:
        """Show it."""
        found = live_token(token_id, user_id=self.caller.public_id, current_token_id=self.caller.token_id)
        return Response(Token(found).data)


class RevokeToken(Operation):
    """End one of the caller's tokens or sessions, in all services at once."""

    Output = OpenApiTypes.NONE
    successes = (204,)
    problems = (404,)

    def delete(self, request: Request, token_id: UUID) -> Response:
        """End it."""
        revoke_token(user_id=self.caller.public_id, token_id=token_id)
        return Response(status=204)


class LogOut(Operation):
    """Log out: end the token or session that asks, in all services at once."""

    Output = OpenApiTypes.NONE
    successes = (204,)

    def delete(self, request: Request) -> Response:
        """End it."""
        revoke_token(user_id=self.caller.public_id, token_id=self.caller.token_id)
        response = Response(status=204)
        clear_session_cookie(response)
        return response


def shown_once(issued: Issued) -> dict[str, Any]:
    """Return a new token with its secret."""
    return {**Token(issued.token).data, "token": issued.text}


def _created(issued: Issued) -> Response:
    location = reverse("token", args=[issued.token.public_id])
    return Response(shown_once(issued), 201, headers={"Location": location})
