"""Reads of fetches."""

from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet

from services.ingest.fetches.models import Fetch
from shared.errors import NotFound
from shared.eventstore.selectors import with_live_state


def fetch_by_id(fetch_id: UUID) -> Fetch:
    """Return one fetch, with state `running` while a worker has it. Raises NotFound."""
    fetch: Any = fetches().filter(id=fetch_id).first()
    if fetch is None:
        raise NotFound(f"There is no fetch {fetch_id}.")
    fetch.state = fetch.live_state
    found: Fetch = fetch
    return found


def fetches() -> QuerySet[Fetch]:
    """Return fetches, newest first, each with its `live_state`."""
    newest = Fetch.objects.using("ingest").order_by("-created_at", "-id")
    return with_live_state(newest, kind="fetch", key=OuterRef("symbol"))
