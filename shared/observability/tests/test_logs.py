import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog

from shared.observability.correlation import Cause, caused_by
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


def test_a_line_is_one_json_object_with_the_correlation_id(lines: Lines) -> None:
    with caused_by(Cause(UUID(int=1), UUID(int=2))):
        structlog.get_logger("bellwether.test").info("bars_stored", symbol="AAPL", bar_count=3)
    (line,) = lines()
    assert line.pop("timestamp", "").endswith("Z")
    assert line == {
        "event": "bars_stored",
        "symbol": "AAPL",
        "bar_count": 3,
        "level": "info",
        "logger": "bellwether.test",
        "correlation_id": str(UUID(int=1)),
        "causation_id": str(UUID(int=2)),
    }


def test_a_librarys_line_goes_the_same_way(lines: Lines) -> None:
    with caused_by(Cause(UUID(int=1))):
        logging.getLogger("some.library").warning("took %d s", 3)
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == ("took 3 s", "warning", "some.library")
    assert line["correlation_id"] == str(UUID(int=1))


def test_an_exception_stays_on_its_line(lines: Lines) -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        structlog.get_logger("bellwether.test").exception("job_crashed")
    (line,) = lines()
    assert "ValueError: two\nlines" in line["exception"]


def test_lines_below_the_level_are_left_out(lines: Lines) -> None:
    structlog.get_logger("bellwether.test").debug("detail")
    assert lines() == []
