"""Backtest runs."""

from django.apps import AppConfig


class BacktestsConfig(AppConfig):
    """Runs the kernel as jobs and publishes `results.run`, `results.trade` and `results.equity`."""

    name = "services.analytics.backtests"
    label = "analytics_backtests"
    verbose_name = "Analytics: backtests"

    def ready(self) -> None:
        """Register projectors, reactors and jobs."""
        from services.analytics.backtests import handlers, tasks  # noqa: F401 - register on import
