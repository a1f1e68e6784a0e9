"""Addresses that every service answers: health, its OpenAPI document, and what explains both to people."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import re_path, resolve
from django.views.decorators.csrf import csrf_exempt

from shared.http.docs import docs_urlpatterns
from shared.http.health import CheckLiveness, CheckReadiness
from shared.http.home import home_urlpatterns
from shared.http.metrics import metrics_urlpatterns
from shared.http.operations import route
from shared.http.problem_kinds import problem_urlpatterns
from shared.http.schema import ShowSchema


@csrf_exempt  # the operation that answers checks it where a cookie is believed
def unversioned(request: HttpRequest, rest: str) -> HttpResponseBase:
    """Answer `/api/...` as `/api/v1/...`, which is what the answer's links say too."""
    request.path = request.path_info = f"/api/v1/{rest}"
    request.resolver_match = resolve(request.path)
    view: Any = request.resolver_match.func
    answer: HttpResponseBase = view(request, **request.resolver_match.kwargs)
    return answer


shared_urlpatterns = [
    *route("livez", "livez", get=CheckLiveness),
    *route("readyz", "readyz", get=CheckReadiness),
    *metrics_urlpatterns,
    *route("api/schema/", "schema", get=ShowSchema),
    *docs_urlpatterns,
    *home_urlpatterns,
    *problem_urlpatterns,
    re_path(r"^api/(?!v1/)(?P<rest>.+)$", unversioned),  # the last: it takes what nothing else does
]
