"""Addresses of prices and of what they belong to."""

from services.ingest.market.api import ListBars, ListInstruments, ListVersions, ShowActions, ShowInstrument
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/bars/", "bars", get=ListBars),
    *route("api/v1/instruments/", "instruments", get=ListInstruments),
    *route("api/v1/instruments/<str:symbol>/", "instrument", get=ShowInstrument),
    *route("api/v1/instruments/<str:symbol>/versions/", "instrument-versions", get=ListVersions),
    *route("api/v1/instruments/<str:symbol>/actions/", "instrument-actions", get=ShowActions),
]
