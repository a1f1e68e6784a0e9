"""Whoever asks for a symbol by another name that it has or had is told where its prices are."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from services.ingest.fetches.services import request_fetch
from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient, assert_problem


@pytest.fixture
def api(token: str) -> ApiClient:
    return ApiClient(token)


@pytest.fixture
def fb(token: str, cause: object) -> None:
    """Store what is bundled of FB, to 2016."""
    whole: dict[str, Any] = {"start": None, "end": date(2012, 12, 31)}
    request_fetch(fetch_id=uuid4(), symbol="FB", provider="bundled", now=timezone.now(), **whole)
    drain_everything(("ingest",))


@pytest.mark.usefixtures("fb")
@pytest.mark.parametrize(
    "address",
    ["bars/?symbol=META", "instruments/META/", "instruments/META/coverage/", "instruments/META/actions/"],
)
def test_a_symbol_stored_under_its_former_name_is_named(api: ApiClient, address: str) -> None:
    problem = assert_problem(api.get(f"/api/v1/{address}"), 404, "unknown-symbol")

    assert problem["stored_as"] == "FB"
    assert "FB" in problem["detail"]


def test_a_symbol_nobody_has_names_no_other(api: ApiClient) -> None:
    problem = assert_problem(api.get("/api/v1/bars/?symbol=META"), 404, "unknown-symbol")

    assert "stored_as" not in problem
