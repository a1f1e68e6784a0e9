"""One request's id is on the lines of every service that worked for it."""

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.tests.pipeline import drain_everything
from shared.http.tests.api_client import ApiClient
from shared.observability.logs import configure_structlog, logging_config

type Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Log as in production; give what was written, one object a line."""
    root, stream = logging.getLogger(), io.StringIO()
    kept = root.handlers[:], root.level
    config = logging_config(level="INFO", as_json=True)
    config["handlers"]["stderr"]["stream"] = stream
    logging.config.dictConfig(config)
    configure_structlog()
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = kept


def test_a_request_to_fetch_can_be_followed_to_the_report(token: str, lines: Lines) -> None:
    request_id = ApiClient(token).send("/api/v1/fetches/", symbol="FB")["X-Request-ID"]
    drain_everything()

    told = [line for line in lines() if line.get("correlation_id") == request_id]
    ended = {
        (line["service"], line["kind"], line["outcome"]) for line in told if line["event"] == "job_ended"
    }
    assert {line["service"] for line in told if line["event"] == "events_received"} == {
        "analytics",
        "reports",
    }
    assert {service for service, _, _ in ended} == {"ingest", "analytics", "reports"}
    assert {outcome for _, _, outcome in ended} == {"succeeded"}
    begun = [line["job"] for line in told if line["event"] == "job_begun"]
    assert sorted(begun) == sorted(line["job"] for line in told if line["event"] == "job_ended")


def test_a_system_at_rest_logs_nothing(token: str, lines: Lines) -> None:
    drain_everything()
    drain_everything()

    assert lines() == []
