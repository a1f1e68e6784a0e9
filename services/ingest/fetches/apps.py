"""Fetches: asking a provider, as a job."""

from django.apps import AppConfig


class FetchesConfig(AppConfig):
    """Turns requests into fetch jobs and their results into events."""

    name = "services.ingest.fetches"
    label = "ingest_fetches"
    verbose_name = "Ingest: fetches"

    def ready(self) -> None:
        """Register projectors and jobs."""
        from services.ingest.fetches import handlers, tasks  # noqa: F401 - register on import
