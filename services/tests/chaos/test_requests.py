"""What callers see while sessions are cut and web processes die: matrix row 3, and no answer is ever a 500."""

import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests

from services.tests.chaos.disorder import CUT_SESSIONS, clients
from services.tests.chaos.stage import Stage
from services.tests.chaos.web import ask_for_prices, web
from services.tests.processes import wait_until
from shared.identity.tokens import create_token

pytestmark = [pytest.mark.chaos, pytest.mark.parametrize("bus_url", ["postgres"], indirect=True)]


@pytest.mark.parametrize("point", ["request.answered", "request.kept"])
def test_a_request_whose_web_process_was_killed_before_the_answer_gets_it_when_it_is_repeated(
    stage: Stage, point: str
) -> None:
    token = create_token(username="tester", secret=os.urandom(32))
    dying, other = web(stage, KILL_AT=point), web(stage)

    with pytest.raises(requests.ConnectionError):
        ask_for_prices(dying, token, key="once")
    made = fetches(stage)
    if point == "request.answered":
        assert ask_for_prices(other, token, key="once").status_code == 409  # while the first may be under way
        stage.owner.execute("UPDATE ingest.keyed_request SET claimed_at = claimed_at - interval '61 seconds'")
    first, second = (ask_for_prices(other, token, key="once") for _ in range(2))

    assert (first.status_code, first.json()["id"]) == (202, made)
    assert second.content == first.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert fetches(stage) == made
    if point == "request.kept":
        assert first.headers["Idempotent-Replayed"] == "true"


def fetches(stage: Stage) -> str:
    """Return the id of the one fetch that there is an event of."""
    ((stream,),) = stage.owner.execute("SELECT stream FROM ingest.event").fetchall()
    return str(stream).removeprefix("fetch-")


def test_sessions_that_are_cut_under_requests_are_a_503_at_most(stage: Stage) -> None:
    token = create_token(username="tester", secret=os.urandom(32))
    url = web(stage)
    headers = {"Authorization": f"Bearer {token}"}
    calls: list[Callable[[], requests.Response]] = [
        lambda: ask_for_prices(url, token),
        lambda: ask_for_prices(url, token, key=os.urandom(8).hex()),
        lambda: requests.get(f"{url}/api/v1/fetches/", headers=headers, timeout=15),
        lambda: requests.get(f"{url}/fetch/FB/", headers=headers, timeout=15),
        lambda: requests.get(f"{url}/admin/", headers={"Accept": "text/html"}, timeout=15),
    ]
    told: Counter[int] = Counter()
    over = threading.Event()

    def keep_calling(call: Callable[[], requests.Response]) -> None:
        while not over.wait(0.01):
            told[call().status_code] += 1

    with clients(stage, port=int(url.rpartition(":")[2]), number_of=2) as marks, ThreadPoolExecutor() as pool:
        calling = [pool.submit(keep_calling, call) for call in calls]
        with psycopg.connect(stage.database_url, autocommit=True) as connection:

            def cut_until_enough() -> bool:
                connection.execute(CUT_SESSIONS)
                return marks["503"] >= 5 and told[503] >= 20

            try:
                wait_until(cut_until_enough, saying="requests that were cut off")
            finally:
                over.set()
        for each in calling:
            each.result()

    assert set(marks) <= {"201", "409", "503"}
    assert not {status for status in told if status >= 500} - {503}
