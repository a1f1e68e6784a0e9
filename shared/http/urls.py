"""Addresses that every service answers: health and its OpenAPI document."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from shared.http.health import livez, readyz

shared_urlpatterns = [
    path("livez", livez),
    path("readyz", readyz),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
]
