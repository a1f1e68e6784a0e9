"""Users at their older addresses; field names are taken in snake_case and in camelCase."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.analytics.users.api import (
    ChangeOwnUser,
    LogIn,
    NewToken,
    OpenOperation,
    RegisterUser,
    User,
    shown_once,
)
from services.analytics.users.selectors import user_by_id
from services.analytics.users.services import log_in, register, revoke_token, update_profile
from shared.http.compat import OlderAddress, OlderBody, OlderSchema
from shared.http.throttling import client_address
from shared.identity.sessions import clear_session_cookie


class _Schema(OlderSchema):
    """Describes an older address that has no pages, and whose methods may share an operation."""

    def get_operation_id(self) -> str:
        """Return a name for the method of the operation."""
        return f"{super().get_operation_id()}_{self.method.lower()}"


class _AtOlderAddress(OlderAddress):
    """An older address that no browser shows."""

    schema = _Schema()


class OlderRegister(_AtOlderAddress, OpenOperation):
    """Make an account."""

    class Input(OlderBody, RegisterUser.Input):
        """Who it is for."""

        example = {"username": "carla", "password": "seven quiet harbour lamps"}

    Output = User
    successes = (201,)
    problems = (403, 406, 409)
    successor = "users"

    def post(self, request: Request) -> Response:
        """Make it."""
        return Response(User(register(**self.body(), address=client_address(request))).data, 201)


class OlderLogIn(_AtOlderAddress, OpenOperation):
    """Log in: give a user name and a password, and get a token."""

    class Output(NewToken):
        """The token, and whose it is."""

        user = User()

    class Input(OlderBody, LogIn.Input):
        """Who it is."""

    problems = (401, 406, 409)
    keeps_answer = False
    successor = "tokens"

    def post(self, request: Request) -> Response:
        """Check the password, and answer with the token."""
        issued = log_in(
            **self.body(),
            address=client_address(request),
            kind="api",
            secret=self.new_secret(),
            now=timezone.now(),
        )
        return Response({**shown_once(issued), "user": User(issued.token.user).data})


class OlderLogOut(_AtOlderAddress):
    """Log out: end the token or session that asks, in all services at once."""

    class Output(serializers.Serializer[Any]):
        """That it is done."""

        detail = serializers.CharField()

    successor = "current-token"

    def post(self, request: Request) -> Response:
        """End it."""
        revoke_token(user_id=self.caller.public_id, token_id=self.caller.token_id)
        response = Response({"detail": "Logged out."})
        clear_session_cookie(response)
        return response


class OlderProfile(_AtOlderAddress):
    """Show the caller's account."""

    Output = User
    successor = "own-user"

    def get(self, request: Request) -> Response:
        """Show it."""
        return Response(User(user_by_id(self.caller.public_id)).data)


class OlderUpdateProfile(_AtOlderAddress):
    """Change the caller's email address or display name; what is not given stays."""

    class Input(OlderBody, ChangeOwnUser.Input):
        """What to change."""

    Output = User
    successor = "own-user"

    def post(self, request: Request) -> Response:
        """Change it."""
        return self.patch(request)

    def put(self, request: Request) -> Response:
        """Change it."""
        return self.patch(request)

    def patch(self, request: Request) -> Response:
        """Change it."""
        return Response(User(update_profile(user_id=self.caller.public_id, **self.body())).data)
