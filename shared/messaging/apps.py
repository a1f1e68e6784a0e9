"""The buses and the processes around them; no tables of its own."""

from django.apps import AppConfig
from django.conf import settings


class MessagingConfig(AppConfig):
    """Brings the command `run_roles`, and the doorbell of whatever queues jobs."""

    name = "shared.messaging"
    label = "messaging"

    def ready(self) -> None:
        """Where there is a broker, have workers told at once of each job that this process queues."""
        values = settings.BELLWETHER
        if values["BROKER_URL"] is None:
            return
        from shared.eventstore.jobs import on_enqueue
        from shared.messaging.doorbell import Doorbells
        from shared.messaging.ringing import BackgroundRing
        from shared.messaging.topology import Names

        doorbells = Doorbells(
            values["BROKER_URL"],
            names=Names(values["BROKER_NAMESPACE"]),
            services=settings.SERVICES,
            lease_seconds=values["JOB_LEASE_SECONDS"],
        )
        on_enqueue(BackgroundRing(doorbells).ring)
