"""Instruments, bars and corporate actions."""

from django.apps import AppConfig


class MarketConfig(AppConfig):
    """Publishes the `market` views."""

    name = "services.ingest.market"
    label = "ingest_market"
    verbose_name = "Ingest: market"

    def ready(self) -> None:
        """Register the projectors."""
        from services.ingest.market import handlers  # noqa: F401 - register on import
