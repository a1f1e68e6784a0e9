"""Reads daily bars into numpy, of one symbol and of 500, as known now and at a moment, beside Django's values_list.

All read one table of 2,000 symbols with 500 sessions each, of which one bar in twenty was corrected twice. They
must agree to the bit before they are timed, in turns. Django's reads get the bars alone; ours get the splits and
dividends too, and find the version themselves. Prints Markdown. Run as `python benchmarks/bars_read.py [symbols]`.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

SYMBOLS, SESSIONS, MANY = 2000, 500, 500
ROUNDS, READS_OF_ONE = 15, 60
COLUMNS = ("session", "open", "high", "low", "close", "volume")
DTYPES = ("datetime64[D]", *["float64"] * 4, "int64")
CORRECTED_AT = datetime(2026, 2, 1, tzinfo=UTC)  # when the second of three versions was recorded
_SYMBOLS = "SELECT 'S' || lpad(n::text, 5, '0') AS symbol FROM generate_series(0, %(last)s) n"
_BARS = f"""
INSERT INTO ingest.bar (symbol, session, version, superseded_version, open, high, low, close, volume, provider,
  fetch_id)
SELECT symbol, date '2024-01-02' + d * 7 / 5, %(version)s, %(superseded)s, p, p * 1.02, p * 0.98, p * 1.01,
  1000000 + 37 * d, 'benchmark', '00000000-0000-0000-0000-000000000000'
FROM ({_SYMBOLS}) s, generate_series(0, {SESSIONS - 1}) d,
  LATERAL (SELECT (100 + 50 * sin(d / 50.0) + %(version)s * 0.01)::numeric(18,4) AS p) price
WHERE (d %% 20 = 0) = %(corrected)s
ORDER BY symbol, d
"""
_OTHERS = f"""
INSERT INTO ingest.instrument (symbol, version, first_session, last_session, bar_count, provider, attribution,
  notes, updated_at)
SELECT symbol, 3, '2024-01-02', '2025-12-01', {SESSIONS}, 'benchmark', '', '[]', now() FROM ({_SYMBOLS}) s;
INSERT INTO ingest.instrument_version (symbol, version, provider, attribution, notes, fetch_id, added_count,
  corrected_count, actions_changed_count, recorded_at)
SELECT symbol, v, 'benchmark', '', '[]', gen_random_uuid(), 0, 0, 0,
  timestamptz '2026-01-01 00:00Z' + make_interval(months => v - 1)
FROM ({_SYMBOLS}) s, generate_series(1, 3) v;
INSERT INTO ingest.action (symbol, kind, ex_date, version, value, provider, fetch_id)
SELECT symbol, 'dividend', date '2024-02-01' + 91 * n, 1, 0.25, 'benchmark', gen_random_uuid()
FROM ({_SYMBOLS}) s, generate_series(0, 6) n
"""
_SIZES = """
SELECT count(*), pg_relation_size('ingest.bar') / count(*), pg_relation_size('ingest.bar_pkey') / count(*),
  pg_relation_size('ingest.bar_current_once') / count(*), pg_total_relation_size('ingest.bar') / 1048576
