"""Reads of lookups."""

from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet

from services.ingest.lookups.models import Lookup, LookupAnswer
from shared.errors import NotFound
from shared.eventstore.selectors import with_live_state


def lookup_by_id(lookup_id: UUID) -> Lookup:
    """Return one lookup, with state `running` while a worker has it, and its `results`. Raises NotFound."""
    lookup: Any = lookups().filter(id=lookup_id).first()
    if lookup is None:
        raise NotFound(f"There is no lookup {lookup_id}.")
    lookup.state = lookup.live_state
    answer = LookupAnswer.objects.using("ingest").filter(answer_hash=lookup.answer_hash).first()
    lookup.results = answer.rows if answer else None
    found: Lookup = lookup
    return found


def lookups() -> QuerySet[Lookup]:
    """Return lookups, newest first, each with its `live_state`, `live_problem` and `resumes_at`."""
    newest = Lookup.objects.using("ingest").order_by("-created_at", "-id")
    return with_live_state(newest, kind="lookup", key=OuterRef("question"))
