"""The older address of a fetch: one answer per day, symbol and provider."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections
from django.db.models import F
from django.test import Client
from django.utils import timezone

from services.ingest.conftest import Choose
from services.ingest.fetches import services
from services.ingest.fetches.models import Fetch
from services.ingest.fetches.services import FetchedToday, request_fetch
from services.ingest.providers.bundled_provider import BundledProvider
from services.tests.pipeline import drain_everything, draining
from shared.errors import BellwetherError
from shared.http.tests.api_client import ApiClient, assert_problem

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
AT_ONCE = {"Prefer": "wait=0"}


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the symbols that the provider is asked for, in order."""
    symbols: list[str] = []
    fetch = BundledProvider.fetch

    def counted(self: BundledProvider, symbol: str, start: date | None, end: date | None) -> Any:
        symbols.append(symbol)
        return fetch(self, symbol, start, end)

    monkeypatch.setattr(BundledProvider, "fetch", counted)
    return symbols


def done(*, finished_at: datetime, **other: Any) -> UUID:
    """Put the row of a fetch in place, as its events would."""
    values = {"symbol": "FB", "provider": "bundled", "state": "succeeded", **other}
    fetch_id = uuid4()
    Fetch.objects.using("ingest").create(
        id=fetch_id, created_at=finished_at, finished_at=finished_at, **values
    )
    return fetch_id


def ask(now: datetime, *, symbol: str = "FB", provider: str = "bundled") -> None:
    request_fetch(
        fetch_id=uuid4(), symbol=symbol, provider=provider, start=None, end=None, now=now, once_a_day=True
    )


def test_work_under_way_is_answered_with_where_it_is(api: ApiClient) -> None:
    first = api.get("/fetch/fb/", headers=AT_ONCE)
    second = api.get("/fetch/FB", headers=AT_ONCE)

    assert (first.status_code, first["Retry-After"], first.json()["status"]) == (202, "1", "queued")
    assert first["Location"] == second["Location"] == f"/api/v1/fetches/{first.json()['id']}/"


def test_a_second_request_of_the_day_is_answered_with_the_first_ones_fetch(
    api: ApiClient, asked: list[str]
) -> None:
    api.get("/fetch/FB/", headers=AT_ONCE)
    drain_everything(("ingest",))
    first, second = (api.get(path) for path in ("/fetch/FB/", "/fetch/fb?provider=auto"))

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json() == api.show(first["Location"])
    assert first.json()["status"] == "succeeded"
    assert asked == ["FB"]
    assert Fetch.objects.using("ingest").count() == 1


def test_what_is_fetched_for_a_request_is_not_called_earlier(token: str) -> None:
    patient = Client(headers={"Authorization": f"Token {token}"})
    with draining(("ingest",)):
        first, second = (patient.get("/fetch/FB/") for _ in range(2))
    Fetch.objects.using("ingest").update(finished_at=F("finished_at") - timedelta(seconds=90))
    third = patient.get("/fetch/FB/")

    assert ("Age" in first, "Age" in second) == (False, True)
    assert 90 <= int(third["Age"]) < 120
    assert first.json()["id"] == second.json()["id"] == third.json()["id"]


def test_many_requests_at_once_ask_the_provider_once(token: str, asked: list[str]) -> None:
    barrier = Barrier(4)

    def get(_: int) -> Any:
        barrier.wait()
        try:
            return Client(headers={"Authorization": f"Token {token}"}).get("/fetch/FB/")
        finally:
            connections.close_all()

    with draining(("ingest",)), ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(get, range(4)))

    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert asked == ["FB"]


@pytest.mark.usefixtures("db", "cause")
def test_a_fetch_that_ends_while_the_next_is_being_queued_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    ask(timezone.now())
    look, looks = services._refuse_if_done, 0

    def look_then_end_the_first(*args: Any, **kwargs: Any) -> None:
        nonlocal looks
        looks += 1
        look(*args, **kwargs)
        if looks == 1:
            drain_everything(("ingest",))

    monkeypatch.setattr(services, "_refuse_if_done", look_then_end_the_first)
    with pytest.raises(FetchedToday):
        ask(timezone.now())

    assert looks == 2
    assert Fetch.objects.using("ingest").count() == 1


