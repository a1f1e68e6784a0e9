"""Rebuilt equals live, over thousands of events of every type there is, while more come."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event as Flag
from threading import current_thread, main_thread
from typing import Any

import psycopg
import pytest
from django.db import connections

from deploy.postgres.owner import as_owner
from services.tests.event_history import History
from services.tests.test_pipeline import rows_of
from shared.contracts.registry import event_types
from shared.eventstore.rebuild import differences, rebuild
from shared.eventstore.registry import handlers_of
from shared.settings.databases import SERVICES

EVENTS = 1_600

type Rows = dict[tuple[str, str], list[str]]


def projected(owner: psycopg.Connection) -> Rows:
    tables = [
        (service, model._meta.db_table) for service in SERVICES for model in handlers_of(service).projections
    ]
    return {place: rows_of(owner, *place) for place in tables}


@contextmanager
def going_on(history: History) -> Iterator[Callable[[], int]]:
    """Let a history go on in a thread of its own, at least a little, until the block ends; give how much it wrote."""
    over, rounds = Flag(), [0]

    def go_on() -> None:
        try:
            while not over.is_set() or not rounds[0]:
                history.write(16)
                history.deliver()
                rounds[0] += 1
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(copy_context().run, go_on)
        try:
            yield lambda: rounds[0]
        finally:
            over.set()
        writing.result(timeout=60)


@pytest.fixture
def _reactors_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every reactor refuse to run in the thread that rebuilds."""

    def watched(reactor: Callable[[Any], None]) -> Callable[[Any], None]:
        def react(item: Any) -> None:
            assert current_thread() is not main_thread(), "a reactor was replayed"
            reactor(item)

        return react

    for service in SERVICES:
        known = handlers_of(service)
        found = {cls: tuple(map(watched, reactors)) for cls, reactors in known.reactors.items()}
        monkeypatch.setattr(known, "reactors", found)


def recorded(owner: psycopg.Connection) -> tuple[set[str], int]:
    query = " UNION ALL ".join(f"SELECT type FROM {service}.event" for service in SERVICES)
    types = [name for (name,) in owner.execute(query).fetchall()]
    return set(types), len(types)


def test_projections_rebuilt_from_a_long_mixed_history_while_it_goes_on_equal_the_live_ones(
    db: psycopg.Connection, cause: object, request: pytest.FixtureRequest
) -> None:
    past = History(seed=1)
    past.write(EVENTS)
    past.deliver()
    types, count = recorded(db)
    assert types == {kind.type for kind in event_types()}
    assert count > EVENTS  # with what the services made of them
    assert db.execute("SELECT count(*) FROM analytics.parked").fetchone() == (0,)
    live = projected(db)
    assert all(live.values())

    request.getfixturevalue("_reactors_are_watched")
    for service, table in live:
        db.execute(f"DELETE FROM {service}.{table}")
    with as_owner():
        with going_on(History(seed=2)) as written:
            assert all(rebuild(service) > 0 for service in SERVICES)
        assert written() > 0
        left = {service: differences(service) for service in SERVICES}

    now = projected(db)
    assert {place: rows for place in live if (rows := set(live[place]) - set(now[place]))} == {}
    assert recorded(db)[1] > count
    assert {service: sum(found.values()) for service, found in left.items()} == dict.fromkeys(SERVICES, 0)
