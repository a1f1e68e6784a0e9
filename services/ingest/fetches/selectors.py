"""Reads of fetches."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import OuterRef, QuerySet

from services.ingest.fetches.models import Answer, Fetch
from services.ingest.market.selectors import counted_by_fetch
from services.ingest.providers.registry import REMOTE_NAMES
from services.ingest.quota.selectors import is_ready
from shared.errors import NotFound
from shared.eventstore.selectors import with_live_state

CHANGED = ("added_count", "corrected_count", "actions_changed_count")  # how many rows a fetch changed


def fetch_by_id(fetch_id: UUID) -> Fetch:
    """Return one fetch, with state `running` while a worker has it. Raises NotFound."""
    fetch: Any = fetches().filter(id=fetch_id).first()
    if fetch is None:
        raise NotFound(f"There is no fetch {fetch_id}.")
    fetch.state = fetch.live_state
    found: Fetch = fetch
    return found


def fetches() -> QuerySet[Fetch]:
    """Return fetches, newest first, each with its `live_state`, `live_problem` and `resumes_at`, and what it changed."""
    newest = Fetch.objects.using("ingest").order_by("-created_at", "-id")
    newest = newest.annotate(**{column: counted_by_fetch(column) for column in CHANGED})
    return with_live_state(newest, kind="fetch", key=OuterRef("symbol"))


def answers_to(asked_by: UUID, *, provider: str) -> dict[str, tuple[bytes, datetime]]:
    """Return the answers of a provider that a fetch or lookup has already, and since when, by name of the call."""
    kept = Answer.objects.using("ingest").filter(asked_by=asked_by, provider=provider)
    return {call: (bytes(body), at) for call, body, at in kept.values_list("call", "body", "received_at")}


def stored_sessions(symbol: str, *, start: date | None = None, end: date | None = None) -> tuple[date, ...]:
    """Return the sessions of which a bar is stored, ascending; `start` and `end` bound them, both included."""
    with connections["ingest"].cursor() as cursor:
        cursor.execute(
            "SELECT session FROM market.bar WHERE symbol = %s AND superseded_version IS NULL"
            " AND session BETWEEN %s AND %s ORDER BY session",
            [symbol, start or date.min, end or date.max],
        )
        return tuple(row[0] for row in cursor.fetchall())


def ready_names() -> tuple[str, ...]:
    """Return the remote providers that may be asked, in the order of the history plan."""
    return tuple(name for name in REMOTE_NAMES if is_ready(name))


def newest_provider(symbol: str) -> str | None:
    """Return who told the newest stored bar."""
    with connections["ingest"].cursor() as cursor:
        cursor.execute(
            "SELECT provider FROM market.bar WHERE symbol = %s AND superseded_version IS NULL"
            " ORDER BY session DESC LIMIT 1",
            [symbol],
        )
        row = cursor.fetchone()
    return str(row[0]) if row else None


def gave_all_before(symbol: str, *, provider: str) -> bool:
    """Return whether a provider was asked for all it has of a symbol before, and answered."""
    answered = Fetch.objects.using("ingest").filter(
        symbol=symbol,
        start=None,
        end=None,
        state__in=("succeeded", "partial"),
        sources__contains=[{"provider": provider}],
    )
    return answered.exists()