@pytest.mark.usefixtures("db", "cause")
@pytest.mark.parametrize(
    "other",
    [
        {"state": "failed"},
        {"state": "refused"},
        {"state": "cancelled"},
        {"symbol": "IBM"},
        {"provider": "csv"},
        {"start": date(2015, 1, 2)},
        {"end": date(2015, 1, 2)},
        {"finished_at": NOON - timedelta(hours=12, seconds=1)},
    ],
)
def test_what_was_not_fetched_whole_and_well_today_is_fetched(other: dict[str, Any]) -> None:
    done(**{"finished_at": NOON, **other})

    ask(NOON)

    assert Fetch.objects.using("ingest").filter(state="queued", symbol="FB").count() == 1


@pytest.mark.usefixtures("db", "cause")
@pytest.mark.parametrize("state", ["succeeded", "partial"])
def test_the_day_is_the_one_of_utc(state: str) -> None:
    known = done(finished_at=NOON - timedelta(hours=12), state=state)

    with pytest.raises(FetchedToday) as today:
        ask(NOON.replace(hour=23, minute=59))

    assert today.value.extra == {"fetch_id": str(known)}
    ask(NOON + timedelta(hours=12))


def test_a_symbol_that_the_provider_lacks_names_those_it_has(api: ApiClient) -> None:
    body = assert_problem(api.get("/fetch/NOPE/"), 404, "unknown-symbol")

    assert body["known_symbols"] == ["AAPL", "AMZN", "FB", "GOOG", "IBM", "MSFT"]


def test_a_fetch_that_brought_nothing_is_answered_as_its_problem_and_tried_again(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class VendorSilent(BellwetherError):
        status, slug, title = 422, "vendor-silent", "The vendor says nothing"

    def silent(*_: Any) -> Any:
        raise VendorSilent("Nothing today.", vendor="made up")

    patient = Client(headers={"Authorization": f"Token {token}"})
    with draining(("ingest",)):
        with monkeypatch.context() as patched:
            patched.setattr(BundledProvider, "fetch", silent)
            refused = patient.get("/fetch/FB/")
        again = patient.get("/fetch/FB/")

    body = assert_problem(refused, 422, "vendor-silent")
    assert (body["detail"], body["vendor"], body["instance"]) == ("Nothing today.", "made up", "/fetch/FB/")
    assert again.status_code == 200


def test_another_fetch_of_the_symbol_is_not_mistaken_for_this_one(api: ApiClient) -> None:
    api.send("/api/v1/fetches/", symbol="FB", start="2015-01-02")

    assert_problem(api.get("/fetch/FB/"), 409, "other-fetch-open")


def test_an_unknown_provider_is_refused(api: ApiClient) -> None:
    body = assert_problem(api.get("/fetch/FB/?provider=nobody"), 400, "validation-error")

    assert [error["attr"] for error in body["errors"]] == ["provider"]


@pytest.mark.usefixtures("db", "cause")
@pytest.mark.parametrize(
    ("provider", "later", "is_answer"),
    [
        ("auto", {"provider": "tiingo"}, True),
        ("auto", {"provider": "auto"}, True),
        ("auto", {"provider": "csv"}, False),
        ("auto", {"provider": "tiingo", "start": date(2015, 1, 2)}, False),
        ("auto", {"provider": "tiingo", "state": "failed"}, False),
        (
            "tiingo",
            {"provider": "auto", "sources": [{"provider": "alphavantage"}, {"provider": "tiingo"}]},
            True,
        ),
        ("tiingo", {"provider": "auto", "sources": [{"provider": "alphavantage"}]}, False),
    ],
)
def test_the_answer_is_the_days_last_fetch_that_tells_the_same(
    provider: str, later: dict[str, Any], is_answer: bool, choose: Choose
) -> None:
    choose("tiingo")
    first = done(finished_at=NOON - timedelta(hours=3), symbol="IBM", provider=provider)
    second = done(finished_at=NOON - timedelta(hours=1), symbol="IBM", **later)

    with pytest.raises(FetchedToday) as today:
        ask(NOON, symbol="IBM", provider=provider)

    assert today.value.extra == {"fetch_id": str(second if is_answer else first)}


@pytest.mark.usefixtures("db", "cause")
def test_a_fetch_from_another_provider_alone_does_not_keep_the_plan_from_being_asked() -> None:
    done(finished_at=NOON, provider="bundled")

    ask(NOON, provider="auto")

    assert Fetch.objects.using("ingest").filter(state="queued", provider="auto").count() == 1
