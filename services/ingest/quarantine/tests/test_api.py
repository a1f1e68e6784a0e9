"""Everybody with a token sees what is held back; operators decide."""

import os
from uuid import uuid4

import psycopg
import pytest

from services.ingest.market.tests.answers import SESSIONS, answer, known_bars, tell
from shared.http.tests.api_client import ApiClient, assert_problem
from shared.identity.models import User
from shared.identity.tokens import create_token

ADDRESS = "/api/v1/quarantine/"


@pytest.fixture
def api(token: str, cause: object) -> ApiClient:
    return ApiClient(token)


@pytest.fixture
def operator(db: psycopg.Connection) -> ApiClient:
    text = create_token(username="operator", secret=os.urandom(32))
    User.objects.using("identity").filter(username="operator").update(is_superuser=True)
    return ApiClient(text)


def hold_back(symbol: str = "TEST") -> str:
    """Return the address of a held change of two bars and a dividend."""
    tell(answer(100, 100, 100, symbol=symbol, dividends=[(SESSIONS[1], "0.5")]))
    held = tell(answer("50.5", 100, 150, symbol=symbol, volume=10, dividends=[]))
    return f"{ADDRESS}{held.quarantine_id}/"


def test_a_held_change_is_listed_and_shown_with_what_was_stored_and_told(api: ApiClient) -> None:
    address = hold_back()

    (listed,) = api.show(ADDRESS)["results"]
    shown = api.show(address)

    assert listed == {name: shown[name] for name in listed}
    assert f"{ADDRESS}{listed['id']}/" == address
    assert (listed["symbol"], listed["status"], listed["kind"]) == ("TEST", "open", "many-changes")
    assert (listed["row_count"], listed["decided_by"], listed["version"]) == (3, None, None)
    prices = ("open", "high", "low", "close")
    assert shown["bars"] == [
        {
            "session": str(SESSIONS[day]),
            "held": {**dict.fromkeys(prices, "100"), "volume": 10},
            "told": {**dict.fromkeys(prices, told), "volume": 10},
            "close_change_ratio": change,
        }
        for day, told, change in ((0, "50.5", "-0.495"), (2, "150", "0.5"))
    ]
    assert shown["actions"] == [
        {"kind": "dividend", "ex_date": str(SESSIONS[1]), "held": "0.5", "told": None}
    ]
    assert (shown["next"], shown["previous"]) == (None, None)


def test_the_bars_of_a_change_come_in_pages(api: ApiClient) -> None:
    address = hold_back()

    first = api.show(address, limit=1)
    second = api.show(first["next"])

    assert [page["bars"][0]["session"] for page in (first, second)] == [str(SESSIONS[0]), str(SESSIONS[2])]
    assert api.show(second["previous"])["bars"] == first["bars"]


def test_changes_are_found_by_status_and_symbol(api: ApiClient, operator: ApiClient) -> None:
    first, _ = hold_back("AAA"), hold_back("BBB")
    operator.send(f"{first}dismiss/")

    def symbols(**query: str) -> list[str]:
        return [row["symbol"] for row in api.show(ADDRESS, **query)["results"]]

    assert sorted(symbols()) == ["AAA", "BBB"]
    assert (symbols(status="open"), symbols(status="dismissed"), symbols(status="accepted")) == (
        ["BBB"],
        ["AAA"],
        [],
    )
    assert symbols(symbol="AAA") == ["AAA"]
    assert_problem(api.get(f"{ADDRESS}?status=closed"), 400, "validation-error")


def test_an_operator_accepts_a_change(api: ApiClient, operator: ApiClient) -> None:
    address = hold_back()

    answered = operator.send(f"{address}accept/")

    assert answered.status_code == 200
    assert (answered.json()["status"], answered.json()["version"]) == ("accepted", 2)
    assert answered.json()["decided_by"] == "operator"
    assert [float(row[1]) for row in known_bars()] == [50.5, 100, 150]
    shown = api.show(address)
    assert shown["bars"][0]["held"]["close"] == "100"  # as it was when the change came
    assert_problem(operator.send(f"{address}accept/"), 409, "already-decided")
    assert_problem(operator.send(f"{address}dismiss/"), 409, "already-decided")


def test_a_repeated_request_with_one_key_gets_the_first_answer(operator: ApiClient, cause: object) -> None:
    address = hold_back()
    key = {"Idempotency-Key": str(uuid4())}

    first, again = (
        operator.post(f"{address}accept/", {}, content_type="application/json", headers=key) for _ in range(2)
    )

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()


@pytest.mark.parametrize("decision", ["accept", "dismiss"])
def test_who_is_no_operator_decides_nothing(api: ApiClient, decision: str) -> None:
    address = hold_back()

    assert_problem(api.send(f"{address}{decision}/"), 403, "operators-only")

    assert api.show(address)["status"] == "open"


def test_what_is_not_there_is_not_found(api: ApiClient, operator: ApiClient) -> None:
    address = f"{ADDRESS}{uuid4()}/"

    assert_problem(api.get(address), 404, "not-found")
    for decision in ("accept", "dismiss"):
        assert_problem(operator.send(f"{address}{decision}/"), 404, "not-found")
    assert_problem(operator.send(f"{hold_back()}dismiss/", why="because"), 400, "validation-error")
