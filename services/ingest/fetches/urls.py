"""Addresses of fetches."""

from services.ingest.fetches.api import ListFetches, RequestFetch, ShowFetch
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/fetches/", "fetches", get=ListFetches, post=RequestFetch),
    *route("api/v1/fetches/<uuid:fetch_id>/", "fetch", get=ShowFetch),
]
