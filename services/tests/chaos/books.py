"""Balances the books after a fault: nothing lost, nothing double, all in order, and rebuilt equals live."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg

from deploy.postgres.owner import as_owner
from services.tests.chaos.truth import Counts, Truth
from shared.eventstore.rebuild import differences
from shared.settings.databases import SERVICES

type Owner = psycopg.Connection[Any]

_NOT_RECEIVED = (
    "(SELECT count(*) FROM feed.{source} f"
    " WHERE NOT EXISTS (SELECT FROM {service}.inbox i WHERE i.event_id = f.event_id)"
    " AND NOT EXISTS (SELECT FROM {service}.parked p WHERE p.event_id = f.event_id AND p.resolution IS NULL"
    " AND p.slug <> 'unrecorded-event'))"
)
_OPEN = {
    **{
        f"{service}.unsent": f"(SELECT count(*) FROM {service}.outbox WHERE sent_at IS NULL)"
        for service in SERVICES
    },
    "analytics.missing": _NOT_RECEIVED.format(source="ingest", service="analytics"),
    "reports.missing": _NOT_RECEIVED.format(source="analytics", service="reports"),
    **{
        f"{service}.waiting": f"(SELECT count(*) FROM {service}.inbox WHERE state = 'waiting')"
        for service in SERVICES
    },
    "bus.undelivered": "(SELECT count(*) FROM bus.delivery)",
    **{
        f"{service}.jobs": f"(SELECT count(*) FROM {service}.job WHERE state IN ('queued', 'running', 'waiting_quota'))"
        for service in SERVICES
    },
}
_OPEN_QUERY = f"SELECT {', '.join(_OPEN.values())}"


def open_work(owner: Owner) -> dict[str, int]:
    """Return what is still under way, by place; empty when all is settled."""
    row = owner.execute(_OPEN_QUERY).fetchone()
    assert row is not None
    return {name: count for name, count in zip(_OPEN, row, strict=True) if count}


def wait_until_settled(owner: Owner, *, seconds: float, saying: Callable[[], str]) -> float:
    """Return after how many seconds nothing was under way any more; fail when that takes too long."""
    began = time.monotonic()
    while left := open_work(owner):
        assert time.monotonic() < began + seconds, f"still under way: {left} {saying()}"
        threading.Event().wait(0.02)
    return time.monotonic() - began


def effects(owner: Owner, service: str, prefix: str) -> dict[str, list[tuple[int, int]]]:
    """Return for each stream that begins so the (version, number) that a service applied, in its order."""
    rows = owner.execute(
        f"SELECT stream, versions, numbers FROM {service}.chaos_tally WHERE stream LIKE %s", [f"{prefix}%"]
    )
    return {
        stream: list(zip(versions, numbers, strict=True)) for stream, versions, numbers in rows.fetchall()
    }


def check(
    owner: Owner, truth: Truth, *, parked: dict[str, int] | None = None, jobs: Truth | None = None
) -> Counts:
    """Assert that the books balance; return the seven counts at the end of the line, in reports.

    `parked` says how many messages each service should have set aside (none), and `jobs` for which numbers
    there should have been a job.
    """
    set_aside = parked_messages(owner)
    assert Counter(service for service, *_ in set_aside) == (parked or {}), set_aside
    counts = {}
    for service, category in (
        ("ingest", "mark"),
        ("analytics", "mark"),
        ("analytics", "echo"),
        ("reports", "echo"),
    ):
        found = effects(owner, service, f"{category}-")
        _require_order(owner, service, found, complete=not parked)
        counts[service, category] = truth.judge(number for stream in found.values() for _, number in stream)
        assert counts[service, category].is_valid() or parked, (service, category, counts[service, category])
    if jobs is not None:
        for service in ("analytics", "reports"):
            found = effects(owner, service, "work-")
            judged = jobs.judge(number for stream in found.values() for _, number in stream)
            assert judged.is_valid(), (service, "work", judged)
    with as_owner():
        differing = {service: differences(service) for service in SERVICES}
    assert {
        (service, table): rows
        for service, tables in differing.items()
        for table, rows in tables.items()
        if rows
    } == {}
    return counts["reports", "echo"]


def parked_messages(owner: Owner) -> list[tuple[str, str, str, int, str]]:
    """Return (service, slug, stream, version, end of the error) of what was set aside."""
    return [
        (service, *row)
        for service in SERVICES
        for row in owner.execute(
            f"SELECT slug, stream, version, right(detail, 300) FROM {service}.parked WHERE resolution IS NULL ORDER BY id"
        )
    ]


def _require_order(
    owner: Owner, service: str, found: dict[str, list[tuple[int, int]]], *, complete: bool
) -> None:
    """Assert that each stream was applied from its first version on without a gap, and to its end."""
    for stream, applied in found.items():
        versions = [version for version, _ in applied]
        assert versions == list(range(1, len(versions) + 1)), (service, stream, versions)
    if complete:
        source = "ingest" if any(stream.startswith("mark-") for stream in found) else "analytics"
        category = next(iter(found), "-").partition("-")[0]
        last = owner.execute(
            f"SELECT stream, max(version) FROM {source}.event WHERE stream LIKE %s GROUP BY stream",
            [f"{category}-%"],
        )
        assert dict(last.fetchall()) == {stream: len(applied) for stream, applied in found.items()}
