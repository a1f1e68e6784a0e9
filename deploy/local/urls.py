"""All three services' addresses on one origin."""

from django.urls import include, path

from shared.admin.site import admin_urlpatterns
from shared.http.urls import shared_urlpatterns

urlpatterns = [
    path("", include("services.ingest.api_urls")),
    path("", include("services.analytics.api_urls")),
    path("", include("services.reports.api_urls")),
    *admin_urlpatterns(),
    *shared_urlpatterns,
]
handler400 = "shared.http.problems.bad_request"
handler403 = "shared.http.problems.permission_denied"
handler404 = "shared.http.problems.not_found"
handler500 = "shared.http.problems.server_error"
