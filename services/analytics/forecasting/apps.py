"""Forecasts and their scores."""

from django.apps import AppConfig


class ForecastingConfig(AppConfig):
    """Runs the shipped model as jobs and publishes `results.forecast`, `.forecast_point` and `.score`."""

    name = "services.analytics.forecasting"
    label = "analytics_forecasting"
    verbose_name = "Analytics: forecasts"

    def ready(self) -> None:
        """Register projectors, reactors and jobs."""
        from services.analytics.forecasting import handlers, tasks  # noqa: F401 - register on import
