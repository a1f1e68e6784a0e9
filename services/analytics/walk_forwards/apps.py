"""Walks forward."""

from django.apps import AppConfig


class WalkForwardsConfig(AppConfig):
    """Chooses parameters on past sessions and trades them on the next ones, again and again."""

    name = "services.analytics.walk_forwards"
    label = "analytics_walk_forwards"
    verbose_name = "Analytics: walks forward"

    def ready(self) -> None:
        """Register projectors and jobs."""
        from services.analytics.walk_forwards import handlers, tasks  # noqa: F401 - register on import
