"""Watch lists as the API keeps and shows them."""

from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connections
from django.utils import timezone

from deploy.postgres.owner import as_owner
from services.ingest.watchlists.models import WatchList
from services.ingest.watchlists.services import WatchListExists, save_watch_list
from services.tests.pipeline import drain_everything
from shared.errors import NotFound
from shared.eventstore.models import Event
from shared.eventstore.rebuild import differences, rebuild
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.observability.correlation import Cause, caused_by

LISTS = "/api/v1/watchlists/"
TECH = f"{LISTS}tech/"


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def put(api: ApiClient, path: str, **body: Any) -> Any:
    return api.put(path, body, content_type="application/json")


def test_a_list_is_made_shown_replaced_and_deleted(api: ApiClient) -> None:
    made = api.send(LISTS, name="tech", symbols=["msft", "AAPL", "MSFT"])
    shown = api.show(TECH)
    replaced = put(api, TECH, symbols=["FB"], provider="bundled", active=False)
    deleted = api.delete(TECH)

    assert (made.status_code, made["Location"], made.json()) == (201, TECH, shown)
    assert (shown["symbols"], shown["provider"], shown["active"]) == (["MSFT", "AAPL"], "auto", True)
    assert replaced.status_code == 200
    assert (replaced.json()["symbols"], replaced.json()["active"]) == (["FB"], False)
    assert replaced.json()["created_at"] == shown["created_at"] < replaced.json()["saved_at"]
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert_problem(api.get(TECH), 404, "not-found")


def test_a_list_shows_how_fresh_its_symbols_are_and_what_is_planned(api: ApiClient) -> None:
    api.send("/api/v1/fetches/", symbol="FB", provider="bundled")
    drain_everything(("ingest",))
    api.send(LISTS, name="tech", symbols=["FB", "GOOG", "UNKNOWN"])

    [listed] = api.show(LISTS)["results"]
    facebook, google, unknown = listed["freshness"]

    assert listed["freshness"] == api.show(TECH)["freshness"]
    assert (facebook["symbol"], facebook["last_session"]) == ("FB", "2016-08-10")
    assert facebook["behind_sessions"] > 2500
    assert facebook["reason"] == "bundled has nothing after 2016-08-10 and is asked once a week."
    assert (google["last_session"], google["behind_sessions"]) == (None, None)
    assert (google["refresh_at"], google["reason"]) == (listed["saved_at"], "It was never fetched.")
    assert unknown["refresh_at"] is None
    assert unknown["reason"].startswith("No prices of it ship with the package, and no other provider")


def test_a_list_that_is_not_active_has_no_plan(api: ApiClient) -> None:
    api.send(LISTS, name="tech", symbols=["GOOG"], active=False)

    [google] = api.show(TECH)["freshness"]
    assert (google["refresh_at"], google["reason"]) == (None, None)


def test_lists_come_by_name_in_pages(api: ApiClient) -> None:
    for name in ("b", "c", "a"):
        api.send(LISTS, name=name, symbols=["FB"])

    first = api.show(LISTS, limit=2)
    second = api.show(first["next"])

    assert [row["name"] for page in (first, second) for row in page["results"]] == ["a", "b", "c"]
    assert second["results"][0]["freshness"][0]["symbol"] == "FB"


def test_a_name_is_given_once(api: ApiClient) -> None:
    api.send(LISTS, name="tech", symbols=["FB"])

    assert_problem(api.send(LISTS, name="tech", symbols=["AAPL"]), 409, "watch-list-exists")
    assert api.show(TECH)["symbols"] == ["FB"]


def test_a_name_that_was_deleted_may_be_given_again(api: ApiClient) -> None:
    api.send(LISTS, name="tech", symbols=["FB"])
    api.delete(TECH)

    assert api.send(LISTS, name="tech", symbols=["AAPL"]).status_code == 201
    assert api.show(TECH)["symbols"] == ["AAPL"]


def test_a_list_that_is_not_there_is_neither_replaced_nor_deleted(api: ApiClient) -> None:
    assert_problem(put(api, TECH, symbols=["FB"]), 404, "not-found")
    assert_problem(api.delete(TECH), 404, "not-found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"name": ""}, "name"),
        ({"symbols": []}, "symbols"),
        ({"symbols": ["AAPL", "A B"]}, "symbols.1"),
        ({"symbols": "AAPL"}, "symbols"),
        ({"symbols": [f"S{number}" for number in range(501)]}, "symbols"),
        ({"provider": "csv"}, "provider"),
        ({"provider": "nobody"}, "provider"),
        ({"name": " a"}, "name"),
        ({"name": 7}, "name"),
        ({"active": "perhaps"}, "active"),
        ({"active": 1}, "active"),
        ({"owner": "me"}, "owner"),
    ],
)
def test_what_a_list_cannot_be_is_refused_by_field(api: ApiClient, body: dict[str, Any], field: str) -> None:
    answer = api.send(LISTS, **{"name": "tech", "symbols": ["FB"], **body})

    problem = assert_problem(answer, 400, "validation-error")
    assert [error["attr"] for error in problem["errors"]] == [field]
    assert api.show(LISTS)["results"] == []


def test_a_request_that_is_repeated_under_its_key_makes_one_list(api: ApiClient) -> None:
    body, key = {"name": "tech", "symbols": ["FB"]}, {"Idempotency-Key": "k-1"}

    first, second = (api.post(LISTS, body, content_type="application/json", headers=key) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()


def test_of_many_that_make_a_list_of_one_name_one_does(db: psycopg.Connection[Any]) -> None:
    start, outcomes = Barrier(6), list[str]()

    def make(symbol: str) -> None:
        try:
            with caused_by(Cause(uuid4())):
                start.wait()
                save_watch_list(
                    name="tech",
                    symbols=[symbol],
                    provider="auto",
                    active=True,
                    now=timezone.now(),
                    is_new=True,
                )
                outcomes.append("made")
        except WatchListExists:
            outcomes.append("exists")
        finally:
            connections.close_all()

    threads = [Thread(target=make, args=(f"S{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["exists"] * 5 + ["made"]
    assert Event.objects.using("ingest").count() == 1


@pytest.mark.usefixtures("db")
def test_a_list_is_saved_whether_or_not_there_is_one(cause: UUID) -> None:
    both: dict[str, Any] = {"name": "tech", "provider": "auto", "active": True}
    save_watch_list(symbols=["aapl"], now=timezone.now(), **both)
    save_watch_list(symbols=["FB", "AAPL"], now=timezone.now(), **both)

    assert WatchList.objects.using("ingest").get().symbols == ["FB", "AAPL"]
    with pytest.raises(NotFound):
        save_watch_list(symbols=["FB"], now=timezone.now(), is_new=False, **(both | {"name": "other"}))


def test_lists_made_anew_from_their_events_are_the_same(api: ApiClient) -> None:
    for name in ("tech", "gone", "old"):
        api.send(LISTS, name=name, symbols=["FB", "AAPL"])
    put(api, f"{LISTS}old/", symbols=["IBM"], active=False)
    api.delete(f"{LISTS}gone/")
    live = list(WatchList.objects.using("ingest").order_by("name").values())
    connections.close_all()

    with as_owner():
        assert differences("ingest")["watch_list"] == 0
        WatchList.objects.using("ingest").all().delete()
        rebuild("ingest")
        assert list(WatchList.objects.using("ingest").order_by("name").values()) == live
    assert [row["name"] for row in live] == ["old", "tech"]
