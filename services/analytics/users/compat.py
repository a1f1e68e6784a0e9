"""Users at their older addresses; field names are taken in snake_case and in camelCase."""

import re
from typing import Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
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
from shared.http.compat import DEPRECATED_AT, OlderSchema
from shared.http.operations import Operation
from shared.http.schema import OperationSchema
from shared.http.throttling import client_address
from shared.identity.sessions import clear_session_cookie


class _Schema(OlderSchema):
    """Describes an older address that has no pages, and whose methods may share an operation."""

    def get_operation_id(self) -> str:
        """Return a name for the method of the operation."""
        return f"{super().get_operation_id()}_{self.method.lower()}"

    def get_response_serializers(self) -> Any:
        """Return the answers of any operation."""
        return OperationSchema.get_response_serializers(self)


class _AtOlderAddress(Operation):
    """Names the canonical address, of `successor`, in every answer, and takes fields in both spellings."""

    schema = _Schema()
    successor: ClassVar[str]

    def body(self) -> dict[str, Any]:
        """Return the validated body. Raises ValidationError."""
        data: dict[str, Any] = {}
        for name, value in dict(self.request.data).items():
            field = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
            if field in data:
                raise ValidationError({field: "Give this field once."}, code="repeated")
            data[field] = value
        checked = self.Input(data=data)
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the canonical address."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Link"] = f'<{reverse(self.successor)}>; rel="successor-version"'  # RFC 5829
        answer["Deprecation"] = f"@{DEPRECATED_AT.timestamp():.0f}"  # RFC 9745
        return answer


class OlderRegister(_AtOlderAddress, OpenOperation):
    """Make an account."""

    class Input(RegisterUser.Input):
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

    Input = LogIn.Input
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

    Input = ChangeOwnUser.Input
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
