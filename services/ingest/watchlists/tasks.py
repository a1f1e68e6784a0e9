"""The nightly refresh, looked for once a minute."""

from django.utils import timezone

from services.ingest.watchlists.services import request_due_refreshes
from shared.eventstore.ticks import register_tick


def refresh() -> None:
    """Request what is due now."""
    request_due_refreshes(now=timezone.now())


register_tick("ingest", refresh)
