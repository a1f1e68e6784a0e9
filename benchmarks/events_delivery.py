"""Moves events from the outbox to RabbitMQ and PostgreSQL (E3), and from there into their effects (E4).

Beside the relay: pika with a confirm for each message, and pika in windows of 1,000 with nothing claimed or marked.
Beside the consumer: the same work in a transaction for each event, and pika alone. Order and effects are checked
before times count. Then a backlog of 20,000 and of 100,000 events, each moved by fresh processes, with their peak
memory. Prints Markdown tables. Run as `python benchmarks/events_delivery.py`, on Linux.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
from event_domain import (
    CHECKOUT,
    NAMESPACE,
    append_ticks,
    make_tables,
    print_rates,
    register_domain,
    seconds,
    system,
)

COUNT, ROUNDS, STREAMS = 5_000, 3, 200
BACKLOGS = (20_000, 100_000)
PAUSE = Event().wait


def relay(broker_url: str | None) -> None:
    """Send all that is pending."""
    from shared.messaging.loops import make_bus
    from shared.messaging.relay import relay_once
    from shared.messaging.topology import Names

    bus = make_bus(broker_url, Names(NAMESPACE))
    while relay_once("ingest", bus):
        pass
    bus.close()


def consume(broker_url: str | None, *, count: int, together: bool = True) -> None:
    """Receive `count` events, in batches or, not `together`, each in a transaction of its own."""
    from shared.eventstore.inbox import receive
    from shared.messaging.loops import BATCH_EVENTS, make_bus
    from shared.messaging.topology import Names

    bus, done = make_bus(broker_url, Names(NAMESPACE)), 0
    while done < count:
        with bus.batch("analytics", limit=BATCH_EVENTS, wait_seconds=0.25) as bodies:
            for part in [bodies] if together else [[body] for body in bodies]:
                receive("analytics", part, pause=PAUSE)
        done += len(bodies)
    bus.close()


def one_by_one(url: str, bodies: list[bytes]) -> None:
    """Publish with pika's own confirm of each message."""
    with _channel(url) as channel:
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish(
                f"{NAMESPACE}.events.v1", "ingest.Ticked", body, _persistent(), mandatory=True
            )


def in_windows(url: str, bodies: list[bytes]) -> None:
    """Publish in windows of 1,000 and nothing else: the limit of the client."""
    from shared.messaging.confirms import ConfirmingChannel

    with _channel(url) as channel:
        confirming = ConfirmingChannel(channel)
        for start in range(0, len(bodies), 1_000):
            part = bodies[start : start + 1_000]
            confirming.publish(
                f"{NAMESPACE}.events.v1", (("ingest.Ticked", body, _persistent()) for body in part)
            )
            confirming.wait_for_confirms()


def raw(url: str, count: int) -> None:
    """Take and acknowledge `count` messages with pika alone, 50 at a time."""
    with _channel(url) as channel:
        channel.basic_qos(prefetch_count=500)
        for taken, (method, _, _) in enumerate(channel.consume(f"{NAMESPACE}.analytics.v1"), start=1):
            if taken % 50 == 0:
                channel.basic_ack(method.delivery_tag, multiple=True)
            if taken == count:
                return


def _channel(url: str) -> Any:
    from contextlib import contextmanager

    import pika

    @contextmanager
    def opened() -> Any:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        try:
            yield connection.channel()
        finally:
            connection.close()

    return opened()


def _persistent() -> Any:
    import pika

    return pika.BasicProperties(delivery_mode=2)


def require_effects(owner: Any, count: int) -> None:
    """Fail unless each event has one effect, and each stream was applied in order."""
    found = owner.execute("SELECT count(*) FROM analytics.ticked").fetchone()
    assert found == (count,), found
    wrong = owner.execute(
        "SELECT count(*) FROM (SELECT version, lag(version, 1, 0) OVER (PARTITION BY stream ORDER BY position)"
        " AS before FROM analytics.inbox) placed WHERE version <> before + 1"
    ).fetchone()
    assert wrong == (0,), wrong


def compare(owner: Any, broker_url: str) -> None:
    """Time every way in turn, and print both tables."""
    sent: dict[str, list[float]] = {}
    taken: dict[str, list[float]] = {}

    def timed(table: dict[str, list[float]], name: str, work: Callable[[], None]) -> None:
        table.setdefault(name, []).append(COUNT / seconds(work))

    for _ in range(ROUNDS):
        for kind, url, together in (
            ("RabbitMQ", broker_url, True),
            ("PostgreSQL", None, True),
            ("RabbitMQ, a transaction for each event", broker_url, False),
        ):
            make_tables(owner)
            append_ticks(COUNT, streams=STREAMS)
            name = "relay to " + kind if together else None
            if name:
                timed(sent, name, lambda url=url: relay(url))
            else:
                relay(url)
            timed(
                taken,
                f"consumer from {kind}",
                lambda url=url, together=together: consume(url, count=COUNT, together=together),
            )
            require_effects(owner, COUNT)
        bodies = [bytes(row[0]) for row in owner.execute("SELECT body FROM ingest.outbox ORDER BY position")]
        timed(sent, "pika, a confirm for each", lambda bodies=bodies: one_by_one(broker_url, bodies))
        raw(broker_url, COUNT)
        timed(sent, "pika, windows of 1,000", lambda bodies=bodies: in_windows(broker_url, bodies))
        timed(taken, "pika alone, 50 acknowledged at a time", lambda: raw(broker_url, COUNT))
    for title, table in (("sending", sent), ("receiving", taken)):
        rates = {name: statistics.median(found) for name, found in table.items()}
        print_rates(title, rates, beside=next(iter(rates)))


def alone(role: str, broker_url: str, count: int) -> None:
    """Do one role's work in this very process, and print its seconds and peak memory in KiB."""
    sys.path.insert(0, str(CHECKOUT))
    import django

    django.setup()
    register_domain()
    url = broker_url or None
    took = seconds(lambda: relay(url) if role == "relay" else consume(url, count=count))
    [peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    print(took, peak.split()[1])


def backlogs(owner: Any, broker_url: str) -> None:
    """Move backlogs of two sizes by fresh processes, and print time and memory."""
    print("| backlog | bus | role | s | events a second | peak, MiB |\n|---:|---|---|---:|---:|---:|")
    for count in BACKLOGS:
        for kind, url in (("RabbitMQ", broker_url), ("PostgreSQL", "")):
            make_tables(owner)
            append_ticks(count, streams=STREAMS)
            for role in ("relay", "consume"):
                command = [sys.executable, __file__, role, url, str(count)]
                done = subprocess.run(
                    command, env=dict(os.environ), capture_output=True, text=True, check=True
                )
                took, peak = done.stdout.split()
                rate = count / float(took)
                print(
                    f"| {count:,} | {kind} | {role} | {float(took):.1f} | {rate:,.0f} | {int(peak) // 1024} |",
                    flush=True,
                )
            require_effects(owner, count)


def main() -> None:
    """Set up a system of its own, compare, and move the backlogs."""
    if len(sys.argv) == 4:
        alone(sys.argv[1], sys.argv[2], int(sys.argv[3]))
        return
    with system(with_broker=True) as (url, broker_url), psycopg.connect(url, autocommit=True) as owner:
        assert broker_url is not None
        compare(owner, broker_url)
        backlogs(owner, broker_url)


if __name__ == "__main__":
    main()
