"""Reads of the record."""

from shared.eventstore.jobs import OPEN_STATES
from shared.eventstore.models import Job


def live_state(service: str, *, kind: str, key: str, state: str) -> str:
    """Return a projection's state, or its job's while the work is open: queued, running or waiting_quota."""
    if state != "queued":
        return state
    open_jobs = Job.objects.using(service).filter(kind=kind, key=key, state__in=OPEN_STATES)
    return open_jobs.values_list("state", flat=True).first() or state
