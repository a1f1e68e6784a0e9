"""Stores 1,000,000 daily bars, and then the same again unchanged, beside a plain COPY and Django's bulk_create.

2,000 symbols of 500 sessions each. Ours records whole answers: versions, events and projections included. The
rivals write into tables like ours with the same keys, indexes and checks, from the same columns; all must hold
the same rows before times count. A COPY cannot write a second time, so the second run has no such line. Medians of
three rounds; Django, which takes minutes, has part in the first. Prints a Markdown table. Run as
`python benchmarks/bars_upsert.py`, on Linux.
"""

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import batched
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

SYMBOLS, SESSIONS, SMALL = 2_000, 500, 400
BATCH, ROUNDS = 100, 3
PRICES = ("open", "high", "low", "close")
FETCH = UUID(int=7)
OURS, COPY, DJANGO = "ours", "COPY into a keyed table", "Django `bulk_create(update_conflicts=True)`"


def answers(count: int) -> Iterator[Any]:
    """Give the answers of a provider for `count` symbols, the same at every call."""
    from datetime import date

    from services.ingest.market.columns import BAR, SeriesColumns
    from services.ingest.sessions.domain import sessions_between

    sessions = np.array(sessions_between(date(2015, 1, 2), date(2018, 1, 2))[:SESSIONS], "<M8[D]")
    for number in range(count):
        chance = np.random.default_rng(number)
        bars = np.zeros(SESSIONS, BAR)
        walk = np.exp(np.cumsum(chance.normal(0, 0.01, SESSIONS)) + chance.uniform(2, 6))
        bars["session"], bars["close"] = sessions, np.round(walk, 4) * 10**6
        bars["open"] = bars["close"] + chance.integers(-9, 9, SESSIONS) * 1_000
        bars["high"] = np.maximum(bars["open"], bars["close"]) + 5_000
        bars["low"] = np.minimum(bars["open"], bars["close"]) - 5_000
        bars["volume"] = chance.integers(10**4, 10**8, SESSIONS)
        yield SeriesColumns(symbol=f"S{number:04}", provider="csv", attribution="a benchmark", bars=bars)


def record(count: int = SYMBOLS) -> None:
    """Store the answers by our own way, 100 in each transaction."""
    from datetime import UTC, datetime
    from uuid import uuid4

    from django.db import transaction

    from services.ingest.market.services import Recording, Told, record_many
    from shared.observability.correlation import Cause, caused_by

    now = datetime.now(UTC)
    told = (Told(series=series, fetch_id=FETCH) for series in answers(count))
    for batch in batched(told, BATCH):
        with caused_by(Cause(uuid4())), transaction.atomic(using="ingest", durable=True):
            outcomes = record_many(batch=batch, now=now)
        assert all(isinstance(outcome, Recording) for outcome in outcomes)


def copy(owner: Any) -> None:
    """Store the answers by one COPY of the same bytes in one transaction."""
    from services.ingest.market.copying import HEADER, TRAILER, Millionths, binary_rows

    columns = "symbol, session, version, open, high, low, close, volume, provider, fetch_id"
    statement = f"COPY ingest.bar_by_copy ({columns}) FROM STDIN (FORMAT BINARY)"
    with owner.transaction(), owner.cursor() as cursor, cursor.copy(statement) as stream:
        stream.write(HEADER)
        for series in answers(SYMBOLS):
            bars = series.bars
            rows = binary_rows(
                len(bars),
                series.symbol.encode(),
                bars["session"],
                np.ones(len(bars), np.int32),
                *(Millionths(bars[name]) for name in PRICES),
                bars["volume"],
                series.provider.encode(),
                FETCH.bytes,
            )
            stream.write(rows)
        stream.write(TRAILER)


def bulk_create(model: Any) -> None:
    """Store the answers by Django's own way, 100 in each transaction."""
    from django.db import transaction

    from services.ingest.market.columns import price_of

    for batch in batched(answers(SYMBOLS), BATCH):
        rows = [
            model(
                symbol=series.symbol,
                session=session,
                version=1,
                **dict(zip(PRICES, map(price_of, prices), strict=True)),
                volume=volume,
                provider=series.provider,
                fetch_id=FETCH,
            )
            for series in batch
            for session, *prices, volume in series.bars.tolist()
        ]
        with transaction.atomic(using="ingest"):
            model.objects.using("ingest").bulk_create(
                rows,
                batch_size=5_000,
                update_conflicts=True,
                unique_fields=["symbol", "session", "version"],
                update_fields=[*PRICES, "volume"],
            )


def rival_model() -> Any:
    """Return a model of the table that Django writes into."""
    from django.db import models

    class BarByDjango(models.Model):
        pk = models.CompositePrimaryKey("symbol", "session", "version")
        symbol = models.TextField()
        session = models.DateField()
        version = models.IntegerField()
        superseded_version = models.IntegerField(null=True)
        open = models.DecimalField(max_digits=18, decimal_places=6)
        high = models.DecimalField(max_digits=18, decimal_places=6)
        low = models.DecimalField(max_digits=18, decimal_places=6)
        close = models.DecimalField(max_digits=18, decimal_places=6)
        volume = models.BigIntegerField()
        provider = models.TextField()
        fetch_id = models.UUIDField()

        class Meta:
            app_label = "ingest_market"
            managed = False
            db_table = "bar_by_django"

    return BarByDjango


