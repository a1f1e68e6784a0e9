"""Processes whose clocks are off by a day: matrix row 46."""

import os

import pytest
import requests

from services.tests.chaos.stage import Stage
from services.tests.chaos.test_process_faults import done_jobs
from services.tests.chaos.web import ask_for_prices, web
from shared.identity.tokens import create_token

pytestmark = pytest.mark.chaos
BEHIND, AHEAD = {"CHAOS_CLOCK_DAYS": "-1"}, {"CHAOS_CLOCK_DAYS": "1"}


def test_processes_whose_clocks_are_a_day_apart_keep_order_effects_and_leases(stage: Stage) -> None:
    behind, ahead = web(stage, **BEHIND), web(stage, **AHEAD)
    stage.start("relay", "consume", **BEHIND)
    halted = stage.start("work", KILL_AT="job.taken:STOP", **AHEAD)
    for turn in range(30):  # on each stream, every event comes from the other clock than the one before it
        write(
            stage, (behind, ahead)[turn % 2], stream=f"s{turn // 2 % 2}", mode="job" if turn % 5 == 0 else ""
        )
    halted.wait_until_stopped()
    stage.start(**BEHIND)
    stage.start(**AHEAD)

    # The lease of the halted one ends a second after it began, by the database's clock.
    stage.settle(seconds=60)

    assert stage.check().ok == 30
    assert done_jobs(stage) == 6
    days = stage.owner.execute(
        "SELECT DISTINCT round(extract(epoch FROM occurred_at - recorded_at) / 86400)::int"
        " FROM ingest.event ORDER BY 1"
    ).fetchall()
    assert days == [(-1,), (1,)]


def write(stage: Stage, url: str, *, stream: str, mode: str) -> None:
    """Have a web server mark a new number."""
    number = next(stage.numbers)
    stage.attempt(number, mode=mode)
    assert requests.post(f"{url}/marks/{stream}/{number}/?mode={mode}", timeout=10).status_code == 201
    stage.acknowledge(number, mode=mode)


@pytest.mark.parametrize("bus_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("clock", [BEHIND, AHEAD], ids=["a day behind", "a day ahead"])
def test_a_token_expires_and_a_key_is_held_by_the_clock_of_the_database(
    stage: Stage, clock: dict[str, str]
) -> None:
    token = create_token(username="tester", secret=os.urandom(32))
    right, wrong = web(stage), web(stage, **clock)

    let_expire(stage, token_in="1 minute")
    first = ask_for_prices(right, token, key="once")
    again = ask_for_prices(wrong, token, key="once")
    let_expire(stage, token_in="-1 second")
    late = ask_for_prices(wrong, token)

    assert first.status_code == 202
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert late.status_code == 401


def let_expire(stage: Stage, *, token_in: str) -> None:
    """Set when every token ends, from now by the database's clock."""
    stage.owner.execute("UPDATE identity.token SET expires_at = now() + %s::interval", [token_in])
