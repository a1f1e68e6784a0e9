"""A request for work waits for it, when its caller wants, and says what became of it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from services.tests.openapi import assert_documented, published_document
from services.tests.pipeline import drain_everything
from shared.eventstore.jobs import due_jobs, lease
from shared.http.tests.api_client import ApiClient

LONG = {"Prefer": "wait=25"}


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


@contextmanager
def workers() -> Iterator[None]:
    """Do what is queued, in a thread, as long as this block lasts."""
    done = threading.Event()

    def work() -> None:
        try:
            while not done.wait(0.02):
                drain_everything()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def ask(api: ApiClient, work: str, headers: dict[str, str], **body: Any) -> Any:
    return api.post(
        f"/api/v1/{work}/", {"symbol": "FB", **body}, content_type="application/json", headers=headers
    )


def test_work_that_is_done_within_the_wait_is_201_and_when_it_was_there_200(api: ApiClient) -> None:
    document = published_document()
    short = {"parameters": {"buy_window": 5, "sell_window": 20}}

    with workers():
        made = {
            "fetches": ask(api, "fetches", LONG),
            "backtests": ask(api, "backtests", LONG, **short),
        }
    drain_everything()
    there = {
        "backtests": ask(api, "backtests", {}, **short),
        "forecasts": ask(api, "forecasts", {}),
        "reports": ask(api, "reports", {}),
    }

    for answers, status in ((made, 201), (there, 200)):
        for work, answer in answers.items():
            assert (answer.status_code, answer.json()["status"]) == (status, "succeeded"), work
            assert answer["Location"] == f"/api/v1/{work}/{answer.json()['id']}/"
            assert "Retry-After" not in answer.headers
            assert_documented(document, f"/api/v1/{work}/", answer, method="post")
    assert {answer["Preference-Applied"] for answer in made.values()} == {"wait=25"}
    assert made["backtests"].json()["id"] == there["backtests"].json()["id"]


def test_work_that_takes_longer_is_202_and_says_where_and_when(api: ApiClient) -> None:
    asked = ask(api, "fetches", {"Prefer": "respond-async, wait=1"})

    assert (asked.status_code, asked["Retry-After"]) == (202, "1")
    assert asked["Preference-Applied"] == "wait=1"
    assert asked.json()["status"] == "queued"


def test_a_request_that_meets_the_work_of_another_is_200_when_that_is_done(api: ApiClient) -> None:
    ask(api, "fetches", {})
    looked = threading.Event()
    look = time.sleep

    def begin(seconds: float) -> None:
        looked.set()
        look(seconds)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("shared.http.waiting.time.sleep", begin)
        answers: list[Any] = []

        def join() -> None:
            answers.append(ask(api, "fetches", LONG))
            connections.close_all()

        thread = threading.Thread(target=join)
        thread.start()
        assert looked.wait(timeout=30)
        drain_everything(("ingest",))
        thread.join()

    assert (answers[0].status_code, answers[0].json()["status"]) == (200, "succeeded")


def test_without_a_preference_the_wait_is_short_and_not_spoken_of(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def note(look: Any, is_over: Any, *, seconds: float) -> Any:
        waits.append(seconds)
        return look()

    monkeypatch.setattr("shared.http.operations.wait_until", note)
    for preference in ("", "wait=soon", "wait=100", "wait=0"):
        answer = ask(api, "fetches", {"Prefer": preference})
        assert "Preference-Applied" not in answer.headers or preference == "wait=0"

    assert waits == [2.0, 2.0, 25, 0]


def test_a_refusal_while_waiting_is_an_answer_and_no_error(api: ApiClient) -> None:
    with workers():
        answer = ask(api, "fetches", LONG, start="1999-01-04", end="1999-12-31")

    assert (answer.status_code, answer.json()["status"]) == (201, "refused")
    assert answer.json()["error"]["type"] == "/problems/nothing-found"


def test_work_in_a_workers_hands_is_shown_as_running(api: ApiClient) -> None:
    ask(api, "fetches", {})
    [job_id] = due_jobs("ingest", limit=9)
    lease("ingest", job_id, lease_seconds=60)

    answer = ask(api, "fetches", {})

    assert (answer.status_code, answer.json()["status"]) == (202, "running")
