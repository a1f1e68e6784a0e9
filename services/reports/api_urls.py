"""Addresses of the reports service's API."""

from services.reports.documents.urls import urlpatterns

__all__ = ["urlpatterns"]
