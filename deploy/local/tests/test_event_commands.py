"""The event commands as an operator uses them, in this process and on the test's database."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from deploy.local import system
from deploy.local.checkout import CHECKOUT
from deploy.local.cli import app
from deploy.local.state import StateFolder
from services.ingest.fetches.domain import last_final_session
from services.ingest.fetches.services import request_fetch
from services.ingest.providers.tests.simulator import KEY, Simulator, moved
from services.ingest.watchlists.services import save_watch_list
from services.tests.pipeline import drain_everything
from shared.contracts.envelope import Envelope, event_id
from shared.contracts.prices import PricesUpdated
from shared.eventstore.models import Inbox, Outbox, Parked
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
    assert taken == {"to": "analytics", "sources": {"ingest": {"events": 1, "new": 1, "parked": 0}}}
    assert Inbox.objects.using("analytics").get().state == "handled"
    assert "0 of them it had missed" in command("events", "redeliver", "--since", "1h", "--to", "analytics")

    sent = command.json("events", "redeliver", "--stream", "instrument-AAPL")
    assert sent["sources"] == {"ingest": {"events": 1, "unsent": 0}}
    assert Outbox.objects.using("ingest").filter(sent_at=None).count() == 1
    assert command("events", "redeliver", "--since", "1h", "--service", "ingest").startswith(
        "1 event(s) wait to be sent as it is.\n  They leave while"
    )


def test_what_cannot_be_redelivered_is_refused_with_the_reason(command: Command, vendor: Simulator) -> None:
    save("a")
    fetched()
    drain_everything()

    def refused(*words: str) -> str:
        detail: str = command.problem("events", "redeliver", *words)["detail"]
        return detail

    assert refused("--event", FIRST) == "Events of watchlist-a stay in ingest: no service receives them."
    assert refused("--stream", "watchlist-a").startswith("Events of watchlist-a stay in ingest")
    assert refused("--stream", "instrument-MOON") == "No event of instrument-MOON is on record."
    assert refused("--since", "2999-01-01").startswith("--since lies in the future")
    assert refused("--since", "1h", "--service", "reports") == "No service receives the events of reports."
    assert refused("--since", "1h", "--to", "ingest") == "ingest listens to no other service."
    assert (
        refused("--since", "1h", "--service", "ingest", "--to", "reports")
        == "reports listens to analytics, not to ingest."
    )


def test_of_a_time_in_which_nothing_was_published_that_is_said(command: Command) -> None:
    save("a")
    assert command("events", "redeliver", "--since", "1h") == "Nothing was published in that time.\n"
    assert command("events", "redeliver", "--since", "1h", "--to", "analytics").endswith(
        "again: nothing was published in that time.\n"
    )


def test_what_a_service_parks_when_it_is_given_events_again_is_said(
    command: Command, broken: Callable[[], None]
) -> None:
    assert "1 event(s) wait there, set aside" in command(
        "events", "redeliver", "--since", "1h", "--to", "analytics"
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

    (again,) = command.json("events", "parked", "retry", "analytics", str(row["id"]), code=1)["retried"]
    assert (again["outcome"], again["parked_as"]) == ("parked", row["id"] + 1)
    assert "failed again" in command("events", "parked", "retry", "analytics", "--all", code=1)
    problem = command.problem("events", "parked", "retry", "analytics", str(row["id"]))
    assert problem["detail"].endswith(f"was retried before and is parked again as {row['id'] + 2}.")
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


def set_aside(service: str, slug: str, *streams: str, detail: str = "no", body: bytes = b"") -> list[int]:
    """Park a message for each stream; return their numbers."""
    for stream in streams:
        envelope = Envelope(
            event_id=event_id("ingest", stream, 1),
            source="ingest",
            stream=stream,
            version=1,
            type="PricesUpdated",
            schema_version=1,
            data={},
            correlation_id=uuid4(),
            causation_id=None,
            occurred_at=timezone.now(),
        )
        park(
            service,
            body=body or envelope.to_bytes(),
            envelope=envelope,
            slug=slug,
            detail=detail,
            attempts=1,
        )
    return list(Parked.objects.using(service).order_by("id").values_list("id", flat=True))


def test_a_retry_of_all_leaves_out_what_can_only_be_dropped_and_tries_the_rest(command: Command) -> None:
    set_aside("analytics", "handler-failed", "instrument-A")
    set_aside("analytics", "unrecorded-event", "instrument-B", "instrument-C")
    set_aside("analytics", "handler-failed", "instrument-D")

    told = command("events", "parked", "retry", "analytics", "--all", code=1)

    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert [line.split(":")[0] for line in lines[:2]] == [f"Message {each} of analytics" for each in (1, 4)]
    assert "2 message(s) were left out: they can only be dropped:" in lines
    assert lines[-1].endswith("events parked drop analytics --all --reason unrecorded-event")
    assert "2 of 2 message(s) failed again" in command.err


def test_a_retry_that_is_cut_short_tells_what_was_done(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.eventstore import inbox

    set_aside("analytics", "handler-failed", "instrument-A", "instrument-B")
    calls: list[object] = []

    def fail(service: str, bodies: object, **options: Any) -> None:
        calls.append(bodies)
        if len(calls) == 2:
            raise OperationalError("the line was cut")

    monkeypatch.setattr(inbox, "receive", fail)

    told = command.json("events", "parked", "retry", "analytics", "--all", code=1)

    assert [row["id"] for row in told["retried"]] == [1]
    assert "the line was cut" in command.err


def test_a_message_that_another_resolved_meanwhile_stops_no_other(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = set_aside("analytics", "handler-failed", "instrument-A", "instrument-B")
    monkeypatch.setattr("shared.eventstore.parked.ids_to_retry", lambda _: [*ids[:1], *ids])

    told = command.json("events", "parked", "retry", "analytics", "--all", code=1)

    assert [row["outcome"] for row in told["retried"]] == ["parked", "refused", "parked"]


def test_many_are_dropped_by_their_reason(command: Command) -> None:
    set_aside("analytics", "unrecorded-event", "instrument-A", "instrument-B")
    set_aside("analytics", "handler-failed", "instrument-C")
    set_aside("analytics", "unrecorded-event", "instrument-D")

    told = command("events", "parked", "drop", "analytics", "--all", "--reason", "unrecorded-event")

    assert told == "3 messages of analytics were dropped without effect.\n"
    assert [row["id"] for row in command.json("events", "parked", "list")["parked"]] == [3]
    problem = command.problem("events", "parked", "drop", "analytics", "--all", "--reason", "moon")
    assert problem["detail"].endswith("parked nothing for the reason 'moon'; there are handler-failed.")


def test_what_cannot_be_dropped_yet_is_named_and_the_rest_is_dropped(command: Command) -> None:
    ids = set_aside("analytics", "handler-failed", "instrument-A", "instrument-B")
    Parked.objects.using("analytics").filter(id=ids[0]).update(version=2)

    told = command("events", "parked", "drop", "analytics", "--all", "--reason", "handler-failed", code=1)

    assert "Message 2 of analytics was dropped" in told
    assert "Message 1: instrument-A is at version 0" in told
    assert "1 of 2 message(s) could not be dropped" in command.err


def test_the_list_has_a_limit_says_how_many_more_there_are_and_marks_what_can_only_be_dropped(
    command: Command,
) -> None:
    set_aside("reports", "unrecorded-event", "forecast-a")
    set_aside("analytics", "handler-failed", "instrument-A", "instrument-B")

    told = command.json("events", "parked", "list", "--limit", "2")
    assert [(row["service"], row["id"], row["only_to_drop"]) for row in told["parked"]] == [
        ("reports", 1, True),
        ("analytics", 1, False),
    ]
    assert told["more"] == 1

    shown = command("events", "parked", "list", "--limit", "2")
    assert "(only to drop)" in shown
    assert "1 more, which came later" in shown
    assert "events parked drop reports --all --reason unrecorded-event" in shown
    assert max(len(line) for line in shown.splitlines() if "bellwether" not in line) <= WIDTH
    assert "more" not in command("events", "parked", "list")
    assert "no retry helps" in command("events", "parked", "show", "reports", "1")


EVIL = "instrument-\x1b]0;owned\x07\x9b31m[red]A\nB\u202e"


@pytest.mark.parametrize("words", ["list", "show analytics 1", "retry analytics 1", "drop analytics 1"])
def test_control_characters_of_a_message_are_seen_and_do_nothing(command: Command, words: str) -> None:
    body = f"no {EVIL}".encode() if words.startswith("show") else b""
    set_aside("analytics", "handler-failed", EVIL, detail=f"an error {EVIL}", body=body)

    shown = command("events", "parked", *words.split(), code=1 if "retry" in words else 0)

    assert not set(shown + command.err) & set("\x1b\x07\x9b\u202e")
    if words == "list":
        assert "\\x1b]0;owned" in "".join(
            line.split("│")[5].strip() for line in shown.splitlines() if "│" in line
        )
    if words.startswith("show"):
        assert r"Stream   instrument-\x1b]0;owned\x07\x9b31m[red]A\nB\u202e, version 1" in shown
        assert r"an error instrument-\x1b" in shown
        assert r"no instrument-\x1b" in shown
    assert not set(command("events", "parked", "list", "--all", "--json")) & set("\x1b\x07\x9b\u202e")
    (row,) = [row for row in json.loads(command.out)["parked"] if row["id"] == 1]
    assert row["stream"] == EVIL


def test_control_characters_in_the_name_of_a_stream_do_nothing_in_a_list_of_events(
    command: Command, db: psycopg.Connection
) -> None:
    save("a")
    db.execute("ALTER TABLE ingest.event DISABLE TRIGGER ALL")
    db.execute("UPDATE ingest.event SET stream = %s, data = data || %s", [EVIL[:14], Jsonb({"name": EVIL})])

    shown = command("events", "list") + command("events", "show", FIRST) + command("why", FIRST)

    assert not set(shown) & set("\x1b\x07\x9b\u202e")
    assert r"instrument-\x1b]0" in shown
    assert not set(command("events", "list", "--json")) & set("\x1b\x07\x9b")


def test_a_message_that_is_parked_again_is_told_in_words_and_not_by_the_log(
    command: Command, caplog: pytest.LogCaptureFixture
) -> None:
    set_aside("analytics", "handler-failed", "instrument-A")
    caplog.clear()

    command("events", "parked", "retry", "analytics", "1", code=1)

    assert [record for record in caplog.records if "message_parked" in str(record.msg)] == []
    assert logging.getLogger("shared.eventstore.parked").isEnabledFor(logging.ERROR)


def test_an_id_that_several_begin_with_is_answered_with_all_of_them(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    save("a", "b")
    both = (UUID(int=0), UUID(int=2**128 - 1))
    monkeypatch.setattr("shared.eventstore.history._id_bounds", lambda _: both)

    command("events", "show", "12345678", code=1)

    assert "2 events have an id that begins with '12345678': give more of it." in command.err
    assert f"  {FIRST}  WatchListSaved\n" in command.err
    assert max(map(len, command.err.splitlines())) <= WIDTH


def test_a_symbol_is_answered_with_its_stream(command: Command, vendor: Simulator) -> None:
    fetched()

    assert command.problem("why", "AAPL")["detail"].endswith("perhaps instrument-AAPL is meant.")
    assert "PricesUpdated" in command("why", "instrument-AAPL")
    assert command.problem("why", "MOON")["detail"].endswith("give at least 8 characters of an id.")


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
        ("events parked list --limit 0", "validation-error"),
        ("events parked drop ingest --all", "validation-error"),
        ("events parked drop ingest --reason handler-failed", "validation-error"),
        ("events parked drop ingest 1 --reason handler-failed", "validation-error"),
        ("events parked drop ingest 1 --all --reason handler-failed", "validation-error"),
        ("events parked drop ingest --all --reason handler-failed", "not-found"),
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
