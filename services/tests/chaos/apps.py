"""Brings the cheap workload into real processes."""

import os

from django.apps import AppConfig


class ChaosConfig(AppConfig):
    """Registers the workload, and makes what is slow for safety's sake fast enough for a test."""

    name = "services.tests.chaos"
    label = "analytics_chaos"

    def ready(self) -> None:
        """Register."""
        from services.tests.chaos.clock import shift_clock
        from services.tests.chaos.domain import install
        from shared.messaging import loops, rabbitmq_bus, topology

        install(release=int(os.environ.get("CHAOS_RELEASE", "2")))
        loops.RECONCILE_SECONDS = float(os.environ.get("CHAOS_RECONCILE_SECONDS", loops.RECONCILE_SECONDS))
        longest = int(os.environ.get("CHAOS_QUEUE_LENGTH", topology.MAX_QUEUE_LENGTH))
        setattr(rabbitmq_bus, "MAX_QUEUE_LENGTH", longest)  # noqa: B010 the module does not export it
        if days := float(os.environ.get("CHAOS_CLOCK_DAYS", "0")):
            shift_clock(days=days)
