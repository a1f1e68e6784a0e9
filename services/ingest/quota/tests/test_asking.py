"""Asking a provider: counted, kept, learnt from."""

import subprocess
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Barrier
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone

from deploy.postgres.owner import as_owner
from services.ingest.providers.calls import Call, Verdict
from services.ingest.providers.faults import (
    BadProviderData,
    KeyMissing,
    KeyRefused,
    NotInPlan,
    ProviderNotice,
    ProviderOff,
    ProviderUnavailable,
    SymbolRefused,
)
from services.ingest.quota.domain import fingerprint
from services.ingest.quota.models import ProviderCall, ProviderCapability, ProviderState
from services.ingest.quota.selectors import capabilities_of, is_ready, require_ready
from services.ingest.quota.services import ProviderNotClosed, open_provider
from services.ingest.quota.tests.test_gate import CHECKOUT
from services.ingest.quota.tests.vendor import DAILY, DATA, FETCH, FULL, KEY, Vendor, asking, read
from shared.errors import BellwetherError
from shared.eventstore.jobs import WaitingForQuota
from shared.eventstore.models import Event
from shared.eventstore.rebuild import differences, rebuild
from shared.observability.correlation import caused_by, current_cause

UNLIMITED = ((1_000_000, 86_400.0),)
STREAM = f"provider-alphavantage-{fingerprint(KEY)}"
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("db", "cause", "keyed")


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"API_KEY": KEY, "BASE_URL": "https://vendor.test/query", "LIMITS": UNLIMITED}.items():
        monkeypatch.setitem(settings.BELLWETHER, f"ALPHAVANTAGE_{name}", value)


def events() -> list[str]:
    found = Event.objects.using("ingest").filter(stream=STREAM).order_by("version")
    return [event.type for event in found]


def ledger() -> list[Any]:
    return list(ProviderCall.objects.using("ingest").order_by("id").values_list("verdict", flat=True))


def refused(vendor: Vendor, call: Call = DAILY, *, now: datetime | None = None) -> Any:
    with pytest.raises(BellwetherError) as found:
        asking(vendor, call, now=now)
    return found.value


def test_an_answer_with_data_is_returned_and_on_record() -> None:
    vendor = Vendor(DATA, body=b'{"a": 1}')

    before = timezone.now()
    assert asking(vendor) == b'{"a": 1}'

    assert vendor.access is not None
    assert (vendor.access.base_url, vendor.access.key) == ("https://vendor.test/query", KEY)
    row = ProviderCall.objects.using("ingest").get()
    assert (row.provider, row.key_fingerprint, row.function, row.subject, row.asked_by) == (
        "alphavantage",
        fingerprint(KEY),
        "TIME_SERIES_DAILY",
        "IBM",
        FETCH,
    )
    assert (row.verdict, row.detail, row.http_status, row.byte_count) == ("data", "", 200, 8)
    assert row.body_sha256 == sha256(b'{"a": 1}').hexdigest()
    assert row.answered_at is not None
    assert before <= row.sent_at <= row.answered_at <= timezone.now()
    assert events() == []


def test_a_call_is_on_record_before_it_is_sent(db: psycopg.Connection) -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.append(db.execute("SELECT verdict, answered_at FROM ingest.provider_call").fetchall())

    asking(Vendor(DATA, while_sending=look))

    assert seen == [[(None, None)]]


def test_a_process_that_dies_while_it_asks_leaves_the_call_counted_and_nothing_else(
    db: psycopg.Connection,
) -> None:
    program = (
        "import os, django, signal, uuid; django.setup()\n"
        "from django.conf import settings\n"
        f"settings.BELLWETHER['ALPHAVANTAGE_API_KEY'] = {KEY!r}\n"
        "from services.ingest.quota.tests.vendor import DATA, Vendor, asking\n"
        "from shared.observability.correlation import Cause, caused_by\n"
        "with caused_by(Cause(uuid.uuid4())):\n"
        "    asking(Vendor(DATA, while_sending=lambda: os.kill(os.getpid(), signal.SIGKILL)))\n"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, check=False)

    assert done.returncode == -9
    bucket = f"ratelimit___alphavantage_{fingerprint(KEY)}"
    for table, count in {"bar": 0, "event": 0, "provider_call": 1}.items():
        assert db.execute(f"SELECT count(*) FROM ingest.{table}").fetchone() == (count,)
    assert db.execute(f"SELECT count(*) FROM ingest_quota.{bucket}").fetchone() == (1,)
    assert ledger() == [None]
    asking(Vendor(DATA))
    assert ledger() == [None, "data"]


