"""Addresses that every service answers: health and its OpenAPI document."""

from shared.http.health import CheckLiveness, CheckReadiness
from shared.http.operations import route
from shared.http.schema import ShowSchema

shared_urlpatterns = [
    *route("livez", "livez", get=CheckLiveness),
    *route("readyz", "readyz", get=CheckReadiness),
    *route("api/schema/", "schema", get=ShowSchema),
]
