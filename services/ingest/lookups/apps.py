"""Questions to providers other than daily prices."""

from django.apps import AppConfig


class LookupsConfig(AppConfig):
    """Turns questions into jobs."""

    name = "services.ingest.lookups"
    label = "ingest_lookups"
    verbose_name = "Ingest: lookups"