def test_a_call_over_the_quota_waits_and_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_LIMITS", ((1, 3_600.0),))
    vendor = Vendor(DATA, DATA)

    asking(vendor)
    waiting = refused(vendor)

    assert isinstance(waiting, WaitingForQuota)
    assert len(vendor.sent) == 1
    sent_at = ProviderCall.objects.using("ingest").get().sent_at
    assert abs(waiting.until - sent_at - HOUR) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("verdict", "problem"),
    [
        (Verdict.NOT_FOUND, SymbolRefused),
        (Verdict.INVALID_CALL, SymbolRefused),
        (Verdict.UNKNOWN_FUNCTION, BadProviderData),
        (Verdict.UNKNOWN_NOTICE, ProviderNotice),
        (Verdict.TRANSPORT, ProviderUnavailable),
        (Verdict.BAD_DATA, BadProviderData),
        (Verdict.PREMIUM_ENDPOINT, NotInPlan),
        (Verdict.PREMIUM_PARAMETER, NotInPlan),
        (Verdict.BAD_KEY, KeyRefused),
        (Verdict.DEMO_KEY, KeyRefused),
        (Verdict.DAILY_LIMIT, WaitingForQuota),
        (Verdict.BURST, WaitingForQuota),
        (Verdict.MINUTE_LIMIT, WaitingForQuota),
        (Verdict.VOLUME, WaitingForQuota),
    ],
)
def test_every_answer_without_data_is_a_problem_of_its_own(
    verdict: Verdict, problem: type[BellwetherError]
) -> None:
    found = refused(Vendor(read(verdict, "the vendor's words")))

    assert type(found) is problem
    if verdict not in {Verdict.BURST, Verdict.MINUTE_LIMIT, Verdict.VOLUME}:
        assert "the vendor's words" in found.detail
    assert ledger() == [verdict.value]


def test_every_verdict_has_its_row_above() -> None:
    marks: Any = test_every_answer_without_data_is_a_problem_of_its_own
    (mark,) = [mark for mark in marks.pytestmark if mark.name == "parametrize"]

    assert {verdict for verdict, _ in mark.args[1]} == set(Verdict) - {Verdict.DATA}


def test_a_refused_key_is_not_asked_with_again_and_another_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Vendor(read(Verdict.BAD_KEY, "invalid"), DATA)

    assert is_ready("alphavantage")
    assert isinstance(refused(vendor), KeyRefused)
    assert isinstance(refused(vendor, now=timezone.now() + 1000 * HOUR), KeyRefused)
    assert not is_ready("alphavantage")
    assert len(vendor.sent) == 1
    assert events() == ["ProviderClosed"]
    monkeypatch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_API_KEY", "another key")
    assert is_ready("alphavantage")
    asking(vendor)


def test_an_operator_opens_a_provider_for_the_same_key() -> None:
    vendor = Vendor(read(Verdict.BAD_KEY), DATA)
    refused(vendor)

    open_provider(name="alphavantage", now=timezone.now())

    assert asking(vendor) == b"{}"
    assert events() == ["ProviderClosed", "ProviderOpened"]
    with pytest.raises(ProviderNotClosed):
        open_provider(name="alphavantage", now=timezone.now())


def test_a_used_up_day_keeps_everybody_from_asking_until_it_is_over() -> None:
    vendor = Vendor(DATA, read(Verdict.DAILY_LIMIT, "25 requests per day"), DATA)
    asking(vendor)
    first_sent_at = ProviderCall.objects.using("ingest").get().sent_at

    waiting, next_one = refused(vendor), refused(vendor)

    assert waiting.until == next_one.until == first_sent_at + 24 * HOUR
    assert is_ready("alphavantage")
    assert len(vendor.sent) == 2
    assert asking(vendor, now=waiting.until) == b"{}"
    assert events() == ["ProviderClosed", "ProviderOpened"]


def test_a_day_that_others_used_up_is_tried_again_in_an_hour() -> None:
    waiting = refused(Vendor(read(Verdict.DAILY_LIMIT)))

    row = ProviderCall.objects.using("ingest").get()
    assert row.answered_at is not None
    assert waiting.until == row.answered_at + HOUR


