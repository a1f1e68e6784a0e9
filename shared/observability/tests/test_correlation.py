from threading import Thread
from uuid import UUID

import pytest
import structlog

from shared.observability.correlation import Cause, NoCause, caused_by, current_cause

OUTER, INNER = Cause(UUID(int=1)), Cause(UUID(int=1), UUID(int=2))


def _bound() -> dict[str, object]:
    return dict(structlog.contextvars.get_contextvars())


def test_nothing_is_caused_by_nothing() -> None:
    with pytest.raises(NoCause, match="caused_by"):
        current_cause()


def test_the_innermost_cause_counts_and_the_outer_one_returns() -> None:
    with caused_by(OUTER):
        with caused_by(INNER) as found:
            assert current_cause() is found is INNER
        assert current_cause() is OUTER
    with pytest.raises(NoCause):
        current_cause()


def test_a_failure_inside_leaves_no_cause_behind() -> None:
    with pytest.raises(RuntimeError, match="inside"), caused_by(OUTER):
        raise RuntimeError("inside")
    with pytest.raises(NoCause):
        current_cause()
    assert "correlation_id" not in _bound()


def test_log_lines_inside_carry_the_ids() -> None:
    with caused_by(OUTER):
        assert _bound() == {"correlation_id": str(UUID(int=1)), "causation_id": None}
        with caused_by(INNER):
            assert _bound()["causation_id"] == str(UUID(int=2))
        assert _bound()["causation_id"] is None


def test_another_thread_does_not_see_the_cause() -> None:
    seen: list[bool] = []

    def look() -> None:
        with pytest.raises(NoCause):
            current_cause()
        seen.append(True)

    with caused_by(OUTER):
        thread = Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [True]
