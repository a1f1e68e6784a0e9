import pytest

from services.analytics.kernel.metrics.sharpe import SharpeMoments, probabilistic_sharpe
from services.analytics.kernel.truth.track_record import minimum_length


def moments(sharpe: float, sessions: int) -> SharpeMoments:
    return SharpeMoments(sharpe=sharpe, skewness=-0.7, kurtosis=5.0, sessions=sessions)


@pytest.mark.parametrize(("sharpe", "hurdle"), [(0.1, 0.0), (0.05, 0.01), (0.3, 0.1)])
def test_it_is_the_first_length_at_which_the_probability_reaches_the_confidence(
    sharpe: float, hurdle: float
) -> None:
    needed = minimum_length(moments(sharpe, 10), benchmark_sharpe=hurdle).needed_sessions

    assert needed is not None
    assert probabilistic_sharpe(moments(sharpe, needed), hurdle) >= 0.95
    assert probabilistic_sharpe(moments(sharpe, needed - 1), hurdle) < 0.95


def test_it_says_in_words_what_is_missing() -> None:
    short, enough = minimum_length(moments(0.1, 200)), minimum_length(moments(0.1, 300))

    assert (short.passed, enough.passed) == (False, True)
    assert short.text == f"needs {short.needed_sessions - 200} more sessions: {short.needed_sessions} in all"  # type: ignore[operator]
    assert enough.text == f"300 sessions are enough: {enough.needed_sessions} are needed"


@pytest.mark.parametrize("sharpe", [-0.1, 0.0, 1e-9])
def test_no_length_shows_skill_that_is_not_there(sharpe: float) -> None:
    record = minimum_length(moments(sharpe, 200))

    assert record.needed_sessions is None
    assert not record.passed
    assert "however long" in record.text
