"""Addresses of the ingest service's API."""

from django.urls import URLPattern

from services.ingest.fetches.urls import urlpatterns as fetches
from services.ingest.market.urls import urlpatterns as market

urlpatterns: list[URLPattern] = [*market, *fetches]