def seconds(work: Callable[[], None]) -> float:
    """Return how long some work takes."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def emptied(owner: Any) -> None:
    """Take all rows and let the server settle."""
    tables = "bar, action, instrument, instrument_version, event, outbox, bar_by_copy, bar_by_django"
    owner.execute(f"TRUNCATE {', '.join(f'ingest.{name}' for name in tables.split(', '))}")
    owner.execute("CHECKPOINT")


def require_same_rows(owner: Any, *, with_django: bool) -> None:
    """Fail unless all tables hold the same bars and there is one event for each symbol."""
    rows = "SELECT symbol, session, version, open, high, low, close, volume, provider, fetch_id FROM ingest."
    for other in ("bar_by_copy", "bar_by_django")[: 1 + with_django]:
        for one, two in (("bar", other), (other, "bar")):
            [different] = owner.execute(
                f"SELECT count(*) FROM ({rows}{one} EXCEPT ALL {rows}{two}) d"
            ).fetchone()
            assert different == 0, f"{one} has {different} rows that {two} has not"
    counts = [
        owner.execute(f"SELECT count(*) FROM ingest.{name}").fetchone()[0]
        for name in ("bar", "event", "outbox", "instrument")
    ]
    assert counts == [SYMBOLS * SESSIONS, SYMBOLS, SYMBOLS, SYMBOLS], counts


def written_bytes(owner: Any, work: Callable[[], None]) -> int:
    """Return how many bytes of write-ahead log the server wrote during some work."""
    before = owner.execute("SELECT pg_current_wal_insert_lsn()").fetchone()[0]
    work()
    return int(
        owner.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", [before]).fetchone()[0]
    )


def peak_mebibytes(environment: dict[str, str], owner: Any, count: int) -> int:
    """Return the most memory that a fresh process has while it records `count` symbols."""
    emptied(owner)
    command = [sys.executable, __file__, "--record", str(count)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout) // 1024


def record_alone(count: int) -> None:
    """Record in this very process, and print its peak memory in KiB."""
    import django

    django.setup()
    record(count)
    [peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    print(peak.split()[1])


def compare(owner: Any, environment: dict[str, str]) -> None:
    """Time all in turn, check that they agree, and print the table."""
    model = rival_model()
    ways: dict[str, Callable[[], None]] = {
        OURS: record,
        COPY: lambda: copy(owner),
        DJANGO: lambda: bulk_create(model),
    }
    first: dict[str, list[float]] = {name: [] for name in ways}
    again: dict[str, list[float]] = {OURS: [], DJANGO: []}
    written = 0
    for number in range(ROUNDS):
        emptied(owner)
        for name, way in ways.items():
            if name != DJANGO or number == 0:
                first[name].append(seconds(way))
        require_same_rows(owner, with_django=number == 0)
        for statement in ("ANALYZE", "VACUUM", "CHECKPOINT"):  # so that nothing is tidied up in between
            owner.execute(statement)
        written = max(written, written_bytes(owner, lambda: again[OURS].append(seconds(record))))
        if number == 0:
            again[DJANGO].append(seconds(ways[DJANGO]))
        require_same_rows(owner, with_django=number == 0)
    small, large = (peak_mebibytes(environment, owner, count) for count in (SMALL, SYMBOLS))
    print(f"| {SYMBOLS * SESSIONS:,} bars | first time, s | unchanged, s |\n|---|---:|---:|")
    for name, taken in first.items():
        second = f"{statistics.median(again[name]):.2f}" if name in again else ""
        print(f"| {name} | {statistics.median(taken):.2f} | {second} |")
    times_copy = statistics.median(first[OURS]) / statistics.median(first[COPY])
    once, twice = (taken[DJANGO][0] / taken[OURS][0] for taken in (first, again))  # of the round they share
    print(
        f"\nFirst time {once:.1f} times as fast as Django and {times_copy:.2f} times the COPY; unchanged {twice:.1f}"
        f" times as fast as Django, with {written:,} bytes of write-ahead log on the whole server. Peak memory of a"
        f" process that records {SMALL * SESSIONS:,} bars {small} MiB, {SYMBOLS * SESSIONS:,} bars {large} MiB."
    )


def main() -> None:
    """Set up a system of its own, and compare."""
    checkout = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(checkout))
    if "--record" in sys.argv:
        record_alone(int(sys.argv[-1]))
        return
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"BELLWETHER_HOME": home, "LOG_LEVEL": "ERROR"}
        from deploy.local.system import open_system

        with open_system() as system:
            import psycopg

            with psycopg.connect(system.environment["DATABASE_URL"], autocommit=True) as owner:
                owner.execute("ALTER SYSTEM SET autovacuum = off")  # it would write in between
                owner.execute("SELECT pg_reload_conf()")
                for name in ("bar_by_copy", "bar_by_django"):
                    owner.execute(f"CREATE TABLE ingest.{name} (LIKE ingest.bar INCLUDING ALL)")
                owner.execute("GRANT SELECT, INSERT, UPDATE ON ingest.bar_by_django TO bellwether_ingest")
                environment = {**system.environment, "DJANGO_SETTINGS_MODULE": "deploy.local.settings"}
                compare(owner, environment)


if __name__ == "__main__":
    main()
