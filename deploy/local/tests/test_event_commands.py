"""The event commands as an operator uses them, in this process and on the test's database."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from deploy.local import system
from deploy.local.checkout import CHECKOUT
from deploy.local.cli import app
from deploy.local.state import StateFolder
from services.ingest.fetches.domain import last_final_session
from services.ingest.fetches.services import request_fetch
from services.ingest.providers.tests.simulator import KEY, Simulator, moved
from services.ingest.watchlists.services import save_watch_list
from services.tests.pipeline import drain_everything
from shared.contracts.envelope import event_id
from shared.contracts.prices import PricesUpdated
from shared.eventstore.models import Inbox, Outbox
from shared.eventstore.parked import park
from shared.eventstore.registry import handlers_of

WIDTH = 80
FIRST = str(event_id("ingest", "watchlist-a", 1))


@pytest.fixture(autouse=True)
def _opened(db: psycopg.Connection, cause: object, tmp_path: Any) -> Iterator[None]:
    """Have the commands find the test's system open."""
    found = system.System(state=StateFolder(root=tmp_path), environment=dict(os.environ))
    token = system._opened.set(found)
    yield
    system._opened.reset(token)


class Command:
    """What a command wrote, and its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app(list(words))
        self.out, self.err = self._capsys.readouterr()
        assert (ended.value.code or 0) == code, self.out + self.err
        return self.out

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code))

    def problem(self, *words: str) -> dict[str, Any]:
        self(*words, "--json", code=1)
        assert self.out == ""
        found: dict[str, Any] = json.loads(self.err.strip().splitlines()[-1])
        return found


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def save(*names: str) -> None:
    for name in names:
        save_watch_list(name=name, symbols=["FB"], provider="auto", active=False, now=timezone.now())


@pytest.fixture
def vendor() -> Iterator[Simulator]:
    """Give a vendor that tells 120 sessions of AAPL to whoever has the key."""
    series = moved("AAPL", until=last_final_session(timezone.now()), count=120)
    with Simulator(series) as running, pytest.MonkeyPatch.context() as patch:
        patch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_API_KEY", KEY)
        patch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_BASE_URL", running.alphavantage_url)
        patch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_LIMITS", ((100, 60.0),))
        yield running


def fetched() -> str:
    """Fetch AAPL from the vendor, and do nothing of what follows; return the fetch's id."""
    fetch_id = uuid4()
    whole: dict[str, Any] = {"start": None, "end": None}
    request_fetch(fetch_id=fetch_id, symbol="AAPL", provider="alphavantage", now=timezone.now(), **whole)
    drain_everything(("ingest",))
    return str(fetch_id)


def test_events_of_all_services_are_listed_oldest_first_within_80_columns(
    command: Command, vendor: Simulator
) -> None:
    fetched()
    drain_everything()

    lines = command("events", "list").splitlines()

    assert lines[0].split() == ["Recorded", "(UTC)", "Id", "Type", "Stream", "and", "version"]
    assert [line.split()[3] for line in lines[1:4]] == ["FetchRequested", "CapabilityLearnt", "PricesUpdated"]
    assert {line.split()[4].split("/")[0] for line in lines[1:]} == {"ingest", "analytics", "reports"}
    assert max(map(len, lines)) <= WIDTH
    assert "\x1b" not in command.out


def test_the_list_is_narrowed_by_service_stream_type_time_and_number(command: Command) -> None:
    assert command("events", "list") == "There are none.\n"
    save("a", "b", "a")

    def listed(*words: str) -> list[str]:
        return [
            f"{row['stream']} {row['version']}" for row in command.json("events", "list", *words)["events"]
        ]

    assert listed() == ["watchlist-a 1", "watchlist-b 1", "watchlist-a 2"]
    assert listed("--limit", "1") == ["watchlist-a 2"]
    assert listed("--stream", "watchlist-a") == ["watchlist-a 1", "watchlist-a 2"]
    assert listed("--service", "ingest", "--type", "watchlistsaved", "--since", "1h") == listed()
    assert listed("--service", "reports") == listed("--type", "PricesUpdated") == []
    assert listed("--since", "2999-01-01") == listed("--since", "2999-01-01T00:00+05:00") == []


