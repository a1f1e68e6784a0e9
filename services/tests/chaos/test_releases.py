"""Two releases side by side, and a database that went back in time: matrix rows 32, 47 and 50."""

from uuid import uuid4

import pytest
import requests
from django.utils import timezone

from services.tests.chaos.books import effects, parked_messages
from services.tests.chaos.stage import Stage
from services.tests.chaos.web import web
from services.tests.processes import wait_until
from shared.contracts.envelope import Envelope, event_id
from shared.eventstore.inbox import receive
from shared.eventstore.parked import retry_parked
from shared.messaging.bus import Message
from shared.messaging.loops import make_bus

pytestmark = pytest.mark.chaos
OLD = {"CHAOS_RELEASE": "1"}


def write(stage: Stage, url: str, count: int) -> None:
    """Have a web server mark that many numbers."""
    for _ in range(count):
        number = next(stage.numbers)
        stage.attempt(number)
        answer = requests.post(f"{url}/marks/s{number % 3}/{number}/", timeout=10)
        assert answer.status_code == 201
        stage.acknowledge(number)


def test_a_rolling_deploy_that_begins_with_the_consumers_loses_nothing(stage: Stage) -> None:
    old_web, old_worker = web(stage, **OLD), stage.start(**OLD)
    write(stage, old_web, 12)
    new_worker = stage.start()
    new_worker.wait_until_ready()
    write(stage, old_web, 12)
    old_worker.terminate()
    write(stage, old_web, 12)
    write(stage, web(stage), 12)
    stage.settle()

    assert stage.check().ok == 48
    versions = stage.owner.execute("SELECT DISTINCT schema_version FROM ingest.event ORDER BY 1").fetchall()
    assert versions == [(1,), (2,)]


def test_an_event_newer_than_its_consumer_is_parked_and_has_its_effect_after_the_upgrade(
    stage: Stage,
) -> None:
    old = stage.start(**OLD)
    stage.write("s0", next(stage.numbers))
    wait_until(lambda: bool(parked_messages(stage.owner)), saying="a parked event")
    ((*place, _),) = parked_messages(stage.owner)
    assert place == ["analytics", "unsupported-version", "mark-s0", 1]

    old.terminate()
    row = stage.owner.execute("SELECT id FROM analytics.parked").fetchone()
    assert row is not None
    retry_parked(
        "analytics",
        row[0],
        receive=lambda service, bodies: receive(service, bodies, pause=lambda _: None),
    )
    stage.start()
    stage.settle()

    assert stage.check().ok == 1


def test_a_message_of_a_past_that_a_restore_took_back_is_not_applied(stage: Stage) -> None:
    stage.write("s0", next(stage.numbers))
    taken_back = Envelope(
        event_id=event_id("ingest", "mark-s0", 2),
        source="ingest",
        stream="mark-s0",
        version=2,
        type="Marked",
        schema_version=2,
        data={"number": 999, "mode": ""},
        correlation_id=uuid4(),
        causation_id=None,
        occurred_at=timezone.now(),
    )
    bus = make_bus(stage.broker_url, stage.names)
    message = Message(event_id=taken_back.event_id, routing_key="ingest.Marked", body=taken_back.to_bytes())
    bus.publish("ingest", [message])
    bus.close()
    stage.start()
    stage.settle()

    stage.write("s0", next(stage.numbers))  # the place is given to another event now
    stage.settle()

    applied = [number for _, number in effects(stage.owner, "analytics", "mark-")["mark-s0"]]
    assert applied == [0, 1]
