"""Worlds without skill, and rules that cheat, for tests of the truth tests."""

from collections.abc import Callable

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters

type Rule = Callable[[Series, Parameters], Decisions]


def noise(seed: int, count: int = 750, *, volatility: float = 0.012) -> Series:
    """Return bars of prices that nobody can foretell, without drift in their returns."""
    source = np.random.default_rng(seed)
    close = 100 * np.cumprod(1 + source.normal(0, volatility, count))
    reach = np.abs(source.normal(0, 0.004, (2, count)))
    volume = 1e6 * source.lognormal(0, 0.5, count)
    return Series(
        open=close, high=close * (1 + reach[0]), low=close * (1 - reach[1]), close=close, volume=volume
    )


def above(values: FloatArray, limits: FloatArray | float) -> Decisions:
    """Decide to hold while values lie above the limits and to be out while below; NaN decides nothing."""
    signal = (values > limits).astype(np.int8) - (values < limits).astype(np.int8)
    return Decisions(signal=signal)


def trailing_mean(values: FloatArray, window: int) -> FloatArray:
    """Return means of the last sessions, NaN before the first."""
    means = np.full(len(values), np.nan)
    if len(values) >= window:
        means[window - 1 :] = np.convolve(values, np.full(window, 1 / window), mode="valid")
    return means


def _centred(series: Series, _: Parameters) -> Decisions:
    means = np.full(len(series), np.nan)
    if len(series) >= 11:
        means[5:-5] = np.convolve(series.close, np.full(11, 1 / 11), mode="valid")
    return above(means, series.close)


def _tomorrow(series: Series, _: Parameters) -> Decisions:
    return above(np.append(series.close[1:], np.nan), series.close)


def _tomorrow_at_extremes(series: Series, _: Parameters) -> Decisions:
    # Cheats a few times in a series only: where tomorrow moves by more than 2.5 %.
    moves = np.append(series.close[1:] / series.close[:-1] - 1, 0.0)
    return Decisions(signal=(moves > 0.025).astype(np.int8) - (moves < -0.025).astype(np.int8))


def _rolled(series: Series, _: Parameters) -> Decisions:
    return above(np.roll(series.close, -1), series.close)


def _standardised(series: Series, _: Parameters) -> Decisions:
    return above((series.close - series.close.mean()) / series.close.std(), 0.0)


def _near_the_highest_ever(series: Series, _: Parameters) -> Decisions:
    return above(series.close, 0.95 * series.close.max())


def _below_a_quantile(series: Series, _: Parameters) -> Decisions:
    return above(np.full(len(series), np.quantile(series.close, 0.3)), series.close)


def _filled_backwards(series: Series, _: Parameters) -> Decisions:
    # The mean of each full week, known from its first day on.
    days = np.arange(len(series))
    ends = np.minimum(days // 5 * 5 + 4, len(series) - 1)
    return above(trailing_mean(series.close, 5)[ends], series.close)


def _smoothed_both_ways(series: Series, _: Parameters) -> Decisions:
    forwards = series.close.copy()
    for values in (forwards, forwards[::-1]):
        for t in range(1, len(values)):
            values[t] = 0.8 * values[t - 1] + 0.2 * values[t]
    return above(forwards, series.close)


def _stop_from_tomorrow(series: Series, _: Parameters) -> Decisions:
    honest = above(series.close, trailing_mean(series.close, 20))
    return Decisions(signal=honest.signal, stop_loss=np.append(series.low[1:], np.nan))


CHEATS: dict[str, Rule] = {
    "centred window": _centred,
    "shift by -1": _tomorrow,
    "shift by -1, seldom": _tomorrow_at_extremes,
    "roll by -1": _rolled,
    "normalised by the whole sample": _standardised,
    "maximum of the whole sample": _near_the_highest_ever,
    "quantile of the whole sample": _below_a_quantile,
    "backfill": _filled_backwards,
    "filter forth and back": _smoothed_both_ways,
    "stop of tomorrow": _stop_from_tomorrow,
}


def _rising(series: Series, _: Parameters) -> Decisions:
    return above(series.close, np.append(np.nan, series.close[:-1]))


def _above_its_mean(series: Series, _: Parameters) -> Decisions:
    return above(series.close, trailing_mean(series.close, 20))


def _above_its_past(series: Series, _: Parameters) -> Decisions:
    # Expanding: normalised by all that was known, which is allowed.
    return above(series.close, np.cumsum(series.close) / np.arange(1, len(series) + 1))


def _stop_below(series: Series, _: Parameters) -> Decisions:
    means = trailing_mean(series.close, 20)
    return Decisions(signal=above(series.close, means).signal, stop_loss=0.95 * means)


def _never(series: Series, _: Parameters) -> Decisions:
    return Decisions(signal=np.zeros(len(series), dtype=np.int8))


HONEST: dict[str, Rule] = {
    "rising": _rising,
    "above its mean": _above_its_mean,
    "above its past": _above_its_past,
    "stop below the mean": _stop_below,
    "never": _never,
}
