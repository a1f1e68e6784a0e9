"""Calls to providers: what was asked, what is left, what a key may do."""

from django.apps import AppConfig


class QuotaConfig(AppConfig):
    """Counts calls and learns what keys may do."""

    name = "services.ingest.quota"
    label = "ingest_quota"
    verbose_name = "Ingest: quota"

    def ready(self) -> None:
        """Register the projectors and the tick."""
        from services.ingest.quota import handlers, tasks  # noqa: F401 - register on import
