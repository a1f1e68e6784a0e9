"""Addresses of watch lists."""

from services.ingest.watchlists.api import (
    CreateWatchList,
    DeleteWatchList,
    ListWatchLists,
    ReplaceWatchList,
    ShowWatchList,
)
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/watchlists/", "watchlists", get=ListWatchLists, post=CreateWatchList),
    *route(
        "api/v1/watchlists/<slug:name>/",
        "watchlist",
        get=ShowWatchList,
        put=ReplaceWatchList,
        delete=DeleteWatchList,
    ),
]
