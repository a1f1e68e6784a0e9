"""Searches for parameters stay true to the prices, and whoever searches pays for it in what a run is worth."""

from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest

from deploy.postgres.owner import as_owner
from services.ingest.market.tests.answers import SESSIONS, answer, tell
from services.tests.pipeline import drain_everything
from shared.eventstore.models import Event
from shared.eventstore.rebuild import differences
from shared.http.tests.api_client import ApiClient

STEPS = np.random.default_rng(5).normal(0.0005, 0.01, 300)
CLOSES = [f"{price:.2f}" for price in 100 * np.exp(np.cumsum(STEPS))]
EARLY, LATE = (SESSIONS[0], SESSIONS[149]), (SESSIONS[150], SESSIONS[299])
WALKS: dict[str, Any] = {"folds": 4, "in_sample_ratio": 1}
SEARCHES = [pytest.param("sweeps", {}, id="sweep"), pytest.param("walk-forwards", WALKS, id="walk forward")]
GRID = {"fast_window": [2, 3, 4], "slow_window": [4, 5]}  # 4 and 4 is not permitted
PERMITTED = 5


@pytest.fixture(autouse=True)
def prices(db: psycopg.Connection[Any], cause: UUID) -> None:
    """Store 300 sessions of TEST, and of OTHER."""
    for symbol in ("TEST", "OTHER"):
        tell(answer(*CLOSES, symbol=symbol))
    settle()


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


def settle() -> None:
    """Do what is pending, without reports."""
    drain_everything(("ingest", "analytics"))


def asked(api: ApiClient, kind: str, span: tuple[date, date] = EARLY, **more: Any) -> str:
    """Ask for a piece of work over a span, and return its address."""
    body = {"symbol": "TEST", "strategy": "sma_cross", "start": str(span[0]), "end": str(span[1]), **more}
    found: str = api.send(f"/api/v1/{kind}/", **body)["Location"]
    return found


def searched(api: ApiClient, kind: str, span: tuple[date, date] = EARLY, **more: Any) -> str:
    """Have a search done."""
    address = asked(api, kind, span, **{"grid": GRID, **more})
    settle()
    assert api.show(address)["status"] == "succeeded"
    return address


def luck(api: ApiClient, fast: int = 6, span: tuple[date, date] = EARLY, **more: Any) -> dict[str, Any]:
    """Return what a run is worth."""
    address = asked(api, "backtests", span, parameters={"fast_window": fast, "slow_window": 9}, **more)
    settle()
    found: dict[str, Any] = api.show(address)["truth"]["luck"]
    return found


def correct(number: int, *, symbol: str = "TEST") -> None:
    """Have the close of one session come back different."""
    tell(answer("101.50", first=number, symbol=symbol))
    settle()


@pytest.mark.parametrize(("kind", "more"), SEARCHES)
def test_a_correction_marks_the_searches_on_its_session_and_no_other(
    api: ApiClient, kind: str, more: dict[str, Any]
) -> None:
    early, late = searched(api, kind, **more), searched(api, kind, LATE, **more)
    other = searched(api, kind, **{**more, "symbol": "OTHER"})

    correct(10)
    correct(11)

    assert [api.show(found)["outdated_by_version"] for found in (early, late, other)] == [2, None, None]
    again = searched(api, kind, **more)
    assert again != early
    assert api.show(again)["outdated_by_version"] is None
    with as_owner():
        found = differences("analytics")
    assert (found["sweep"], found["walk_forward"]) == (0, 0)


@pytest.mark.parametrize(("kind", "more"), SEARCHES)
def test_new_sessions_and_a_thousand_corrections_elsewhere_mark_nothing(
    api: ApiClient, kind: str, more: dict[str, Any]
) -> None:
    address = searched(api, kind, **more)

    tell(answer(*("104",) * 1000, first=300))
    tell(answer(*("106",) * 1000, first=300))
    correct(160)

    assert api.show(address)["outdated_by_version"] is None
    assert not Event.objects.using("analytics").filter(type__in=("SweepOutdated", "WalkForwardOutdated"))


@pytest.mark.parametrize(("kind", "more"), SEARCHES)
def test_a_correction_while_a_search_waits_is_told_once_it_is_done(
    api: ApiClient, kind: str, more: dict[str, Any]
) -> None:
    address = asked(api, kind, grid=GRID, **more)
    tell(answer("101.50", first=10))
    drain_everything(("ingest",))

    settle()

    assert api.show(address)["outdated_by_version"] == 2


@pytest.mark.parametrize(("kind", "more"), SEARCHES)
def test_the_cells_of_a_search_are_trials_of_a_later_run(
    api: ApiClient, kind: str, more: dict[str, Any]
) -> None:
    before = luck(api)
    searched(api, kind, **more)

    after = luck(api, 7)

    assert after["trials"] == before["trials"] + PERMITTED + 1
    assert before["effective_trials"] <= after["effective_trials"] <= after["trials"]


def test_searches_elsewhere_and_those_without_a_result_are_none(api: ApiClient) -> None:
    before = luck(api)
    searched(api, "sweeps", LATE)
    searched(api, "sweeps", symbol="OTHER")
    api.delete(asked(api, "sweeps", grid={"fast_window": [2, 3]}))

    assert luck(api, 7)["trials"] == before["trials"] + 1


def test_a_cell_that_was_searched_and_run_and_a_grid_that_was_searched_twice_count_once(
    api: ApiClient,
) -> None:
    grid = {"fast_window": [3, 6], "slow_window": [9, 12]}
    before = luck(api)
    searched(api, "sweeps", grid=grid)
    searched(api, "sweeps", grid=grid, objective="cagr")
    searched(api, "walk-forwards", grid=grid, **WALKS)

    again = luck(api, initial_capital="20000.00")
    other = luck(api, 7)

    assert again["trials"] == before["trials"] + 3
    assert other["trials"] == before["trials"] + 4


def test_two_different_searches_both_count(api: ApiClient) -> None:
    before = luck(api)
    searched(api, "sweeps")
    searched(api, "walk-forwards", **WALKS, grid={"window": [5, 6]}, strategy="rsi")

    assert luck(api, 7)["trials"] == before["trials"] + PERMITTED + 2 + 1


def test_a_run_is_worth_less_after_a_thousand_cells_were_tried(api: ApiClient) -> None:
    alone = luck(api, span=LATE)
    grid = {
        "fast_window": {"from": 2, "to": 26, "step": 1},
        "slow_window": {"from": 27, "to": 66, "step": 1},
    }
    searched(api, "sweeps", grid=grid)

    searched_for = luck(api)

    assert searched_for["trials"] >= 1000
    assert alone["trials"] < 10 < searched_for["effective_trials"] < 1000
    assert searched_for["expected_maximum_sharpe"] > 2 * alone["expected_maximum_sharpe"]
    assert searched_for["deflated_sharpe"] < searched_for["probabilistic_sharpe"]
