"""Strategies as the API shows them."""

from typing import Any

import pytest

from services.analytics.kernel.strategies.registry import STRATEGIES
from shared.http.tests.api_client import ApiClient


@pytest.fixture
def listed(token: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in ApiClient(token).show("/api/v1/strategies/")["results"]}


def test_every_strategy_is_listed_with_its_parameters(listed: dict[str, dict[str, Any]]) -> None:
    assert list(listed) == sorted(STRATEGIES)
    assert {name: row["parameters"] for name, row in listed.items()} == {
        name: rule.described_parameters() for name, rule in STRATEGIES.items()
    }


def test_a_strategy_tells_all_that_a_form_needs(listed: dict[str, dict[str, Any]]) -> None:
    row = listed["sma_cross"]

    assert (row["version"], row["has_levels"], row["warm_up_sessions"]) == (1, False, 51)
    assert row["summary"].startswith("Buys when")
    assert row["parameters"][1] == {
        "name": "slow_window",
        "type": "int",
        "default": 50,
        "minimum": 2,
        "maximum": 1000,
        "help": "Sessions in the average that it crosses.",
    }
    assert isinstance(row["parameters"][1]["default"], int)
