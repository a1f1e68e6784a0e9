"""What may still be asked, as the API shows it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from services.ingest.providers.calls import Verdict
from services.ingest.providers.registry import REMOTE_NAMES, remote_provider
from services.ingest.quota import api as quota_api
from services.ingest.quota.selectors import account_named, quota_of
from services.ingest.quota.tests.vendor import DATA, FULL, KEY, Vendor, asking, read
from services.ingest.watchlists.domain import Planned
from shared.errors import BellwetherError
from shared.http.tests.api_client import ApiClient, assert_problem

QUOTA = "/api/v1/quota/"
PLANNED = Planned(
    symbol="IBM",
    provider="alphavantage",
    reason="stale",
    calls=1,
    with_actions=False,
    at=datetime(2026, 11, 20, 22, tzinfo=UTC),
)


@pytest.fixture
def api(token: str, monkeypatch: pytest.MonkeyPatch, cause: Any) -> ApiClient:
    limits = ((1_000, 600.0), (1_001, 86_400.0))
    for name, value in {"API_KEY": KEY, "LIMITS": limits}.items():
        monkeypatch.setitem(settings.BELLWETHER, f"ALPHAVANTAGE_{name}", value)
    return ApiClient(token)


def shown(api: ApiClient, name: str = "alphavantage") -> dict[str, Any]:
    (found,) = [row for row in api.show(QUOTA)["providers"] if row["provider"] == name]
    return dict(found)


def test_every_remote_provider_is_shown_in_the_order_in_which_it_is_asked(api: ApiClient) -> None:
    providers = api.show(QUOTA)["providers"]

    assert [row["provider"] for row in providers] == ["alphavantage", "tiingo", "yfinance"]
    assert [row["status"] for row in providers] == ["ready", "no-key", "off"]
    assert [row["needs_key"] for row in providers] == [True, True, False]
    assert [row["has_key"] for row in providers] == [True, False, False]
    assert [row["error"] and row["error"]["type"] for row in providers] == [
        None,
        "/problems/provider-key-missing",
        "/problems/provider-off",
    ]
    assert [row["attribution"] for row in providers] == [
        remote_provider(name).attribution for name in REMOTE_NAMES
    ]


def test_the_providers_say_what_the_settings_say(api: ApiClient) -> None:
    for name in REMOTE_NAMES:
        assert remote_provider(name).needs_key is account_named(name).needs_key


def test_calls_are_shown_as_used_in_each_limit_with_when_the_next_is_given_back(api: ApiClient) -> None:
    assert [(row["used"], row["left"], row["frees_at"]) for row in shown(api)["limits"]] == [
        (0, 1_000, None),
        (0, 1_001, None),
    ]

    before = timezone.now()
    for _ in range(3):
        asking(Vendor(DATA), FULL)

    short, day = shown(api)["limits"]
    assert (short["calls"], short["seconds"], short["used"], short["left"]) == (1_000, 600.0, 3, 997)
    assert (day["calls"], day["seconds"], day["used"], day["left"]) == (1_001, 86_400.0, 3, 998)
    frees_at = parse_datetime(day["frees_at"])
    assert frees_at is not None
    assert timedelta(0) <= frees_at - before - timedelta(days=1) < timedelta(seconds=10)
    assert shown(api)["capabilities"] == {"full_history": True}


def test_what_is_left_is_what_is_granted(monkeypatch: pytest.MonkeyPatch, api: ApiClient) -> None:
    monkeypatch.setitem(settings.BELLWETHER, "ALPHAVANTAGE_LIMITS", ((5, 86_400.0),))
    for _ in range(2):
        asking(Vendor(DATA))
    (window,) = quota_of("alphavantage", now=timezone.now()).windows

    for _ in range(window.left):
        asking(Vendor(DATA))
    with pytest.raises(BellwetherError) as waiting:
        asking(Vendor(DATA))

    (full,) = quota_of("alphavantage", now=timezone.now()).windows
    assert (window.left, full.left) == (3, 0)
    assert waiting.value.until == full.frees_at  # type: ignore[attr-defined]


def test_a_closed_provider_says_why_and_until_when(api: ApiClient) -> None:
    with pytest.raises(BellwetherError) as waiting:
        asking(Vendor(read(Verdict.DAILY_LIMIT, f"your API key as {KEY}")))

    found = shown(api)
    assert found["status"] == "closed"
    assert parse_datetime(found["closed_until"]) == waiting.value.until  # type: ignore[attr-defined]
    assert found["error"]["type"] == "/problems/waiting-for-quota"
    assert "your API key as ***" in found["error"]["detail"]


def test_a_refused_key_is_shown_as_closed_for_good(api: ApiClient) -> None:
    with pytest.raises(BellwetherError):
        asking(Vendor(read(Verdict.BAD_KEY, "invalid")))

    found = shown(api)
    assert (found["status"], found["closed_until"]) == ("closed", None)
    assert found["error"]["type"] == "/problems/provider-key-refused"


def test_the_plan_is_shown_with_its_reasons(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = (PLANNED, replace(PLANNED, symbol="XX", reason="refused", at=None))
    monkeypatch.setattr(quota_api, "planned_refreshes", lambda **_: plan)

    first, second = api.show(QUOTA)["plan"]

    assert first == {
        "symbol": "IBM",
        "provider": "alphavantage",
        "reason": "stale",
        "calls": 1,
        "at": "2026-11-20T22:00:00.000000Z",
    }
    assert (second["symbol"], second["reason"], second["at"]) == ("XX", "refused", None)


def test_parameters_are_refused_as_there_are_none(api: ApiClient) -> None:
    assert_problem(api.get(f"{QUOTA}?provider=tiingo"), 400, "validation-error")
