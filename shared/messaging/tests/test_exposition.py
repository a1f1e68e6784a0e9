import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from socket import create_server
from urllib.error import URLError
from urllib.request import urlopen
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import OperationalError, connections, transaction
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.readiness import free_ports
from shared.eventstore.jobs import JobKind, LeasedJob, enqueue, finish, register_jobs
from shared.eventstore.models import Job, Parked
from shared.eventstore.tests.tally import body_of, hear, outbox_bodies, tell
from shared.eventstore.worker import release_expired, run_job
from shared.messaging.backlog import backlog_of
from shared.messaging.bus import Bus
from shared.messaging.exposition import registry
from shared.messaging.loops import make_bus
from shared.messaging.relay import relay_once
from shared.messaging.topology import Names

CHECKOUT = Path(__file__).resolve().parents[3]
SERVICES = ("ingest", "analytics")
type Samples = dict[str, float]


def told(names: Names, broker_url: str | None = None) -> Samples:
    """Return what Prometheus is told now, each sample under its name and labels."""
    return samples_of(generate_latest(registry(SERVICES, broker_url=broker_url, names=names)).decode())


def samples_of(text: str) -> Samples:
    return {
        " ".join([sample.name, *(value for _, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def gained(before: Samples, after: Samples, prefix: str) -> Samples:
    """Return by how much each of the samples grew."""
    return {
        name: value - before.get(name, 0)
        for name, value in after.items()
        if name.startswith(prefix) and value != before.get(name, 0)
    }


@pytest.mark.usefixtures("tally")
def test_unsent_events_and_their_age_are_told(names: Names, db: psycopg.Connection) -> None:
    tell("tally-a", 1, 2)
    db.execute("UPDATE ingest.outbox SET created_at = now() - interval '90 seconds'")

    found = told(names)

    assert found["bellwether_outbox_events ingest"] == 2
    assert 90 <= found["bellwether_outbox_oldest_age_seconds ingest"] < 120
    assert found["bellwether_outbox_events analytics"] == 0
    assert found["bellwether_outbox_oldest_age_seconds analytics"] == 0
    assert found["bellwether_up ingest"] == found["bellwether_up analytics"] == 1


@pytest.mark.usefixtures("tally")
def test_events_on_the_bus_are_told(open_bus: Callable[[], Bus], bus_url: str | None, names: Names) -> None:
    bus = open_bus()
    with bus.batch("analytics", limit=1, wait_seconds=0):  # which makes the queues where there are any
        pass
    tell("tally-a", 1, 2, 3)
    relay_once("ingest", bus)
    bus.close()

    found = told(names, bus_url)

    assert found["bellwether_bus_queue_events analytics"] == 3
    assert "bellwether_bus_queue_events ingest" not in found
    assert found.get("bellwether_broker_up") == (1 if bus_url else None)


@pytest.mark.usefixtures("tally")
def test_what_waits_and_what_is_parked_is_told(names: Names) -> None:
    hear(body_of("tally-a", 2), body_of("tally-b", 3))
    hear(b"no event at all")

    found = told(names)

    assert found["bellwether_inbox_waiting_events analytics"] == 2
    assert found["bellwether_parked_messages analytics"] == 1
    Parked.objects.using("analytics").update(resolution="dropped")
    assert told(names)["bellwether_parked_messages analytics"] == 0


def test_jobs_are_told_by_state_and_how_long_the_oldest_is_due(
    db: psycopg.Connection, cause: UUID, names: Names
) -> None:
    with transaction.atomic(using="ingest"):
        for key in ("a", "b", "c"):
            enqueue("ingest", job_id=uuid4(), kind="count", key=key, payload={}, causation_id=None)
    db.execute("UPDATE ingest.job SET state = 'running' WHERE key = 'a'")
    db.execute(
        "UPDATE ingest.job SET state = 'waiting_quota', run_after = now() + interval '1 h' WHERE key = 'b'"
    )
    db.execute("UPDATE ingest.job SET run_after = now() - interval '1 h' WHERE key = 'c'")

    found = told(names)

    assert [
        found[f"bellwether_jobs_open ingest {state}"] for state in ("queued", "running", "waiting_quota")
    ] == [*(1, 1, 1)]
    assert 3600 <= found["bellwether_jobs_oldest_due_age_seconds ingest"] < 3630
    db.execute("UPDATE ingest.job SET run_after = now() + interval '1 h'")
    assert told(names)["bellwether_jobs_oldest_due_age_seconds ingest"] == 0


def test_a_database_that_is_away_is_told_and_the_counts_with_it(
    db: psycopg.Connection, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections["analytics"].settings_dict, "NAME", "no_such_database")

    found = told(names)

    assert (found["bellwether_up ingest"], found["bellwether_up analytics"]) == (1, 0)
    assert "bellwether_outbox_events analytics" not in found
    assert "python_info" in " ".join(found)


def test_a_database_that_does_not_answer_is_waited_for_two_seconds(
    db: psycopg.Connection, names: Names
) -> None:
    began_at = time.monotonic()
    with psycopg.connect(db.info.dsn, password=db.info.password) as other, other.transaction():
        other.execute("LOCK TABLE ingest.parked IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(OperationalError):
            backlog_of("ingest", broker_url=None)

        found = told(names)

    assert (found["bellwether_up ingest"], found["bellwether_up analytics"]) == (0, 1)
    assert time.monotonic() - began_at < 9


def test_a_broker_that_is_away_is_told(db: psycopg.Connection, names: Names) -> None:
    found = told(names, "amqp://127.0.0.1:1/")

    assert found["bellwether_broker_up"] == 0
    assert found["bellwether_up ingest"] == 1
    assert not [name for name in found if name.startswith("bellwether_bus_queue_events")]


def test_a_broker_that_takes_calls_and_says_nothing_is_waited_for_two_seconds(
    db: psycopg.Connection, names: Names
) -> None:
    with closing(create_server(("127.0.0.1", 0))) as silent:
        began_at = time.monotonic()

        found = told(names, f"amqp://127.0.0.1:{silent.getsockname()[1]}/")

    assert found["bellwether_broker_up"] == 0
    assert time.monotonic() - began_at < 5


@pytest.mark.broker
def test_a_queue_that_is_not_there_yet_has_no_depth(db: psycopg.Connection, clean_url: str) -> None:
    found = told(Names(f"none-{uuid4().hex[:8]}"), clean_url)

    assert found["bellwether_broker_up"] == 1
    assert "bellwether_bus_queue_events analytics" not in found


@pytest.mark.usefixtures("tally")
def test_messages_are_counted_by_what_becomes_of_them(names: Names) -> None:
    tell("tally-a", 1, 2)
    before = told(names)

    relay_once("ingest", make_bus(None, names))
    hear(*outbox_bodies())
    hear(*outbox_bodies())
    hear(body_of("tally-b", 2), body_of("tally-c", 1, type="Unheard"))
    hear(b"no event at all")

    after = told(names)
    assert gained(before, after, "bellwether_events_relayed_total") == {
        "bellwether_events_relayed_total ingest": 2
    }
    assert gained(before, after, "bellwether_events_received_total") == {
        "bellwether_events_received_total handled analytics": 2,
        "bellwether_events_received_total repeated analytics": 2,
        "bellwether_events_received_total waiting analytics": 1,
        "bellwether_events_received_total ignored analytics": 1,
        "bellwether_events_received_total parked analytics": 1,
    }
    assert gained(before, after, "bellwether_event_handler_seconds_count") == {
        "bellwether_event_handler_seconds_count analytics Counted": 2
    }


@pytest.mark.usefixtures("tally")
def test_failed_batches_and_tries_are_counted(names: Names) -> None:
    before = told(names)

    hear(body_of("tally-a", 1, data={"number": 2**70}), body_of("tally-b", 1))

    after = told(names)
    assert gained(before, after, "bellwether_event_batches_failed") == {
        "bellwether_event_batches_failed_total analytics": 1
    }
    assert gained(before, after, "bellwether_event_retries") == {
        "bellwether_event_retries_total analytics": 2
    }
    assert gained(before, after, "bellwether_events_received_total") == {
        "bellwether_events_received_total handled analytics": 1,
        "bellwether_events_received_total parked analytics": 1,
    }


def _break(job: LeasedJob) -> None:
    raise RuntimeError("broken")


def test_jobs_are_counted_by_kind_and_outcome_with_their_times(
    db: psycopg.Connection, cause: UUID, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.eventstore.jobs._KINDS", {})
    register_jobs("ingest", {"good": JobKind(run=lambda job: finish(job, "succeeded"), fail=lambda *_: None)})
    register_jobs("ingest", {"bad": JobKind(run=_break, fail=lambda *_: None)})
    before = told(names)
    for kind in ("good", "bad"):
        with transaction.atomic(using="ingest"):
            enqueue("ingest", job_id=(job_id := uuid4()), kind=kind, key="a", payload={}, causation_id=None)
        db.execute("UPDATE ingest.job SET run_after = now() - interval '1 min' WHERE id = %s", [job_id])
        run_job("ingest", job_id, lease_seconds=60)
    Job.objects.using("ingest").filter(kind="bad").update(state="running", lease_until="2018-01-01T00:00:00Z")
    release_expired("ingest")

    after = told(names)

    assert gained(before, after, "bellwether_jobs_total") == {
        "bellwether_jobs_total good succeeded ingest": 1,
        "bellwether_jobs_total bad retried ingest": 2,
    }
    assert gained(before, after, "bellwether_job_seconds_count") == {
        "bellwether_job_seconds_count good ingest": 1,
        "bellwether_job_seconds_count bad ingest": 1,
    }
    delays = gained(before, after, "bellwether_job_start_delay_seconds_sum")
    assert [60 <= delay < 70 for delay in delays.values()] == [True, True]


_COUNT_AND_END = """
from shared.observability import metrics
metrics.EVENTS_RELAYED.labels("ingest").inc(2)
"""
_ASK = """
import django; django.setup()
from prometheus_client import generate_latest
from shared.messaging.exposition import registry
from shared.messaging.topology import Names
print(generate_latest(registry([], broker_url=None, names=Names())).decode())
"""


def test_processes_that_share_a_folder_are_added_up_even_when_they_have_ended(tmp_path: Path) -> None:
    def run(program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=CHECKOUT,
            env=environment(PROMETHEUS_MULTIPROC_DIR=str(tmp_path)),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    run(_COUNT_AND_END)
    run(_COUNT_AND_END)

    assert samples_of(run(_ASK))["bellwether_events_relayed_total ingest"] == 4


def test_a_worker_serves_its_own_metrics_where_it_is_told_to(
    db: psycopg.Connection, cause: UUID, tmp_path: Path
) -> None:
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "django", "run_roles", "relay", "tick"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=environment(METRICS_PORT=str(port)), stdout=log, stderr=log
        )
    try:
        found = samples_of(_answer(f"http://127.0.0.1:{port}/metrics"))
        again = subprocess.run(
            command,
            cwd=CHECKOUT,
            env=environment(METRICS_PORT=str(port)),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        process.terminate()
        process.wait(timeout=40)

    assert found["bellwether_up ingest"] == found["bellwether_up reports"] == 1
    assert again.returncode == 1
    assert f"METRICS_PORT: 127.0.0.1 port {port} cannot be had" in again.stderr


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "LOG_LEVEL": "ERROR", **more}


def _answer(url: str) -> str:
    give_up_at = time.monotonic() + 40
    while True:
        try:
            with urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        except URLError:
            assert time.monotonic() < give_up_at, "nobody answers"
            time.sleep(0.05)
