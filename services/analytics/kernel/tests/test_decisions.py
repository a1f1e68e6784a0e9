import numpy as np
import pytest

from services.analytics.kernel.decisions import BUY, SHORT, Decisions

SIGNAL = np.array([0, BUY, SHORT], dtype=np.int8)


def test_columns_are_kept_read_only_in_the_types_of_the_engine() -> None:
    decisions = Decisions(signal=np.array([0, 1, -1]), stop_loss=np.array([1, 2, 3]))

    assert decisions.signal.dtype == np.int8
    assert decisions.stop_loss is not None
    assert decisions.stop_loss.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        decisions.stop_loss[0] = 9.0


def test_a_strategy_may_go_on_writing_to_what_it_gave() -> None:
    signal = SIGNAL.copy()

    Decisions(signal=signal)

    signal[0] = BUY


@pytest.mark.parametrize("name", ["limit", "stop", "stop_loss", "take_profit", "trailing"])
def test_a_column_of_another_length_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Decisions(signal=SIGNAL, **{name: np.ones(2)})


@pytest.mark.parametrize("signal", [[0, 2], [0, -3]])
def test_an_unknown_signal_is_refused(signal: list[int]) -> None:
    with pytest.raises(ValueError, match="a signal is"):
        Decisions(signal=np.array(signal, dtype=np.int8))


def test_decisions_know_whether_they_hold_levels() -> None:
    assert not Decisions(signal=SIGNAL).has_levels
    assert Decisions(signal=SIGNAL, trailing=np.ones(3)).has_levels
