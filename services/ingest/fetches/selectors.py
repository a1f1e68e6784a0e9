"""Reads of fetches."""

from uuid import UUID

from django.db.models import QuerySet

from services.ingest.fetches.models import Fetch
from shared.errors import NotFound
from shared.eventstore.selectors import live_state


def fetch_by_id(fetch_id: UUID) -> Fetch:
    """Return one fetch, with state `running` while a worker has it. Raises NotFound."""
    fetch = Fetch.objects.using("ingest").filter(id=fetch_id).first()
    if fetch is None:
        raise NotFound(f"There is no fetch {fetch_id}.")
    fetch.state = live_state("ingest", kind="fetch", key=fetch.symbol, state=fetch.state)
    return fetch


def fetches(*, symbol: str | None = None, state: str | None = None) -> QuerySet[Fetch]:
    """Return fetches, newest first."""
    rows = Fetch.objects.using("ingest").order_by("-created_at", "-id")
    if symbol:
        rows = rows.filter(symbol=symbol)
    return rows.filter(state=state) if state else rows
