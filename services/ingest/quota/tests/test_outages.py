"""A provider that fails is left alone, by all processes, and asked by one of them whether it is over."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from services.ingest.providers.calls import Verdict
from services.ingest.providers.faults import ProviderUnavailable
from services.ingest.quota.domain import fingerprint
from services.ingest.quota.models import ProviderCall
from services.ingest.quota.selectors import is_ready
from services.ingest.quota.services import ask
from services.ingest.quota.tests.test_asking import UNLIMITED, refused
from services.ingest.quota.tests.vendor import DAILY, DATA, FETCH, KEY, Vendor, asking, read
from shared.eventstore.jobs import WaitingForQuota
from shared.http.tests.api_client import ApiClient
from shared.observability.correlation import caused_by, current_cause

DOWN = ProviderUnavailable("No connection was made.")
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("db", "cause", "keyed")


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"API_KEY": KEY, "LIMITS": UNLIMITED}.items():
        monkeypatch.setitem(settings.BELLWETHER, f"ALPHAVANTAGE_{name}", value)


def calls() -> Any:
    return ProviderCall.objects.using("ingest").order_by("id")


def fail(ago: timedelta = timedelta(), *, now: datetime | None = None) -> None:
    """Put a call on the ledger that failed that long before now."""
    at = (now or timezone.now()) - ago
    calls().create(
        provider="alphavantage",
        key_fingerprint=fingerprint(KEY),
        asked_by=FETCH,
        sent_at=at,
        answered_at=at,
        verdict=Verdict.TRANSPORT.value,
        detail="No connection was made.",
    )


def test_after_a_failure_nobody_is_asked_until_the_pause_is_over() -> None:
    failure = refused(Vendor(DOWN))
    vendor = Vendor(DATA)

    waiting = refused(vendor)

    row = calls().get()
    assert isinstance(failure, ProviderUnavailable)
    assert isinstance(waiting, WaitingForQuota)
    assert waiting.until == row.answered_at + MINUTE
    assert waiting.extra["provider"] == "alphavantage"
    assert waiting.detail == (
        f"alphavantage takes no calls until {waiting.until:%Y-%m-%d %H:%M} UTC:"
        " the last call failed: No connection was made."
    )
    assert (vendor.sent, calls().count(), is_ready("alphavantage")) == ([], 1, True)
    assert asking(vendor, now=waiting.until) == b"{}"
    assert asking(Vendor(DATA)) == b"{}"


def test_pauses_grow_with_every_failure_and_a_day_takes_nine_calls() -> None:
    now = begin = timezone.now() - 100 * HOUR
    pauses, vendor = [], Vendor(DATA)
    while now < begin + 24 * HOUR:
        fail(now=now)
        until = refused(vendor, now=now).until
        pauses.append((until - now) / MINUTE)
        now = until

    assert (pauses, vendor.sent) == ([1, 3, 9, 27, 81, 243, 360, 360, 360], [])


@pytest.mark.parametrize("verdict", [Verdict.TRANSPORT, Verdict.UNKNOWN_NOTICE])
def test_every_kind_of_failure_is_a_reason_to_pause(verdict: Verdict) -> None:
    refused(Vendor(read(verdict, "maintenance")))

    assert isinstance(refused(Vendor(DATA)), WaitingForQuota)


def test_failures_of_three_days_ago_say_nothing_of_the_next_pause() -> None:
    for ago in (80 * HOUR, 60 * HOUR, timedelta()):
        fail(ago)

    waiting = refused(Vendor(DATA))

    assert waiting.until == calls().last().answered_at + MINUTE


def test_a_failure_with_another_key_is_none_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    fail()
    monkeypatch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_API_KEY", "another-key")

    assert asking(Vendor(DATA)) == b"{}"


def test_what_is_asked_anew_does_not_wait_for_the_end_of_an_outage() -> None:
    fail()
    vendor = Vendor(DATA)

    ask(provider=vendor, call=DAILY, asked_by=FETCH, now=timezone.now(), anew=True)

    assert len(vendor.sent) == 1
    assert asking(Vendor(DATA)) == b"{}"


def elsewhere(work: Callable[[], Any]) -> Callable[[], Any]:
    cause = current_cause()

    def run() -> Any:
        try:
            with caused_by(cause):
                return work()
        finally:
            connections.close_all()

    return run


def test_while_one_asks_whether_an_outage_is_over_the_others_wait_for_it() -> None:
    fail(2 * MINUTE)
    is_asked, may_answer = Event(), Event()

    def take_time() -> None:
        is_asked.set()
        may_answer.wait(10)

    with ThreadPoolExecutor(1) as pool:
        probe = pool.submit(elsewhere(lambda: asking(Vendor(DATA, while_sending=take_time))))
        assert is_asked.wait(10)
        other = Vendor(DATA)
        waiting = refused(other)
        may_answer.set()
        assert probe.result() == b"{}"

    assert waiting.until == calls().last().sent_at + 30 * SECOND
    assert other.sent == []
    assert asking(other) == b"{}"


def test_of_many_that_come_after_a_pause_exactly_one_asks() -> None:
    fail(2 * MINUTE)
    together = Barrier(6)

    def come() -> int:
        vendor = Vendor(DOWN)
        together.wait()
        refused(vendor)
        return len(vendor.sent)

    with ThreadPoolExecutor(6) as pool:
        sent = [found.result() for found in [pool.submit(elsewhere(come)) for _ in range(6)]]

    assert sum(sent) == 1
    assert refused(Vendor(DATA)).until == calls().last().answered_at + 3 * MINUTE


def test_a_process_that_died_asking_keeps_the_others_waiting_for_half_a_minute() -> None:
    fail(10 * MINUTE)
    died = calls().create(provider="alphavantage", key_fingerprint=fingerprint(KEY), asked_by=FETCH)
    now: datetime = calls().get(id=died.id).sent_at

    assert refused(Vendor(DATA), now=now + 29 * SECOND).until == now + 30 * SECOND
    assert asking(Vendor(DATA), now=now + 30 * SECOND) == b"{}"


def test_the_pause_and_its_reason_are_shown(token: str) -> None:
    for ago in (5 * MINUTE, timedelta()):
        fail(ago)

    found = ApiClient(token).show("/api/v1/quota/")["providers"][0]

    until = parse_datetime(found["closed_until"])
    assert (found["status"], until) == ("closed", calls().last().answered_at + 3 * MINUTE)
    assert found["error"]["detail"].endswith("UTC: 2 tries in a row failed: No connection was made.")
