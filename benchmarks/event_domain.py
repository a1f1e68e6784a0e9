"""What the benchmarks of the event backbone share: one small event, its effect, and a system to run in."""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

CHECKOUT = Path(__file__).resolve().parents[1]
TEXT = "x" * 200
NAMESPACE = "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """Raised by ingest, published; analytics writes a row for each."""

    number: int
    text: str


@contextmanager
def system(*, with_broker: bool) -> Iterator[tuple[str, str | None]]:
    """Start servers of their own, durable as in production; give the owner's URL and the broker's."""
    sys.path.insert(0, str(CHECKOUT))
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ |= {"BELLWETHER_HOME": home, "LOG_LEVEL": "ERROR", "BROKER_NAMESPACE": NAMESPACE}
        from deploy.local import rabbitmq
        from deploy.local.state import open_state
        from deploy.local.system import open_system

        stack.enter_context(open_system())
        broker_url = None
        if with_broker:
            broker = rabbitmq.start(
                state=open_state(os.environ), environment=os.environ, folder=Path(home) / "rabbitmq"
            )
            stack.enter_context(broker)
            broker.wait_until_ready()
            broker_url = broker.url
        register_domain()
        yield os.environ["DATABASE_URL"], broker_url


def register_domain() -> None:
    """Have this process know the event and its effect, and no other handlers."""
    from shared.contracts.registry import event
    from shared.eventstore import registry

    event(source="ingest", category="tick", published=True)(Ticked)
    registry._HANDLERS.clear()  # noqa: SLF001 the effect is to be this one alone
    registry.register("analytics", projectors={Ticked: (_write,)})


def make_tables(owner: Any) -> None:
    """Make the table of effects, and take all rows of earlier rounds."""
    owner.execute(
        "CREATE TABLE IF NOT EXISTS analytics.ticked"
        " (event_id uuid PRIMARY KEY, number int NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());"
        "GRANT SELECT, INSERT ON analytics.ticked TO bellwether_analytics;"
        "TRUNCATE analytics.ticked, ingest.event, ingest.outbox, analytics.inbox, analytics.stream_position,"
        " analytics.attempt, analytics.parked, bus.delivery"
    )


def _write(item: Any) -> None:
    from shared.cursors import prepared_cursor

    with prepared_cursor("analytics") as cursor:
        cursor.execute(
            "INSERT INTO ticked (event_id, number) VALUES (%s, %s)",
            [item.envelope.event_id, item.event.number],
        )


def append_ticks(count: int, *, streams: int, each: int = 50) -> None:
    """Record `count` events over `streams` streams, `each` in one transaction."""
    from django.db import transaction

    from shared.eventstore.append import append
    from shared.observability.correlation import Cause, caused_by

    names = [f"tick-{UUID(int=number)}" for number in range(streams)]
    with caused_by(Cause(uuid4())):
        for start in range(0, count, each):
            events = [Ticked(number=start + number, text=TEXT) for number in range(min(each, count - start))]
            with transaction.atomic(using="ingest", durable=True):
                append("ingest", names[(start // each) % streams], *events, now=datetime.now(UTC))


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def rates(ways: dict[str, Callable[[int], None]], *, count: int, rounds: int) -> dict[str, float]:
    """Return the median rate a second of each way over interleaved rounds of `count` pieces of work."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(count / seconds(lambda way=way: way(count)))  # type: ignore[misc]
    return {name: statistics.median(found) for name, found in taken.items()}


def print_rates(title: str, found: dict[str, float], *, beside: str) -> None:
    """Print a Markdown table of rates, each beside one of them."""
    print(f"| {title} | a second | of ours |\n|---|---:|---:|")
    for name, rate in found.items():
        print(f"| {name} | {rate:,.0f} | {rate / found[beside]:.2f} |")
    print()