FROM ingest.bar
"""

type Read = Callable[[], Any]


def fill(url: str, symbols: int) -> float:
    """Store the bars as an import and two corrections would have left them; return the seconds of the bars."""
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as owner:
        began = time.perf_counter()
        for version, superseded, corrected in ((1, None, False), (1, 2, True), (2, 3, True), (3, None, True)):
            owner.execute(
                _BARS,
                {
                    "last": symbols - 1,
                    "version": version,
                    "superseded": superseded,
                    "corrected": corrected,
                },
            )
        taken = time.perf_counter() - began
        owner.execute(_OTHERS, {"last": symbols - 1})
        owner.execute("VACUUM ANALYZE")
        return taken


def vectors(rows: Sequence[tuple[Any, ...]]) -> list[np.ndarray[Any, Any]]:
    """Return the columns of rows as numpy vectors."""
    return [np.array(column, dtype) for column, dtype in zip(zip(*rows, strict=True), DTYPES, strict=True)]


def reads_of(symbols: Sequence[str]) -> dict[str, Read]:
    """Return each way to read all bars of the symbols. Django must be loaded."""
    from django.db.models import Q

    from services.ingest.market.models import Bar
    from shared.pricing.reader import load_histories, load_history

    bars = Bar.objects.using("ingest")
    at_second = Q(version__lte=2) & (Q(superseded_version=None) | Q(superseded_version__gt=2))

    def rival(known: Q) -> Any:
        found = bars.filter(known, symbol__in=symbols).order_by("symbol", "session")
        if len(symbols) == 1:
            found = bars.filter(known, symbol=symbols[0]).order_by("session")
        return vectors(found.values_list(*COLUMNS))

    def ours(**as_of: Any) -> Any:
        if len(symbols) == 1:
            return [load_history("ingest", symbols[0], **as_of)]
        return list(load_histories("ingest", dict.fromkeys(symbols), **as_of))

    return {
        "Django values_list": lambda: rival(Q(superseded_version=None)),
        "numpy": ours,
        "Django values_list, as of a version": lambda: rival(at_second),
        "numpy, as of a moment": lambda: ours(as_of=CORRECTED_AT),
    }


def agree(reads: dict[str, Read]) -> None:
    """Check that each of our reads has the values of Django's to the bit, and that the moment shows others."""
    told = [
        [
            np.concatenate([getattr(history, name) for history in found()])
            for name in ("sessions", *COLUMNS[1:])
        ]
        for found in (reads["numpy"], reads["numpy, as of a moment"])
    ]
    rivals = (reads["Django values_list"](), reads["Django values_list, as of a version"]())
    for ours, theirs in zip(told, rivals, strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            assert mine.dtype == other.dtype
            assert mine.tobytes() == other.tobytes()
    assert told[0][1].tobytes() != told[1][1].tobytes()


def compare(symbols: Sequence[str], repeats: int) -> list[str]:
    """Check that all agree, time them in turns, and return the rows of the table."""
    reads = reads_of(symbols)
    agree(reads)
    taken: dict[str, list[float]] = {name: [] for name in reads}
    for _ in range(ROUNDS):
        for name, read in reads.items():
            for _ in range(repeats):
                began = time.perf_counter()
                read()
                taken[name].append(1000 * (time.perf_counter() - began))
    median = {name: statistics.median(times) for name, times in taken.items()}
    size = f"{len(symbols)} x {SESSIONS}"
    return [
        f"| {size} | {name} | {median[name]:.2f} | {min(taken[name]):.2f}"
        f" | {median['Django values_list'] / median[name]:.1f} | {median[name] / median['numpy']:.2f} |"
        for name in reads
    ]


def main() -> None:
    """Set up a system of its own, fill it, and compare."""
    checkout = Path(__file__).resolve().parents[1]
    sys.path.insert(0, str(checkout))
    symbols = int(sys.argv[1]) if len(sys.argv) > 1 else SYMBOLS
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"BELLWETHER_HOME": home, "LOG_LEVEL": "ERROR"}
        from deploy.local.system import open_system

        with open_system():
            url = os.environ["DATABASE_URL"]
            seconds = fill(url, symbols)
            with psycopg.connect(url) as owner:
                row = owner.execute(_SIZES).fetchone()
            assert row is not None
            count, *sizes = row
            print(
                f"{count:,} rows stored in {seconds:.1f} s, {1e6 * seconds / count:.1f} s a million;", end=" "
            )
            print("bytes a row: table {}, primary key {}, index of current bars {}; {} MiB.\n".format(*sizes))
            print("| bars | read as | ms, median | ms, fastest | times Django | of the current read |")
            print("|---|---|---:|---:|---:|---:|")
            names = [f"S{number:05}" for number in range(0, symbols, max(1, symbols // MANY))][:MANY]
            for rows in (compare(names[7:8], READS_OF_ONE), compare(names, 1)):
                print("\n".join(rows))


if __name__ == "__main__":
    main()
