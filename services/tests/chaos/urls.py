"""The addresses of a web process under test: one more, which appends a mark and answers once it is committed."""

import os
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from uuid6 import uuid7

from services.tests.chaos.domain import mark
from shared.observability.correlation import Cause, caused_by


@csrf_exempt
def post_mark(request: HttpRequest, stream: str, number: int) -> HttpResponse:
    """Append the number to the stream."""
    with caused_by(Cause(UUID(str(uuid7())))):
        release = int(os.environ.get("CHAOS_RELEASE", "2"))
        mark(f"mark-{stream}", number, mode=request.GET.get("mode", ""), release=release)
    return HttpResponse(status=201)


_URLS = "deploy.local.urls" if len(settings.SERVICES) > 1 else f"services.{settings.SERVICES[0]}.urls"
urlpatterns = [path("marks/<str:stream>/<int:number>/", post_mark), path("", include(_URLS))]
handler500 = "shared.http.problems.server_error"