def test_an_event_is_shown_whole_with_what_became_of_it(command: Command, vendor: Simulator) -> None:
    fetched()
    prices = str(event_id("ingest", "instrument-AAPL", 1))

    found = command.json("events", "show", prices[:8])
    assert (found["event_id"], found["data"]["symbol"], found["published"]) == (prices, "AAPL", True)
    (receipt,) = found["received"]
    assert (receipt["service"], receipt["status"]) == ("analytics", "handled") or receipt[
        "status"
    ] == "missing"

    shown = command("events", "show", prices)
    assert "In analytics" in shown
    assert '"symbol": "AAPL"' in shown


def test_an_event_that_stays_in_its_service_says_so(command: Command) -> None:
    save("a")
    assert "no, it stays in its service" in command("events", "show", FIRST)
    assert command.json("events", "show", FIRST)["received"] == []


def test_a_report_goes_back_to_the_bytes_that_the_vendor_sent(command: Command, vendor: Simulator) -> None:
    fetch_id = fetched()
    drain_everything()
    (report,) = command.json("events", "list", "--type", "ReportRendered")["events"]

    found = command.json("why", report["stream"].partition("-")[2])

    types = [step["type"] for step in found["chain"]]
    assert types[:2] == ["ReportRendered", "ReportRequested"]
    assert {"BacktestRequested", "ForecastRequested", "PricesUpdated"} < set(types)
    assert types.count("PricesUpdated") == 1
    assert found["correlation_id"] == report["correlation_id"]
    answers = {answer["function"]: answer for answer in found["answers"]}
    assert set(answers) == {"TIME_SERIES_DAILY", "DIVIDENDS", "SPLITS"}
    for answer in answers.values():
        assert (answer["asked_by"], answer["provider"], answer["verdict"]) == (
            fetch_id,
            "alphavantage",
            "data",
        )
        assert re.fullmatch("[0-9a-f]{64}", answer["body_sha256"])
        assert answer["byte_count"] > 0

    shown = command("why", f"report-{report['stream'].partition('-')[2]}")
    assert answers["DIVIDENDS"]["body_sha256"] in shown
    assert shown.index("ReportRendered") < shown.index("PricesUpdated") < shown.index("TIME_SERIES_DAILY")
    assert shown.endswith(f"Correlation {report['correlation_id']}\n")
    assert max(map(len, shown.splitlines())) <= WIDTH


@pytest.mark.parametrize("which", ["fetch", "job", "event"])
def test_the_way_back_begins_at_any_id(command: Command, vendor: Simulator, which: str) -> None:
    fetch_id = fetched()
    asked = {
        "fetch": fetch_id,
        "job": fetch_id,
        "event": str(event_id("ingest", "instrument-AAPL", 1)),
    }[which]

    found = command.json("why", asked)

    assert found["chain"][-1]["type"] == "FetchRequested"
    assert len(found["answers"]) == 3


