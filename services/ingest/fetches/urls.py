"""Addresses of fetches."""

from services.ingest.fetches.api import CancelFetch, ListFetches, RequestFetch, ShowFetch
from services.ingest.fetches.compat import FetchSymbol
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/fetches/", "fetches", get=ListFetches, post=RequestFetch),
    *route("api/v1/fetches/<uuid:fetch_id>/", "fetch", get=ShowFetch, delete=CancelFetch),
    *route("fetch/<str:symbol>/", "older-fetch", get=FetchSymbol),
]
