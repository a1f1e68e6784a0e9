"""How long after its commit an event has its effect at a paced 50 a second (E5), and a job begins at 100 a second (J1).

The producer is this process; relay, consumer and worker are another one, as in production. Events go over both
buses; jobs are rung for over RabbitMQ with confirms. Times are the database's own, from the start of the
transaction that records to the effect. Prints a Markdown table. Run as `python benchmarks/events_latency.py`.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from event_domain import CHECKOUT, NAMESPACE, TEXT, Ticked, make_tables, register_domain, system

SECONDS = 20
EVENTS_A_SECOND, JOBS_A_SECOND = 50, 100
STREAMS = 20
LEASE_SECONDS = 60.0


def register_job() -> None:
    """Have this process know a job that only notes when it begins."""
    from django.db import connections, transaction

    from shared.eventstore.jobs import JobKind, finish, register_jobs

    def run(job: Any) -> None:
        with transaction.atomic(using="ingest"), connections["ingest"].cursor() as cursor:
            cursor.execute("INSERT INTO begun (job_id) VALUES (%s)", [job.id])
            finish(job, "succeeded")

    register_jobs("ingest", {"benchmark": JobKind(run=run, fail=lambda *_: None)})


def roles(broker_url: str | None) -> None:
    """Run relay, consumer and worker until whoever started this closes the pipe."""
    sys.path.insert(0, str(CHECKOUT))
    import django

    django.setup()
    register_domain()
    register_job()
    import dramatiq

    from shared.messaging.doorbell import Doorbells
    from shared.messaging.loops import make_bus, run_consumer, run_job_finder, run_relay
    from shared.messaging.topology import Names

    names, stop = Names(NAMESPACE), threading.Event()
    doorbells = Doorbells(broker_url, names=names, services=["ingest"], lease_seconds=LEASE_SECONDS)
    worker = dramatiq.Worker(doorbells.broker, worker_threads=2, worker_timeout=100)
    worker.start()
    for loop in (
        lambda: run_relay("ingest", make_bus(broker_url, names), stop),
        lambda: run_consumer("analytics", make_bus(broker_url, names), stop),
        lambda: run_job_finder("ingest", doorbells, stop),
    ):
        threading.Thread(target=loop, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    worker.stop(timeout=2_000)


def paced(work: Callable[[int], None], *, rate: int) -> None:
    """Call `work` with 0, 1, 2 ... at `rate` a second for SECONDS, whatever each call takes."""
    began = time.perf_counter()
    for number in range(rate * SECONDS):
        time.sleep(max(0.0, began + number / rate - time.perf_counter()))
        work(number)


def append_one(number: int) -> None:
    """Record one event in a transaction of its own."""
    from django.db import transaction

    from shared.eventstore.append import append
    from shared.observability.correlation import Cause, caused_by

    with caused_by(Cause(uuid4())), transaction.atomic(using="ingest", durable=True):
        event = Ticked(number=number, text=TEXT)
        append("ingest", f"tick-{number % STREAMS}", event, now=datetime.now(UTC))


def enqueue_one(number: int) -> None:
    """Queue one job in a transaction of its own."""
    from django.db import transaction

    from shared.eventstore.jobs import enqueue
    from shared.observability.correlation import Cause, caused_by

    with caused_by(Cause(uuid4())), transaction.atomic(using="ingest", durable=True):
        enqueue("ingest", job_id=uuid4(), kind="benchmark", key=str(number), payload={}, causation_id=None)


_EVENTS = """
SELECT extract(epoch FROM t.at - e.recorded_at) * 1000 FROM ingest.event e JOIN analytics.ticked t USING (event_id)
"""
_JOBS = "SELECT extract(epoch FROM b.at - j.created_at) * 1000 FROM ingest.job j JOIN ingest.begun b ON b.job_id = j.id"


def measured(
    owner: Any, query: str, work: Callable[[int], None], *, rate: int, broker_url: str | None
) -> str:
    """Return the quantiles of one paced run, in milliseconds, once all have come."""
    command = [sys.executable, __file__, "roles", broker_url or ""]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        paced(work, rate=rate)
        deadline = time.monotonic() + 30
        while len(found := sorted(float(row[0]) for row in owner.execute(query))) < rate * SECONDS:
            assert time.monotonic() < deadline, f"{len(found)} of {rate * SECONDS} came"
            time.sleep(0.1)
        process.stdin.close()
    assert len(found) == rate * SECONDS
    return (
        " | ".join(f"{found[int(len(found) * part)]:.1f}" for part in (0.5, 0.9, 0.99))
        + f" | {found[-1]:.1f}"
    )


def main() -> None:
    """Set up a system of its own, and measure."""
    if "roles" in sys.argv:
        roles(sys.argv[2] or None)
        return
    with system(with_broker=True) as (url, broker_url), psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            "CREATE TABLE ingest.begun (job_id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());"
            "GRANT SELECT, INSERT ON ingest.begun TO bellwether_ingest"
        )
        print("| from commit to | a second | p50, ms | p90 | p99 | worst |\n|---|---:|---:|---:|---:|---:|")
        for kind, used in (("RabbitMQ", broker_url), ("PostgreSQL", None)):
            make_tables(owner)
            result = measured(owner, _EVENTS, append_one, rate=EVENTS_A_SECOND, broker_url=used)
            print(f"| effect, over {kind} | {EVENTS_A_SECOND} | {result} |", flush=True)
        from shared.eventstore.jobs import on_enqueue
        from shared.messaging.doorbell import Doorbells
        from shared.messaging.ringing import BackgroundRing
        from shared.messaging.topology import Names

        register_job()
        doorbells = Doorbells(
            broker_url, names=Names(NAMESPACE), services=["ingest"], lease_seconds=LEASE_SECONDS
        )
        on_enqueue(BackgroundRing(doorbells).ring)
        result = measured(owner, _JOBS, enqueue_one, rate=JOBS_A_SECOND, broker_url=broker_url)
        print(f"| begin of a job, over RabbitMQ | {JOBS_A_SECOND} | {result} |")


if __name__ == "__main__":
    main()
