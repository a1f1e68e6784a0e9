"""Jobs that wait for a provider, looked at once a minute."""

from django.utils import timezone

from services.ingest.quota.services import wake_jobs
from shared.eventstore.ticks import register_tick


def wake() -> None:
    """Have those go on whose wait is over sooner than they were told."""
    wake_jobs(now=timezone.now())


register_tick("ingest", wake)
