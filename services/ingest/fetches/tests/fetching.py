"""Asks for fetches as a person does, and looks at what came of them."""

from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.utils import timezone

from services.ingest.fetches.selectors import fetch_by_id
from services.ingest.fetches.services import request_fetch
from services.ingest.providers.tests.simulator import Simulator
from services.tests.pipeline import drain_everything


def fetched(provider: str = "auto", *, symbol: str = "AAPL", **asked: Any) -> Any:
    fetch_id = requested(provider, symbol=symbol, **asked)
    drain_everything(("ingest",))
    return fetch_by_id(fetch_id)


def requested(provider: str, *, symbol: str = "AAPL", **asked: Any) -> UUID:
    fetch_id = uuid4()
    whole = {"start": None, "end": None, "now": timezone.now(), **asked}
    request_fetch(fetch_id=fetch_id, symbol=symbol, provider=provider, **whole)
    return fetch_id


def make_due(db: psycopg.Connection[Any]) -> None:
    db.execute("UPDATE ingest.job SET run_after = now() WHERE state IN ('queued', 'waiting_quota')")


def free_quota(db: psycopg.Connection[Any]) -> None:
    """Have all that was counted be counted a day ago."""
    tables = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'ingest_quota'").fetchall()
    for (table,) in tables:
        db.execute(
            f"UPDATE ingest_quota.\"{table}\" SET item_timestamp = item_timestamp - interval '25 hours'"
        )


def asked(vendor: Simulator) -> list[str]:
    return [one.function for one in vendor.asked]


def providers_of(symbol: str, db: psycopg.Connection[Any]) -> Counter[str]:
    rows = db.execute("SELECT provider FROM ingest.bar WHERE symbol = %s", [symbol]).fetchall()
    return Counter(provider for (provider,) in rows)


def let_outage_pass(db: psycopg.Connection[Any]) -> None:
    """Have all calls be made hours ago, and whoever waits look again."""
    hours = "interval '7 hours'"
    db.execute(
        f"UPDATE ingest.provider_call SET sent_at = sent_at - {hours}, answered_at = answered_at - {hours}"
    )
    make_due(db)
