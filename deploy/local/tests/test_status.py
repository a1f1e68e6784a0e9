"""What `bellwether status` counts, and how people read it."""

import io
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from deploy.local import status, status_output, system
from deploy.local.checkout import command_line
from deploy.local.errors import PostgresUnavailable
from deploy.local.state import open_state
from deploy.local.status import _services, status_now
from deploy.local.system import System
from deploy.local.terminal import Terminal
from shared.eventstore.parked import park

COUNTS: dict[str, Any] = {
    "unsent": 0,
    "unsent_seconds": 0.0,
    "queued": None,
    "waiting": 0,
    "parked": 0,
    "open_jobs": 0,
}


def shown(services: dict[str, Any], *, broker_up: bool | None, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a terminal of 80 columns shows."""
    found = {
        "running": True,
        "url": "http://127.0.0.1:8000",
        "processes": ["web", "worker"],
        "services": services,
        "broker_up": broker_up,
        "instruments": {},
    }
    return printed(found, monkeypatch=monkeypatch)


def printed(found: dict[str, Any], *, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a terminal of 80 columns shows of a status."""
    terminal = Terminal(file=io.StringIO(), width=80, highlight=False)
    monkeypatch.setattr(status_output, "answers", terminal)
    status_output.print_status(found)
    written: str = terminal.file.getvalue()  # type: ignore[attr-defined]
    return written


def test_each_service_has_its_counts_and_no_more(db: psycopg.Connection) -> None:
    park("reports", body=b"{", envelope=None, slug="malformed-event", detail="", attempts=1)
    db.execute(
        "INSERT INTO bus.delivery (consumer, event_id, body) VALUES ('analytics', gen_random_uuid(), '')"
    )
    db.execute(
        "INSERT INTO ingest.outbox (position, event_id, stream, body, routing_key, created_at)"
        " VALUES (1, gen_random_uuid(), 'tally-a', '', 'ingest.Counted', now() - interval '1 min')"
    )

    services, broker_up = _services()

    age = services["ingest"].pop("unsent_seconds")
    assert services == {
        "ingest": {name: value for name, value in COUNTS.items() if name != "unsent_seconds"} | {"unsent": 1},
        "analytics": COUNTS | {"queued": 1},
        "reports": COUNTS | {"queued": 0, "parked": 1},
    }
    assert 60 <= age < 90
    assert broker_up is None


def test_a_broker_that_is_away_is_said_and_the_rest_is_counted(
    db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.BELLWETHER, "BROKER_URL", "amqp://127.0.0.1:1/")

    services, broker_up = _services()

    assert broker_up is False
    assert services["analytics"] == COUNTS


def test_the_table_fits_a_terminal_and_says_what_to_do_about_parked_messages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = dict.fromkeys(COUNTS, 100_000)
    text = shown({"analytics": full, "ingest": COUNTS}, broker_up=False, monkeypatch=monkeypatch)

    assert text.count("100,000") == 6
    assert "…" not in text
    assert "RabbitMQ does not answer" in text
    assert command_line("events parked list") in " ".join(text.split())


def test_nothing_parked_needs_no_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown({"ingest": COUNTS}, broker_up=None, monkeypatch=monkeypatch)

    assert "arked messages" not in text
    assert "PostgreSQL" in text


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the state folder of a system that is not running and has no database of its own yet."""
    monkeypatch.setenv("BELLWETHER_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL")
    return open_state({"BELLWETHER_HOME": str(tmp_path)}).postgres


def test_what_waits_is_told_while_nothing_runs(
    db: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELLWETHER_HOME", str(tmp_path))
    park("reports", body=b"{", envelope=None, slug="malformed-event", detail="", attempts=1)
    found = System(state=open_state({"BELLWETHER_HOME": str(tmp_path)}), environment={})
    token = system._opened.set(found)

    told = status_now()
    system._opened.reset(token)

    assert (told["running"], told["services"]["reports"]["parked"]) == (False, 1)
    text = printed(told, monkeypatch=monkeypatch)
    assert text.startswith("Bellwether is not running.")
    assert "Parked messages wait for you" in text


def test_before_the_first_start_nothing_is_set_up_only_to_be_counted(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "open_system", lambda: pytest.fail("it was opened"))

    assert status_now() == {"running": False, "left_behind": []}


def test_a_database_that_cannot_be_started_is_said_in_place_of_what_waits(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stopped / "15").mkdir()

    def fail() -> None:
        raise PostgresUnavailable("No PostgreSQL was found.")

    monkeypatch.setattr(status, "open_system", fail)

    told = status_now()

    assert told["problem"]["type"] == "/problems/postgres-unavailable"
    assert "cannot be read now: No PostgreSQL was found." in printed(told, monkeypatch=monkeypatch)
