"""Watch lists, and the plan that keeps their symbols fresh."""

from django.apps import AppConfig


class WatchListsConfig(AppConfig):
    """Plans and requests refreshes."""

    name = "services.ingest.watchlists"
    label = "ingest_watchlists"
    verbose_name = "Ingest: watch lists"

    def ready(self) -> None:
        """Register projectors and the tick."""
        from services.ingest.watchlists import handlers, tasks  # noqa: F401 - register on import
