"""Fetches as the API shows them."""

import pytest

from services.tests.pipeline import drain_everything
from shared.eventstore.jobs import due_jobs, lease
from shared.http.tests.api_client import ApiClient, assert_problem

FETCHES = "/api/v1/fetches/"


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def test_a_symbol_that_is_being_fetched_answers_with_the_fetch_under_way(api: ApiClient) -> None:
    first = api.send(FETCHES, symbol="FB")
    second = api.send(FETCHES, symbol="fb", provider="auto")

    assert first.status_code == second.status_code == 202
    assert first["Location"] == second["Location"] == f"{FETCHES}{first.json()['id']}/"
    assert len(api.show(FETCHES)["results"]) == 1


def test_a_finished_fetch_makes_room_for_the_next_which_changes_nothing(api: ApiClient) -> None:
    first = api.send(FETCHES, symbol="FB")
    drain_everything(("ingest",))
    second = api.send(FETCHES, symbol="FB")
    drain_everything(("ingest",))

    assert first["Location"] != second["Location"]
    assert [api.show(made["Location"])["changed"] for made in (first, second)] == [True, False]
    assert api.show(second["Location"])["version"] == 1


def test_a_fetch_in_a_workers_hands_is_shown_and_found_as_running(api: ApiClient) -> None:
    made = api.send(FETCHES, symbol="FB")
    [job_id] = due_jobs("ingest", limit=10)
    lease("ingest", job_id, lease_seconds=60)

    assert api.show(made["Location"])["status"] == "running"
    assert [row["status"] for row in api.show(FETCHES, status="running")["results"]] == ["running"]
    assert api.show(FETCHES, status="queued")["results"] == []


def test_a_range_that_begins_before_the_data_and_the_calendar_is_partial(api: ApiClient) -> None:
    made = api.send(FETCHES, symbol="FB", start="1970-01-01", end="2012-06-01")
    drain_everything(("ingest",))

    fetch = api.show(made["Location"])
    assert (fetch["status"], fetch["error"]) == ("partial", None)
    assert (fetch["missing_before"], fetch["first_session"]) == ("1990-01-02", "2012-05-18")
    assert (fetch["missing_after"], fetch["last_session"]) == (None, "2012-06-01")


def test_a_range_without_prices_is_refused_and_says_why(api: ApiClient) -> None:
    made = api.send(FETCHES, symbol="FB", start="1999-01-04", end="1999-12-31")
    drain_everything(("ingest",))

    fetch = api.show(made["Location"])
    assert fetch["status"] == "refused"
    assert fetch["error"]["type"] == "/problems/nothing-found"


def test_pages_hold_every_fetch_once_newest_first_while_more_are_made(api: ApiClient) -> None:
    made = [api.send(FETCHES, symbol=symbol).json()["id"] for symbol in ("FB", "IBM", "AAPL", "MSFT", "GOOG")]
    first = api.show(FETCHES, limit=2)
    later = api.send(FETCHES, symbol="AMZN").json()["id"]
    second = api.show(first["next"])
    third = api.show(second["next"])

    listed = [row["id"] for page in (first, second, third) for row in page["results"]]
    assert listed == made[::-1]
    assert third["next"] is None
    assert api.show(second["previous"])["results"] == first["results"]
    assert [row["id"] for row in api.show(FETCHES, symbol="amzn")["results"]] == [later]


def test_a_cursor_of_another_list_is_refused(api: ApiClient) -> None:
    for symbol in ("FB", "IBM"):
        api.send(FETCHES, symbol=symbol)
    drain_everything(("ingest",))
    foreign = api.show("/api/v1/instruments/", limit=1)["next"].partition("?")[2]

    assert_problem(api.get(f"{FETCHES}?{foreign}"), 400, "validation-error")


def test_the_address_without_its_slash_serves_the_same(api: ApiClient) -> None:
    made = api.send("/api/v1/fetches", symbol="FB")

    assert made.status_code == 202
    assert api.show(made["Location"].rstrip("/")) == api.show(made["Location"])
