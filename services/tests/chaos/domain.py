"""A cheap workload over all three services, in which every effect can be counted.

ingest marks a number, analytics echoes it (and, if asked, works on it as a job), reports hears of both. Each
service keeps a table `chaos_tally` with one row for each stream: the versions and the numbers in the order in
which they were applied, so that what is missing, double or out of order can be seen.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from typing import Any
from uuid import UUID, uuid5

import psycopg
from django.contrib.postgres.fields import ArrayField
from django.db import connections, models, transaction
from django.utils import timezone

from shared.contracts.registry import Upcaster, event
from shared.eventstore.append import append
from shared.eventstore.jobs import JobKind, LeasedJob, enqueue, finish, register_jobs
from shared.eventstore.registry import Handler, Recorded, register
from shared.settings.databases import ROLE_OF, SERVICES

JOB_KIND = "work"
SLOW_SECONDS = 0.3
_NAMESPACE = UUID("5be1a9a1-5a1e-4b07-8f0e-6a0f8f0c2a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Raised by ingest. `mode` says what analytics does with it beside the echo.

    `job` starts a job, `slow` one that takes a while; `bug` makes the handler fail and `crash` its process.
    """

    number: int
    mode: str


_FirstMarked = make_dataclass("Marked", [("number", int)], frozen=True, slots=True, kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoed:
    """Raised by analytics for each Marked."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """Raised by analytics at the end of a job."""

    number: int


class Tally(models.Model):
    """The projection of each service."""

    stream = models.TextField(primary_key=True)
    versions = ArrayField(models.IntegerField())
    numbers = ArrayField(models.BigIntegerField())

    class Meta:
        app_label = "analytics_chaos"
        managed = False
        db_table = "chaos_tally"


def install(*, release: int = 2) -> None:
    """Register events, handlers and the job, as a release does: in the first one a Marked had no mode."""
    marked = Marked if release == 2 else _FirstMarked
    upcasters: dict[int, Upcaster] = {1: lambda data: {**data, "mode": ""}} if release == 2 else {}
    event(source="ingest", category="mark", published=True, schema_version=release, upcasters=upcasters)(
        marked
    )
    event(source="analytics", category="echo", published=True)(Echoed)
    event(source="analytics", category="work", published=True)(Worked)
    heard_in: dict[str, tuple[type, ...]] = {
        "ingest": (marked,),
        "analytics": (marked, Echoed, Worked),
        "reports": (Echoed, Worked),
    }
    for service, classes in heard_in.items():
        tally: tuple[Handler, ...] = (_tally(service),)
        register(service, projectors=dict.fromkeys(classes, tally), projections=(Tally,))
    register("analytics", reactors={marked: (_echo,)})
    register_jobs("analytics", {JOB_KIND: JobKind(run=_work, fail=_fail)})


def create_tables(owner: psycopg.Connection[Any]) -> None:
    """Make the tables of the projections."""
    for service in SERVICES:
        owner.execute(
            f"CREATE TABLE {service}.chaos_tally"
            " (stream text PRIMARY KEY, versions int[] NOT NULL, numbers bigint[] NOT NULL);"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {service}.chaos_tally TO {ROLE_OF[service]}"
        )


def drop_tables(owner: psycopg.Connection[Any]) -> None:
    """Remove them."""
    owner.execute("DROP TABLE IF EXISTS ingest.chaos_tally, analytics.chaos_tally, reports.chaos_tally")


def mark(stream: str, *numbers: int, mode: str = "", release: int = 2) -> None:
    """Append one Marked for each number to an ingest stream, in a transaction of its own."""
    events = [
        Marked(number=number, mode=mode) if release == 2 else _FirstMarked(number=number)
        for number in numbers
    ]
    with transaction.atomic(using="ingest", durable=True):
        append("ingest", stream, *events, now=timezone.now())


def _tally(service: str) -> Callable[[Recorded[Any]], None]:
    def note(recorded: Recorded[Any]) -> None:
        with connections[service].cursor() as cursor:
            cursor.execute(
                "INSERT INTO chaos_tally VALUES (%s, ARRAY[%s::int], ARRAY[%s::bigint]) ON CONFLICT (stream) DO UPDATE"
                " SET versions = chaos_tally.versions || EXCLUDED.versions,"
                " numbers = chaos_tally.numbers || EXCLUDED.numbers",
                [recorded.envelope.stream, recorded.envelope.version, recorded.event.number],
            )

    return note


def _echo(recorded: Recorded[Any]) -> None:
    found, envelope = recorded.event, recorded.envelope
    mode = getattr(found, "mode", "")
    if mode == "bug":
        raise ZeroDivisionError(f"number {found.number}")
    if mode == "crash":
        os._exit(70)
    name = envelope.stream.removeprefix("mark-")
    append("analytics", f"echo-{name}", Echoed(number=found.number), now=envelope.occurred_at)
    if mode in {"job", "slow"}:
        enqueue(
            "analytics",
            job_id=uuid5(_NAMESPACE, str(found.number)),
            kind=JOB_KIND,
            key=str(found.number),
            payload={"number": found.number, "seconds": SLOW_SECONDS if mode == "slow" else 0},
            causation_id=envelope.event_id,
        )


def _work(job: LeasedJob) -> None:
    threading.Event().wait(job.payload["seconds"])
    with transaction.atomic(using="analytics", durable=True):
        append("analytics", f"work-{job.id}", Worked(number=job.payload["number"]), now=timezone.now())
        finish(job, "succeeded")


def _fail(job: LeasedJob, state: str, problem: dict[str, Any]) -> None:
    with transaction.atomic(using="analytics", durable=True):
        finish(job, state, problem=problem)
