"""Is the process alive, and can it do its work?"""

from typing import Any

from django.conf import settings
from django.db import Error, connections
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from shared.http.operations import PublicOperation


class CheckLiveness(PublicOperation):
    """Answer as long as the process runs; touches nothing."""

    class Output(serializers.Serializer[Any]):
        """That it runs."""

        status = serializers.CharField()

    def get(self, request: Request) -> Response:
        """Say so."""
        return Response({"status": "ok"})


class CheckReadiness(PublicOperation):
    """Answer 200 when every database alias answers and is migrated, 503 naming the checks that fail."""

    class Output(serializers.Serializer[Any]):
        """What each database alias says: `ok`, `not migrated` or `unreachable`."""

        status = serializers.CharField()
        checks = serializers.DictField(child=serializers.CharField())

    successes = (200, 503)

    def get(self, request: Request) -> Response:
        """Ask every alias."""
        checks = {alias: _check(alias) for alias in settings.DATABASES if alias != "default"}
        healthy = bool(checks) and all(state == "ok" for state in checks.values())
        return Response(
            {"status": "ok" if healthy else "unavailable", "checks": checks}, status=200 if healthy else 503
        )


def _check(alias: str) -> str:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
            return "ok" if cursor.fetchone()[0] else "not migrated"
    except Error:
        connections[alias].close()
        return "unreachable"
