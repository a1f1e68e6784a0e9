"""Addresses of lookups."""

from services.ingest.lookups.api import CancelLookup, ListLookups, RequestLookup, ShowLookup
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/lookups/", "lookups", get=ListLookups, post=RequestLookup),
    *route("api/v1/lookups/<uuid:lookup_id>/", "lookup", get=ShowLookup, delete=CancelLookup),
]
