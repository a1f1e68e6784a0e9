"""Questions to providers other than daily prices."""

from django.apps import AppConfig


class LookupsConfig(AppConfig):
    """Turns questions into jobs."""

    name = "services.ingest.lookups"
    label = "ingest_lookups"
    verbose_name = "Ingest: lookups"

    def ready(self) -> None:
        """Register projectors and jobs."""
        from services.ingest.lookups import handlers, tasks  # noqa: F401 - register on import
