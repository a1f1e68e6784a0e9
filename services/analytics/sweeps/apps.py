"""Sweeps over parameters."""

from django.apps import AppConfig


class SweepsConfig(AppConfig):
    """Runs many parameters of a strategy as one job for each chunk of them."""

    name = "services.analytics.sweeps"
    label = "analytics_sweeps"
    verbose_name = "Analytics: sweeps"

    def ready(self) -> None:
        """Register projectors and jobs."""
        from services.analytics.sweeps import handlers, tasks  # noqa: F401 - register on import
