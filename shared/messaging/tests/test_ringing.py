import threading
from typing import Any, cast
from uuid import UUID, uuid4

from django.apps import apps
from django.conf import settings
from pytest import MonkeyPatch

from shared.eventstore import jobs
from shared.eventstore.tests.tally import wait_until
from shared.messaging import ringing
from shared.messaging.doorbell import Doorbells
from shared.messaging.ringing import BackgroundRing


class Slow:
    """Doorbells whose broker does not answer until it is let through."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, UUID]] = []
        self.answers = threading.Event()

    def ring(self, service: str, job_id: UUID) -> None:
        self.answers.wait(timeout=20)
        self.rung.append((service, job_id))


def _background(doorbells: Slow) -> BackgroundRing:
    return BackgroundRing(cast(Doorbells, doorbells))


def test_who_rings_does_not_wait_for_the_broker_and_nothing_is_forgotten() -> None:
    slow, ids = Slow(), [uuid4() for _ in range(3)]
    background = _background(slow)
    for job_id in ids:
        background.ring("ingest", job_id)
    assert slow.rung == []
    slow.answers.set()
    wait_until(lambda: slow.rung == [("ingest", job_id) for job_id in ids], "all were rung for in order")


def test_only_so_many_rings_are_kept_for_a_broker_that_is_away(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(ringing, "MOST_WAITING", 2)
    slow = Slow()
    background = _background(slow)
    for _ in range(50):
        background.ring("ingest", uuid4())
    slow.answers.set()
    wait_until(background._waiting.empty, "what was kept was rung for")
    assert 1 <= len(slow.rung) <= 4  # one in hand, two kept, and one in between


def test_a_process_with_a_broker_rings_for_the_jobs_it_queues(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_DOORBELLS", [])
    url: dict[str, Any] = {**settings.BELLWETHER, "BROKER_URL": "amqp://127.0.0.1:1"}
    monkeypatch.setattr(settings, "BELLWETHER", url)
    apps.get_app_config("messaging").ready()
    [ring] = jobs._DOORBELLS
    assert isinstance(getattr(ring, "__self__", None), BackgroundRing)


def test_a_process_without_a_broker_rings_for_nothing(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_DOORBELLS", [])
    monkeypatch.setattr(settings, "BELLWETHER", {**settings.BELLWETHER, "BROKER_URL": None})
    apps.get_app_config("messaging").ready()
    assert jobs._DOORBELLS == []
