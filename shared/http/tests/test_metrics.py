"""`/metrics` over HTTP, and what requests leave in it."""

from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.test import Client
from prometheus_client import REGISTRY

from shared.settings.base import configure
from shared.settings.env import read

KEY = {"SECRET_KEY": "k" * 40}


def requests_of(route: str, method: str = "GET", status: int = 200) -> float:
    labels = {"route": route, "method": method, "status": str(status)}
    return REGISTRY.get_sample_value("bellwether_http_requests_total", labels) or 0.0


def test_prometheus_is_told_in_its_own_format_about_each_service(db: psycopg.Connection) -> None:
    answer = Client().get("/metrics")

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    lines = answer.content.decode().splitlines()
    for service in ("ingest", "analytics", "reports"):
        assert f'bellwether_up{{service="{service}"}} 1.0' in lines
    assert "# TYPE bellwether_http_request_seconds histogram" in lines


def test_where_metrics_are_off_there_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.BELLWETHER, "METRICS_ENABLED", False)

    answer = Client().get("/metrics")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("environ", "served"),
    [
        ({}, True),
        ({"METRICS_ENABLED": "false"}, False),
        ({"BELLWETHER_BIND": "0.0.0.0"}, False),
        ({"TRUSTED_PROXIES": "1"}, False),
        ({"BELLWETHER_ENV": "production"}, False),
        ({"BELLWETHER_ENV": "production", "METRICS_ENABLED": "true"}, True),
    ],
)
def test_metrics_are_on_where_only_this_machine_asks_or_the_owner_says_so(
    environ: dict[str, str], served: bool
) -> None:
    made: dict[str, Any] = configure(
        read({**KEY, **environ}), services=["ingest", "reports"], apps=[], urls="deploy.local.urls"
    )

    assert made["BELLWETHER"]["METRICS_ENABLED"] is served


@pytest.mark.parametrize("path", ["/livez", "/livez/"])
def test_a_request_is_counted_under_its_routes_name_in_either_spelling(path: str) -> None:
    before = requests_of("livez")

    Client().get(path)

    assert requests_of("livez") == before + 1


def test_what_a_caller_makes_up_is_no_label() -> None:
    client = Client()
    before = requests_of("unrouted", status=404), requests_of("instrument", status=401)
    strange = requests_of("livez", "OTHER", 405)

    client.get("/no/such/thing/")
    client.get("/api/v1/instruments/MADE-UP/")
    client.generic("BREW", "/livez")

    assert (requests_of("unrouted", status=404), requests_of("instrument", status=401)) == (
        before[0] + 1,
        before[1] + 1,
    )
    assert requests_of("livez", "OTHER", 405) == strange + 1
