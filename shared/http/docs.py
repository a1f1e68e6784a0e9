"""The API's documentation as pages: Swagger UI to try it and ReDoc to read it, both from our own files."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from shared.http.pages import page, page_route

# No page runs a script that is not a file of this origin; ReDoc makes its styles and its search by script.
_SWAGGER_POLICY = {"script-src": "'self'", "connect-src": "'self'", "img-src": "'self' data:"}
_REDOC_POLICY = {**_SWAGGER_POLICY, "style-src": "'self' 'unsafe-inline'", "worker-src": "blob:"}


def swagger_page(request: HttpRequest) -> HttpResponse:
    """Return Swagger UI, which calls the API with a token or with the login session."""
    return page(request, "swagger.html", {"schema": reverse("schema")}, policy=_SWAGGER_POLICY)


def redoc_page(request: HttpRequest) -> HttpResponse:
    """Return ReDoc."""
    return page(request, "redoc.html", {"schema": reverse("schema")}, policy=_REDOC_POLICY)


docs_urlpatterns = [
    *page_route("api/docs/", "docs", get=swagger_page),
    *page_route("api/docs/redoc/", "redoc", get=redoc_page),
]
