"""Addresses of indexes."""

from services.ingest.indexes.api import ListChanges, ListIndexes, ListMembers
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/indexes/", "indexes", get=ListIndexes),
    *route("api/v1/indexes/<str:index>/members/", "index-members", get=ListMembers),
    *route("api/v1/indexes/<str:index>/changes/", "index-changes", get=ListChanges),
]
