"""Addresses that fail in every way a view can."""

from typing import Any, NoReturn

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from django.template import TemplateDoesNotExist
from django.urls import path
from rest_framework.exceptions import Throttled

from shared.errors import InsufficientHistory
from shared.http.operations import PublicOperation, route

FAILURES: dict[str, Exception] = {
    "bug": RuntimeError("the password is hunter2"),
    "database": OperationalError("connection to 10.0.0.1 lost"),
    "missing": Http404("secret table"),
    "forbidden": PermissionDenied("secret rule"),
    "throttled": Throttled(wait=7),
    "expected": InsufficientHistory(symbol="A", needed_sessions=3, present_sessions=1),
}


class Fail(PublicOperation):
    """Fails as the address says."""

    def get(self, request: Any, how: str) -> NoReturn:
        """Fail."""
        raise FAILURES[how]


def plain_crash(request: Any) -> NoReturn:
    """Fail outside of Django REST framework."""
    raise RuntimeError("the password is hunter2")


def outside(request: Any, how: str) -> Any:
    """Fail outside of Django REST framework as the address says; otherwise forget to answer."""
    failures: dict[str, Exception] = {
        "template": TemplateDoesNotExist("secret.html"),
        "forbidden": PermissionDenied("secret rule"),
        "suspicious": SuspiciousOperation("secret rule"),
        "too-big": RequestDataTooBig("secret limit"),
        "missing": Http404("secret table"),
        "database": OperationalError("connection to 10.0.0.1 lost"),
        "expected": FAILURES["expected"],
    }
    if how in failures:
        raise failures[how]


urlpatterns = [
    *route("fail/<str:how>/", "fail", get=Fail),
    path("crash/", plain_crash),
    path("outside/<str:how>/", outside),
]
handler400 = "shared.http.problems.bad_request"
handler403 = "shared.http.problems.permission_denied"
handler404 = "shared.http.problems.not_found"
handler500 = "shared.http.problems.server_error"
