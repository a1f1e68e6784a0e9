"""Lets through as many calls to a provider as its limits permit, all processes together.

The count stands in PostgreSQL, in tables that pyrate-limiter makes. It is asked for a decision and never waited for.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import uniform
from threading import Lock
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool
from pyrate_limiter import Decision, PostgresBucket, Rate, RateItem

from services.ingest.providers.faults import ProviderUnavailable
from services.ingest.quota.domain import QUOTA_SCHEMA

PATIENCE_SECONDS = 3.0
CONTENTION_SECONDS = (0.002, 0.020)
LEAK_EVERY = 100
# Calls are kept longer than any limit needs them, so that one that is made longer finds what it must count.
KEPT_BEYOND = timedelta(days=7)

# Note [What the bucket must not be left to decide]
# Its column has no time zone, so each session that writes or counts must have the same one: it is set last,
# as PGTZ in the environment stands over the connection's options. Its table is locked without waiting, so "not now"
# without a delay only means that another process is counting. It remembers the last decision in itself, so two
# threads must not ask one bucket at once. Its clock falls back to that of the machine, so ours is asked instead.
# What it deletes is decided by the limits of today, which may be longer tomorrow.

_POOLS: dict[int, ConnectionPool] = {}
_GATES: dict[tuple[Any, ...], "Gate"] = {}


class Gate:
    """Counts the calls that share one quota, together with all gates of the same name in other processes."""

    def __init__(self, pool: ConnectionPool, name: str, limits: Sequence[tuple[int, float]]) -> None:
        self._pool = pool
        self._rates = [Rate(calls, round(seconds * 1000)) for calls, seconds in limits]
        self._bucket = PostgresBucket(pool, name, self._rates)
        self._lock = Lock()
        self._asked = 0

    def take(self) -> datetime | None:
        """Count a call and return None, or return when it may be asked for again.

        Raises ProviderUnavailable when nothing can be counted.
        """
        give_up_at = monotonic() + PATIENCE_SECONDS
        while monotonic() < give_up_at:
            at_ms = self._clock()
            decision = self.decide(at_ms)
            if decision.allowed:
                return None
            if decision.retry_after_ms is not None:
                return datetime.fromtimestamp((at_ms + decision.retry_after_ms) / 1000, UTC)
            sleep(uniform(*CONTENTION_SECONDS))  # noqa: S311 spreads processes, hides nothing
        raise psycopg.errors.LockNotAvailable("The count was held by others all the time.")

    def decide(self, at_ms: int) -> Decision:
        """Count a call at an instant, in milliseconds since 1970, if the limits permit it.

        A decision that permits nothing and names no delay means that another process was counting.
        """
        with self._lock:
            self._asked += 1
            if self._asked % LEAK_EVERY == 1:
                self._bucket.leak(at_ms - KEPT_BEYOND // timedelta(milliseconds=1))
            decision: Decision = self._bucket.put_decision(RateItem("call", at_ms))  # type: ignore[assignment]
            return decision

    def _clock(self) -> int:
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
            ).fetchone()
        return int(row[0]) if row else 0


def take_turn(
    name: str, limits: Sequence[tuple[int, float]], *, connection: Mapping[str, Any]
) -> datetime | None:
    """Count a call under `name` and return None, or return when it may be asked for again.

    `connection` is how PostgreSQL is reached, with the role that owns the counts. Raises ProviderUnavailable
    when nothing can be counted: then nothing may be called.
    """
    try:
        return gate_of(name, limits, connection=connection).take()
    except psycopg.OperationalError:
        raise ProviderUnavailable("Calls cannot be counted now, so none are made.") from None


def gate_of(name: str, limits: Sequence[tuple[int, float]], *, connection: Mapping[str, Any]) -> Gate:
    """Return this process's gate; a process that was forked makes its own."""
    key = (os.getpid(), name, tuple(limits))
    return _GATES.get(key) or _GATES.setdefault(key, Gate(_pool(connection), name, limits))


def _pool(connection: Mapping[str, Any]) -> ConnectionPool:
    pid = os.getpid()
    pool = _POOLS.get(pid) or _POOLS.setdefault(
        pid,
        ConnectionPool(
            kwargs=dict(connection),
            min_size=0,
            max_size=2,
            timeout=PATIENCE_SECONDS,
            num_workers=1,
            configure=_configure,
            check=ConnectionPool.check_connection,
            open=False,
            name="quota",
        ),
    )
    pool.open()
    return pool


def _configure(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        f"SET search_path = {QUOTA_SCHEMA}; SET timezone = 'UTC';"
        f" SET lock_timeout = '{PATIENCE_SECONDS}s'; SET statement_timeout = '{PATIENCE_SECONDS}s'"
    )
    connection.commit()