def test_a_provider_asked_too_fast_is_left_alone_ever_longer_and_then_for_the_day() -> None:
    vendor = Vendor(*[read(Verdict.BURST)] * 4)
    waits, now = [], timezone.now()
    for _ in range(4):
        waiting = refused(vendor, now=now)
        answered_at = ProviderCall.objects.using("ingest").order_by("-id")[0].answered_at
        assert answered_at is not None
        waits.append((waiting.until - answered_at).total_seconds())
        assert refused(vendor, now=now).until == waiting.until
        now = waiting.until

    assert waits[:3] == [1.25, 2.5, 5.0]
    assert waits[3] > 23 * 3600
    assert len(vendor.sent) == 4
    assert events() == ["ProviderClosed"]


def test_what_the_plan_lacks_is_learnt_once_and_not_asked_again() -> None:
    vendor = Vendor(read(Verdict.PREMIUM_PARAMETER, "premium"), DATA)

    first, second = refused(vendor, FULL), refused(vendor, FULL)

    assert first.extra == second.extra == {"capability": "full_history"}
    assert capabilities_of("alphavantage") == {"full_history": False}
    assert len(vendor.sent) == 1
    assert events() == ["CapabilityLearnt"]
    assert asking(vendor, DAILY) == b"{}"


def test_what_the_plan_includes_is_learnt_once() -> None:
    vendor = Vendor(DATA, DATA)

    asking(vendor, FULL)
    asking(vendor, FULL)

    assert capabilities_of("alphavantage") == {"full_history": True}
    assert events() == ["CapabilityLearnt"]


def test_two_workers_that_learn_the_same_at_once_tell_it_once() -> None:
    together, cause = Barrier(2), current_cause()

    def learn(verdict: Verdict, call: Call) -> Any:
        with caused_by(cause):
            try:
                return refused(Vendor(read(verdict), while_sending=together.wait), call)
            finally:
                connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        plan = [pool.submit(learn, Verdict.PREMIUM_PARAMETER, FULL) for _ in range(2)]
        assert {type(found.result()) for found in plan} == {NotInPlan}
        day = [pool.submit(learn, Verdict.DAILY_LIMIT, DAILY) for _ in range(2)]
        assert len({found.result().until for found in day}) == 1

    assert events() == ["CapabilityLearnt", "ProviderClosed"]


def test_a_missing_key_and_a_provider_that_is_off_are_told_without_asking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_API_KEY", None)
    vendor, other = Vendor(DATA), Vendor(DATA)
    other.name = "yfinance"

    assert isinstance(refused(vendor), KeyMissing)
    assert isinstance(refused(other), ProviderOff)
    assert not is_ready("alphavantage")
    assert not is_ready("yfinance")
    assert vendor.sent == other.sent == ledger() == []
    monkeypatch.setitem(settings.BELLWETHER, "YFINANCE_ENABLED", True)
    assert asking(other) == b"{}"
    assert ProviderCall.objects.using("ingest").get().key_fingerprint == ""


def test_a_provider_that_cannot_be_reached_is_told_with_what_is_known() -> None:
    found = refused(Vendor(ProviderUnavailable("no answer in 20 s")))

    assert isinstance(found, ProviderUnavailable)
    assert "no answer in 20 s" in found.detail
    row = ProviderCall.objects.using("ingest").get()
    assert (row.verdict, row.detail, row.http_status) == ("transport", "no answer in 20 s", None)


def test_words_that_cannot_be_stored_are_told_without_what_is_wrong_with_them() -> None:
    found = refused(Vendor(read(Verdict.UNKNOWN_NOTICE, "a\0b\ud800c\nd" + "e" * 500)))

    detail = ProviderCall.objects.using("ingest").get().detail
    assert detail == "a b c d" + "e" * 293
    assert detail in found.detail


def test_a_provider_whose_library_is_missing_says_so_itself() -> None:
    found = refused(Vendor(ProviderOff("The library is not installed.")))

    assert (type(found), found.detail) == (ProviderOff, "The library is not installed.")
    assert ledger() == [None]
    assert asking(Vendor(DATA)) == b"{}"


def test_only_what_waiting_does_not_change_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    refused(Vendor(read(Verdict.DAILY_LIMIT)))
    require_ready("alphavantage", now=timezone.now())

    refused(Vendor(read(Verdict.BAD_KEY)), now=timezone.now() + 25 * HOUR)
    with pytest.raises(KeyRefused):
        require_ready("alphavantage", now=timezone.now())
    monkeypatch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_API_KEY", None)
    with pytest.raises(KeyMissing):
        require_ready("alphavantage", now=timezone.now())


