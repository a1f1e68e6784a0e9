from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.kernel.errors import InvalidParameter
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.resampling import PERIODS_PER_YEAR, resampled
from services.analytics.kernel.tests.synthetic import random_walk, with_split

RULES = {"1wk": "W-SUN", "1mo": "ME"}


def frame(market: MarketData) -> pd.DataFrame:
    columns = {name: getattr(market, name) for name in ("open", "high", "low", "close", "volume", "dividend")}
    return pd.DataFrame({**columns, "session": market.sessions}, index=pd.DatetimeIndex(market.sessions))


@given(seed=st.integers(0, 1000), count=st.integers(1, 300), interval=st.sampled_from(sorted(RULES)))
def test_bars_of_longer_periods_are_those_of_pandas(seed: int, count: int, interval: str) -> None:
    market = random_walk(seed, count)
    whole = {
        "open": "first",
        "high": "max",
        "low": "min",
        "close": "last",
        "volume": "sum",
        "dividend": "sum",
    }
    expected = frame(market).resample(RULES[interval]).agg({**whole, "session": "last"}).dropna()

    found = frame(resampled(market, interval))

    for name in whole:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)
    assert list(found["session"]) == list(expected["session"])


def test_daily_bars_stay_as_they_are() -> None:
    market = random_walk(1, 20)

    assert resampled(market, "1d") is market


def test_no_bars_are_none_in_any_interval() -> None:
    market = random_walk(1, 20)
    empty = replace(market, **{name: getattr(market, name)[:0] for name in COLUMNS})

    assert [len(resampled(empty, interval)) for interval in PERIODS_PER_YEAR] == [0, 0, 0]


COLUMNS = (
    *("sessions", "open", "high", "low", "close", "volume", "dividend", "split_ratio", "signal_close"),
)


def test_prices_as_traded_across_a_split_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="adjusted for splits") as caught:
        resampled(with_split(random_walk(1, 60), 30, 2.0), "1wk")
    assert caught.value.extra["field"] == "interval"


@pytest.mark.parametrize("interval", ["1h", "5m", "", "1W"])
def test_an_interval_that_cannot_be_made_is_refused(interval: str) -> None:
    with pytest.raises(InvalidParameter, match="permitted are 1d, 1wk, 1mo"):
        resampled(random_walk(1, 60), interval)