def test_following_gives_those_before_and_each_that_comes(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    save("a", "b")
    steps: list[Callable[[], None]] = [lambda: save("c"), lambda: save("a"), _interrupt]
    monkeypatch.setattr("deploy.local.event_commands.time.sleep", lambda _: steps.pop(0)())

    lines = command("events", "tail", "--last", "1").splitlines()

    assert [line.split()[-2] for line in lines[1:]] == [f"ingest/watchlist-{name}" for name in "bca"]


def test_following_as_json_is_one_object_a_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    save("a")
    steps: list[Callable[[], None]] = [lambda: save("b", "c"), _interrupt]
    monkeypatch.setattr("deploy.local.event_commands.time.sleep", lambda _: steps.pop(0)())

    lines = command("events", "tail", "--json", "--stream", "watchlist-b").splitlines()

    assert [json.loads(line)["stream"] for line in lines] == ["watchlist-b"]


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_an_interrupt_ends_following_without_a_word() -> None:
    save("a")
    tail = subprocess.Popen(
        [sys.executable, "-m", "deploy.local.cli", "events", "tail"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tail.stdout is not None
    tail.stdout.readline()
    assert "watchlist-a v1" in tail.stdout.readline()

    tail.send_signal(signal.SIGINT)
    out, err = tail.communicate(timeout=30)

    assert (tail.returncode, out, err) == (0, "", "")


def test_a_check_finds_rows_that_differ_and_a_rebuild_puts_them_right(
    command: Command, db: psycopg.Connection
) -> None:
    save("a", "b")
    assert command.json("events", "rebuild", "--all", "--check")["services"]["ingest"]["events"] == 2
    db.execute("UPDATE ingest.watch_list SET provider = 'moon' WHERE name = 'a'")

    shown = command.json("events", "rebuild", "ingest", "--check", code=1)
    assert shown["services"]["ingest"]["differences"]["watch_list"] == 2
    assert json.loads(command.err.splitlines()[-1])["type"] == "/problems/projections-differ"
    assert "ingest: 2 of 2 events" in command.err

    assert command.json("events", "rebuild", "ingest")["services"]["ingest"]["differences"]["watch_list"] == 2
    assert db.execute("SELECT provider FROM ingest.watch_list").fetchall() == [("auto",), ("auto",)]
    assert "Rows put right" in command("events", "rebuild", "--all")
    assert "Rows that differ" in command("events", "rebuild", "--all", "--check")


def test_sent_events_are_marked_and_a_service_can_take_them_without_the_bus(
    command: Command, vendor: Simulator
) -> None:
    fetched()
    Outbox.objects.using("ingest").update(sent_at=timezone.now())
    prices = str(event_id("ingest", "instrument-AAPL", 1))

    taken = command.json("events", "redeliver", "--event", prices[:8], "--to", "analytics")
    assert taken == {"to": "analytics", "sources": {"ingest": {"events": 1, "new": 1}}}
    assert Inbox.objects.using("analytics").get().state == "handled"
    assert "0 of them it had missed" in command("events", "redeliver", "--since", "1h", "--to", "analytics")

    sent = command.json("events", "redeliver", "--stream", "instrument-AAPL")
    assert sent["sources"]["ingest"] == {"events": 1}
    assert Outbox.objects.using("ingest").filter(sent_at=None).count() == 1
    assert command("events", "redeliver", "--since", "1h", "--service", "ingest").startswith(
        "0 event(s) will be"
    )


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, vendor: Simulator, command: Command) -> Callable[[], None]:
    """Have analytics park the prices of AAPL; give what repairs it."""
    bugs = ["a bug [in] the handler"]

    def fail(_: object) -> None:
        if bugs:
            raise RuntimeError(bugs[0])

    monkeypatch.setattr(handlers_of("analytics"), "reactors", {PricesUpdated: (fail,)})
    monkeypatch.setattr("time.sleep", lambda _: None)
    fetched()
    command("events", "redeliver", "--since", "1h", "--to", "analytics")
    return bugs.clear


def test_a_parked_message_is_listed_shown_and_retried(command: Command, broken: Callable[[], None]) -> None:
    (row,) = command.json("events", "parked", "list")["parked"]
    assert (row["service"], row["reason"], row["stream"]) == (
        "analytics",
        "handler-failed",
        "instrument-AAPL",
    )
    assert max(map(len, command("events", "parked", "list").splitlines())) <= WIDTH
    shown = command("events", "parked", "show", "analytics", str(row["id"]))
    assert "Traceback" in shown
    assert "RuntimeError: a bug [in] the handler" in shown
    assert '"symbol": "AAPL"' in shown
    assert "parked" in command("events", "show", str(event_id("ingest", "instrument-AAPL", 1)))

    (again,) = command.json("events", "parked", "retry", "analytics", str(row["id"]))["retried"]
    assert (again["outcome"], again["parked_as"]) == ("parked", row["id"] + 1)
    assert "failed again" in command("events", "parked", "retry", "analytics", "--all")
    broken()
    assert "it was handled" in command("events", "parked", "retry", "analytics", "--all")

    assert command("events", "parked", "list") == "Nothing is parked.\n"
    assert command("events", "parked", "retry", "analytics", "--all") == "Nothing is parked.\n"
    resolved = command.json("events", "parked", "list", "--all", "--service", "analytics")["parked"]
    assert {each["status"] for each in resolved} == {"retried"}
    problem = command.problem("events", "parked", "retry", "analytics", str(row["id"]))
    assert problem["type"] == "/problems/already-resolved"


def test_a_parked_message_is_dropped_and_its_stream_goes_on(
    command: Command, broken: Callable[[], None]
) -> None:
    (row,) = command.json("events", "parked", "list")["parked"]

    assert "dropped without effect" in command("events", "parked", "drop", "analytics", str(row["id"]))

    assert Inbox.objects.using("analytics").get().state == "ignored"
    problem = command.problem("events", "parked", "drop", "analytics", str(row["id"]))
    assert problem["type"] == "/problems/already-resolved"


def test_bytes_that_are_no_event_are_shown_as_what_they_are(command: Command) -> None:
    with transaction.atomic(using="reports"):
        park(
            "reports",
            body=b"\xff[bold]" + b"x" * 3000,
            envelope=None,
            slug="malformed-event",
            detail="no",
            attempts=1,
        )

    shown = command("events", "parked", "show", "reports", "1")

    assert "\\xff[bold]xxx" in shown
    assert "characters more" in shown
    assert len(command.json("events", "parked", "show", "reports", "1")["body"]) == 3010


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        ("events list --service moon", "validation-error"),
        ("events list --type PriceUpdated", "validation-error"),
        ("events list --limit 0", "validation-error"),
        ("events list --limit 10001", "validation-error"),
        ("events list --since yesterday", "validation-error"),
        ("events list --since 999999d", "validation-error"),
        ("events list --since 2026-02-30", "validation-error"),
        ("events list --stream AAPL", "validation-error"),
        ("events list --stream instrument-", "validation-error"),
        ("events list --stream instrument-\udcff", "validation-error"),
        ("events tail --last -1", "validation-error"),
        ("events tail --service moon", "validation-error"),
        ("events show 123", "validation-error"),
        ("events show zzzzzzzz", "validation-error"),
        ("events show ffffffff", "not-found"),
        ("events rebuild", "validation-error"),
        ("events rebuild ingest --all", "validation-error"),
        ("events rebuild moon", "validation-error"),
        ("events redeliver", "validation-error"),
        ("events redeliver --since 1h --stream instrument-AAPL", "validation-error"),
        ("events redeliver --event ffffffff", "not-found"),
        ("events redeliver --since 1h --to moon", "validation-error"),
        ("events redeliver --since 1h --to ingest", "not-found"),
        ("events redeliver --since 1h --service reports --to analytics", "not-found"),
        ("events parked list --service moon", "validation-error"),
        ("events parked show moon 1", "validation-error"),
        ("events parked show ingest 1", "not-found"),
        ("events parked show ingest 99999999999999999999", "validation-error"),
        ("events parked retry ingest", "validation-error"),
        ("events parked retry ingest 1 --all", "validation-error"),
        ("events parked retry ingest 1", "not-found"),
        ("events parked drop ingest 1", "not-found"),
        ("why 123", "validation-error"),
        ("why \udcff", "validation-error"),
        ("why ffffffff", "not-found"),
    ],
)
def test_bad_input_is_a_problem_on_stderr_and_code_1(command: Command, words: str, slug: str) -> None:
    assert command.problem(*words.split())["type"] == f"/problems/{slug}"