def said(records: list[Any]) -> list[tuple[str, str]]:
    return [
        (record.levelname, record.msg["event"])
        for record in records
        if record.name == "services.ingest.quota.services"
    ]


def test_a_notice_is_logged_and_raises_alarm_when_it_repeats(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    vendor = Vendor(*[read(Verdict.UNKNOWN_NOTICE, "news")] * 2, read(Verdict.DATA, "a notice beside data"))

    refused(vendor)
    refused(vendor, now=timezone.now() + HOUR)
    assert asking(vendor, now=timezone.now() + HOUR) == b"{}"

    assert said(caplog.records) == [
        ("WARNING", "provider_notice"),
        ("ERROR", "provider_needs_attention"),
        ("WARNING", "provider_notice"),
    ]
    assert ProviderCall.objects.using("ingest").latest("id").detail == "a notice beside data"


def forms_of(key: str) -> list[str]:
    whole = quote(key, safe="")
    return [key, quote(key), whole, whole.replace("%", "%25")]


@pytest.fixture
def everywhere(db: psycopg.Connection) -> Callable[[], str]:
    """Give a look into every row of every table that ingest has."""

    def look() -> str:
        tables = db.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname IN ('ingest', 'ingest_quota')"
        ).fetchall()
        rows = [row for (table,) in tables for row in db.execute(f"SELECT t::text FROM {table} t").fetchall()]
        assert len(rows) > 5
        return "\n".join(row[0] for row in rows)

    return look


@pytest.mark.parametrize("form", forms_of(KEY))
@pytest.mark.parametrize("how", ["said", "unavailable", "broken in sending", "broken in reading"])
def test_the_key_is_nowhere_but_in_the_call(
    form: str, how: str, everywhere: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    text = f"https://vendor.test/query?apikey={form}&x=1 detected your API key as {form} and"

    def break_down() -> Any:
        raise ValueError(text)

    vendors = {
        "said": Vendor(read(Verdict.BAD_KEY, text)),
        "unavailable": Vendor(ProviderUnavailable(text)),
        "broken in sending": Vendor(ValueError(text)),
        "broken in reading": Vendor(break_down),
    }
    with pytest.raises(BellwetherError) as found:
        asking(vendors[how], Call(name="search", function="SYMBOL_SEARCH", subject=f"{form} Inc"))

    shown = "".join(traceback.format_exception(found.value)) + json_of(found.value)
    logged = "\n".join(f"{record.getMessage()} {record.exc_info}" for record in caplog.records)
    assert "detected your API key as ***" in shown
    for place in (shown, logged, everywhere()):
        assert not [one for one in forms_of(KEY) if one.lower() in place.lower()]


def json_of(error: BellwetherError) -> str:
    return str(error.as_problem())


def test_a_providers_code_that_breaks_down_is_a_failure_of_its_kind() -> None:
    def break_down() -> Any:
        raise RecursionError("too deep")

    in_sending = refused(Vendor(ValueError("odd")))
    in_reading = refused(Vendor(break_down), now=timezone.now() + HOUR)

    assert isinstance(in_sending, ProviderUnavailable)
    assert isinstance(in_reading, BadProviderData)
    assert "RecursionError: too deep" in in_reading.detail
    assert ledger() == ["transport", "bad-data"]


def test_what_is_known_of_keys_follows_from_the_events() -> None:
    asking(Vendor(DATA), FULL)
    refused(Vendor(read(Verdict.PREMIUM_ENDPOINT)), Call(name="x", function="WEEKLY", subject="IBM"))
    refused(Vendor(read(Verdict.DAILY_LIMIT, "used up")))
    asking(Vendor(DATA), now=datetime.now(UTC) + 25 * HOUR)
    refused(Vendor(read(Verdict.BAD_KEY, "bad")))
    live = rows_of_projections()

    with as_owner():
        assert sum(differences("ingest").values()) == 0
        assert rebuild("ingest") == 5

    assert rows_of_projections() == live
    assert [row["is_closed"] for row in live[0]] == [True]
    assert {row["capability"]: row["is_allowed"] for row in live[1]} == {
        "full_history": True,
        "WEEKLY": False,
    }


def rows_of_projections() -> list[list[dict[str, Any]]]:
    found: tuple[QuerySet[Any, Any], ...] = (
        ProviderState.objects.using("ingest").order_by("pk").values(),
        ProviderCapability.objects.using("ingest").order_by("pk").values(),
    )
    return [list(rows) for rows in found]
