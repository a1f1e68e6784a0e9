"""Thousands of requests that nobody thought of, to gunicorn, PostgreSQL and a worker: what comes back is documented.

`make fuzz` runs the same with more requests; see services/tests/fuzz for what is checked and what cannot be.
"""

import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.tests.books import counted
from services.tests.fuzz.campaign import campaign
from services.tests.fuzz.live import live_system
from services.tests.processes import wait_until
from shared.http.tests.api_client import ApiClient
from shared.identity.tokens import create_token
from shared.settings.databases import SERVICES

# Operations that hardly any random request can satisfy, and why.
NO_PASSWORD = "nobody guesses a password"
ALL_DONE = "the worker is faster than whoever would cancel"
NO_KEY = "no provider has a key here"
NO_GRID = "hardly a random grid names parameters that its strategy has"
NONE_HELD = "nothing of the bundled prices looks wrong, and only operators decide"
SELDOM_ACCEPTED = {
    "POST /api/v1/tokens/": NO_PASSWORD,
    "POST /api/users/login/": NO_PASSWORD,
    "POST /api/v1/users/me/password/": NO_PASSWORD,
    "GET /api/v1/quarantine/{quarantine_id}/": NONE_HELD,
    "POST /api/v1/quarantine/{quarantine_id}/accept/": NONE_HELD,
    "POST /api/v1/quarantine/{quarantine_id}/dismiss/": NONE_HELD,
    "POST /api/v1/lookups/": NO_KEY,
    "GET /api/v1/lookups/{lookup_id}/": NO_KEY,
    "DELETE /api/v1/lookups/{lookup_id}/": NO_KEY,
    "DELETE /api/v1/fetches/{fetch_id}/": ALL_DONE,
    "DELETE /api/v1/backtests/{run_id}/": ALL_DONE,
    "DELETE /api/v1/forecasts/{forecast_id}/": ALL_DONE,
    "DELETE /api/v1/reports/{report_id}/": ALL_DONE,
    "DELETE /api/v1/sweeps/{sweep_id}/": ALL_DONE,
    "DELETE /api/v1/walk-forwards/{walk_forward_id}/": ALL_DONE,
    "POST /api/v1/sweeps/": NO_GRID,
    "POST /api/v1/walk-forwards/": NO_GRID,
    "GET /api/v1/backtests/compare/": "nobody can guess the ids of two runs",
}


# Where the values of variables in addresses come from.
LISTS = {
    "fetch_id": "fetches",
    "run_id": "backtests",
    "before_id": "backtests",
    "forecast_id": "forecasts",
    "report_id": "reports",
    "sweep_id": "sweeps",
    "walk_forward_id": "walk-forwards",
}


def newest(api: ApiClient, name: str) -> str:
    found: str = api.show(f"/api/v1/{name}/")["results"][0]["id"]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_to_any_request_is_as_documented(
    service: str, db: psycopg.Connection[Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    cases, seed = request.config.getoption("--fuzz-cases"), request.config.getoption("--fuzz-seed")
    token = create_token(username="fuzzer", secret=os.urandom(32))
    api = ApiClient(token)
    with live_system(tmp_path / "state") as url:
        api.send("/api/v1/fetches/", symbol="GOOG")
        wait_until(lambda: counted(db)["reports.rendered"] == 1, saying="the report on GOOG")

        api.send("/api/v1/watchlists/", name="large", symbols=["GOOG"])
        for search in ("sweeps", "walk-forwards"):
            made = api.send(f"/api/v1/{search}/", symbol="GOOG", grid={"sell_window": [30, 60]})["Location"]
            wait_until(lambda: api.show(made)["status"] == "succeeded", saying=made)  # noqa: B023
        known = {
            "symbol": "GOOG",
            "ticker": "GOOG",
            "index": "sp500",
            "name": "large",
            "metric": "sharpe",
            **{name: newest(api, place) for name, place in LISTS.items()},
        }
        found = campaign(service=service, url=url, known=known, cases=cases, seed=seed, folder=tmp_path)

    print(f"\n{service}: {found.cases} requests to {len(found.operations)} operations, seed {seed}")
    assert found.passed, f"with --fuzz-seed {seed}:\n{found.report}"
    assert found.cases >= cases
    assert found.operations - found.accepted <= set(SELDOM_ACCEPTED)
