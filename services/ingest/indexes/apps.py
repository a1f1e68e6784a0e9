"""Who belonged to an index when, and which tickers were renamed."""

from django.apps import AppConfig


class IndexesConfig(AppConfig):
    """Publishes membership."""

    name = "services.ingest.indexes"
    label = "ingest_indexes"
    verbose_name = "Ingest: indexes"
