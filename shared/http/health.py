"""Is the process alive, and can it do its work?"""

from django.conf import settings
from django.db import Error, connections
from django.http import HttpRequest, JsonResponse


def livez(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process runs; touches nothing."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when every database alias answers and is migrated, 503 naming the checks that fail."""
    checks = {alias: _check(alias) for alias in settings.DATABASES if alias != "default"}
    healthy = all(state == "ok" for state in checks.values())
    return JsonResponse({"status": "ok" if healthy else "unavailable", "checks": checks}, status=200 if healthy else 503)


def _check(alias: str) -> str:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
            return "ok" if cursor.fetchone()[0] else "not migrated"
    except Error:
        connections[alias].close()
        return "unreachable"


