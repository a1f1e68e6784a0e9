"""Operations that make things, for callers who repeat themselves."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.response import Response

from shared.http.fields import StrictSerializer, WholeNumber
from shared.http.operations import Operation, route

CALLS: list[UUID] = []
EFFECTS: dict[UUID, int] = {}
AFTER_THE_EFFECT: list[Callable[[], None]] = []


class Killed(BaseException):
    """What a process that ends in the middle of a request looks like from inside."""


class Made(serializers.Serializer[Any]):
    """What was made."""

    id = serializers.UUIDField()
    amount = serializers.IntegerField()


class Make(Operation):
    """Make one thing of an amount; what has its id already is not made twice, as in the record."""

    authentication_classes = ()
    permission_classes = ()

    class Input(StrictSerializer):
        """Of which amount."""

        amount = WholeNumber()

    Output = Made

    def post(self, request: Any) -> Response:
        """Make it."""
        amount = self.body()["amount"]
        thing = self.new_id()
        CALLS.append(thing)
        EFFECTS[thing] = amount
        if AFTER_THE_EFFECT:
            AFTER_THE_EFFECT.pop(0)()
        return Response(Made({"id": thing, "amount": amount}).data, 201, headers={"Location": f"/{thing}/"})


class MakeSecret(Make):
    """Make a thing whose id nobody may keep."""

    keeps_answer = False


urlpatterns = [
    *route("things/", "things", post=Make),
    *route("others/", "others", post=Make),
    *route("secrets/", "secrets", post=MakeSecret),
]
