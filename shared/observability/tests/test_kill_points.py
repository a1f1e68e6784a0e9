import signal

import pytest

from shared.observability import kill_points
from shared.observability.kill_points import KillAt, parse_kill_at, reached


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the signals that this process would have sent itself; nothing is armed after the test."""
    signals: list[int] = []
    monkeypatch.setattr("signal.pthread_kill", lambda _thread, number: signals.append(number))
    monkeypatch.setattr(kill_points, "_armed", None)
    return signals


def test_a_point_that_is_not_armed_is_passed(sent: list[int]) -> None:
    kill_points.arm(parse_kill_at("relay.marked"))
    reached("relay.claimed")
    assert sent == []


def test_the_armed_point_kills_at_its_nth_time_and_only_then(sent: list[int]) -> None:
    kill_points.arm(parse_kill_at("relay.marked:STOP:2"))
    reached("relay.marked")
    assert sent == []
    reached("relay.marked")
    reached("relay.marked")
    assert sent == [signal.SIGSTOP]


def test_the_first_time_and_a_kill_are_the_default() -> None:
    assert parse_kill_at("job.taken") == KillAt(point="job.taken", signal=signal.SIGKILL, nth=1)


@pytest.mark.parametrize(
    "text", ["", "relay", "relay.marked:TERM", "relay.marked:KILL:x", "relay.marked:KILL:0"]
)
def test_what_names_no_point_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_kill_at(text)
