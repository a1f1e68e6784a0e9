"""Addresses of the ingest service's API."""

from django.urls import URLPattern

from services.ingest.coverage.urls import urlpatterns as coverage
from services.ingest.fetches.urls import urlpatterns as fetches
from services.ingest.indexes.urls import urlpatterns as indexes
from services.ingest.lookups.urls import urlpatterns as lookups
from services.ingest.market.urls import urlpatterns as market
from services.ingest.quarantine.urls import urlpatterns as quarantine
from services.ingest.quota.urls import urlpatterns as quota
from services.ingest.watchlists.urls import urlpatterns as watchlists

urlpatterns: list[URLPattern] = [
    *market,
    *coverage,
    *fetches,
    *lookups,
    *quota,
    *quarantine,
    *indexes,
    *watchlists,
]
