"""LA_BOMBA against a second, slow implementation on plain lists, and by hand at its edges."""

from dataclasses import replace
from math import nan, sqrt
from statistics import fmean

import numpy as np
import pytest

from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.la_bomba import LaBomba, LaBombaParameters
from services.analytics.kernel.strategies.tests.bars import walk

STRATEGY = LaBomba()
SMALL = LaBombaParameters(
    window=5, squeeze_window=15, squeeze_recency=4, volume_ratio=1.2, atr_window=3, atr_multiple=2.0
)


def squeezes(close: list[float], p: LaBombaParameters) -> list[bool]:
    """Tell of each session whether its band is among the narrowest fifth, every width anew."""
    first = p.window - 1
    parts = [close[t - first : t + 1] for t in range(first, len(close))]
    widths = [4 * sqrt(fmean([(x - fmean(part)) ** 2 for x in part])) / fmean(part) for part in parts]
    found = [False] * len(close)
    for t in range(first + p.squeeze_window - 1, len(close)):
        among = sorted(widths[t - first - p.squeeze_window + 1 : t - first + 1])
        found[t] = widths[t - first] < among[p.squeeze_window // 5] * (1 - 1e-9)
    return found


def slowly(series: Series, p: LaBombaParameters) -> list[int]:
    """Decide session by session from the definition, on plain lists."""
    high, close, volume = (column.tolist() for column in (series.high, series.close, series.volume))
    squeeze = squeezes(close, p)
    signals = [0] * len(close)
    for t in range(p.window + p.squeeze_window - 1, len(close)):
        is_loud = volume[t] > p.volume_ratio * fmean(volume[t - p.window + 1 : t + 1])
        is_breakout = close[t] > max(high[t - p.window : t])
        if is_breakout and is_loud and any(squeeze[t - p.squeeze_recency : t]):
            signals[t] = 1
        if close[t] < fmean(close[t - p.window + 1 : t + 1]):
            signals[t] = -1
    return signals


def distances(series: Series, p: LaBombaParameters) -> list[float]:
    """Return multiples of Wilder's average true range, on plain lists."""
    high, low, close = (column.tolist() for column in (series.high, series.low, series.close))
    ranges = [
        max(high[t] - low[t], abs(high[t] - close[t - 1]), abs(low[t] - close[t - 1]))
        for t in range(1, len(close))
    ]
    averages = [fmean(ranges[: p.atr_window])]
    for found in ranges[p.atr_window :]:
        averages.append((averages[-1] * (p.atr_window - 1) + found) / p.atr_window)
    return [nan] * p.atr_window + [p.atr_multiple * average for average in averages]


@pytest.mark.parametrize("seed", range(10))
def test_it_decides_as_its_definition_read_aloud(seed: int) -> None:
    series = walk(seed, 160)

    decided = STRATEGY.decide(series, SMALL)

    assert decided.signal.tolist() == slowly(series, SMALL)
    assert decided.trailing is not None
    np.testing.assert_allclose(decided.trailing, distances(series, SMALL), rtol=1e-12)


def test_the_walks_compared_have_breakouts_to_compare() -> None:
    assert sum(slowly(walk(seed, 160), SMALL).count(1) for seed in range(10)) >= 10


def bomb(*, quiet: int = 139, volume: float = 2.0, gap: int = 0) -> Series:
    """Return waves that die down, `gap` wild sessions, and a last session that breaks out on volume."""
    wave = 100.0 + np.linspace(5.0, 0.1, quiet) * np.where(np.arange(quiet) % 2, 1.0, -1.0)
    wild = np.where(np.arange(gap) % 2, 109.0, 91.0)
    close = np.concatenate((wave, wild, [120.0]))
    volumes = np.ones(len(close))
    volumes[-1] = volume
    return Series(open=close, high=close, low=close, close=close, volume=volumes)


def last_signal(series: Series) -> int:
    return int(STRATEGY.decide(series, LaBombaParameters()).signal[-1])


def test_the_first_decision_can_fall_on_session_140() -> None:
    assert STRATEGY.warm_up_sessions(LaBombaParameters()) == 140
    assert last_signal(bomb()) == 1
    assert last_signal(bomb(quiet=138)) == 0


def test_the_volume_must_exceed_one_and_a_half_times_its_mean_with_this_session() -> None:
    # 19 sessions of 1 and one of v: v = 1.5 * (19 + v) / 20 at v = 28.5 / 18.5.
    assert last_signal(bomb(volume=28.5 / 18.5)) == 0
    assert last_signal(bomb(volume=28.5 / 18.5 + 1e-6)) == 1


def test_the_close_must_exceed_the_high_of_the_sessions_before() -> None:
    series = bomb()
    high = series.high.copy()
    high[-22] = 200.0  # 21 sessions before the last: too old
    assert last_signal(replace(series, high=high)) == 1
    high[-21] = 120.0
    assert last_signal(replace(series, high=high)) == 0
    high[-21] = 119.99
    assert last_signal(replace(series, high=high)) == 1


def test_the_squeeze_may_lie_ten_sessions_back_and_not_eleven() -> None:
    # Of the wild sessions the first already widens the band, so the last squeeze stands before them.
    assert last_signal(bomb(gap=9)) == 1
    assert last_signal(bomb(gap=10)) == 0


def test_the_squeeze_must_come_before_the_breakout() -> None:
    # A dip keeps the band wide until it leaves the window, which is at the session of the breakout.
    wave = 100.0 + 3.0 * np.where(np.arange(180) % 2, 1.0, -1.0)
    calm = 104.0 + 0.01 * np.where(np.arange(19) % 2, 1.0, -1.0)
    close = np.concatenate((wave, [50.0], calm, [104.1, 104.2]))
    volumes = np.ones(len(close))
    volumes[-2:] = 3.0
    series = Series(open=close, high=close, low=close, close=close, volume=volumes)

    signals = STRATEGY.decide(series, LaBombaParameters()).signal

    assert signals[-2:].tolist() == [0, 1]


def test_a_close_below_the_mean_sells_and_one_at_the_mean_does_not() -> None:
    close = np.full(141, 100.0)
    flat = Series(open=close, high=close, low=close, close=close, volume=np.ones(141))
    fallen = close.copy()
    fallen[-1] = 99.0

    assert last_signal(flat) == 0
    assert last_signal(replace(flat, close=fallen)) == -1


def test_the_stop_follows_at_three_average_true_ranges() -> None:
    close = np.full(60, 100.0)
    series = Series(open=close, high=close + 1, low=close - 1, close=close, volume=np.ones(60))

    trailing = STRATEGY.decide(series, LaBombaParameters()).trailing

    assert trailing is not None
    assert np.isnan(trailing[:14]).all()
    np.testing.assert_allclose(trailing[14:], 6.0)
