from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from services.analytics.kernel.errors import InvalidMarketData
from services.analytics.kernel.tests.synthetic import market_of, random_walk, with_split

MARKET = market_of([10.0, 11.0, 12.0], [11.0, 10.0, 13.0])


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("close", [11.0, 10.0], "differ in length"),
        ("close", [11.0, np.nan, 13.0], "close nan on 2024-01-03"),
        ("open", [10.0, np.inf, 12.0], "open inf on 2024-01-03"),
        ("open", [10.0, 0.0, 12.0], "open 0.0 on 2024-01-03"),
        ("signal_close", [11.0, -10.0, 13.0], "signal_close -10.0 on 2024-01-03"),
        ("low", [10.0, 10.5, 12.0], "low 10.5 on 2024-01-03 is above"),
        ("high", [11.0, 11.0, 12.5], "high 12.5 on 2024-01-04 is below"),
        ("dividend", [0.0, -0.1, 0.0], "dividend -0.1 on 2024-01-03"),
        ("dividend", [0.0, np.nan, 0.0], "dividend nan on 2024-01-03"),
        ("volume", [1.0, -1.0, 1.0], "volume -1.0 on 2024-01-03"),
        ("volume", [1.0, np.nan, 1.0], "volume nan on 2024-01-03"),
        ("split_ratio", [1.0, 0.0, 1.0], "split_ratio 0.0 on 2024-01-03"),
        ("sessions", ["2024-01-02", "2024-01-02", "2024-01-04"], "session 2024-01-02"),
        ("sessions", ["2024-01-02", "NaT", "2024-01-04"], "session NaT"),
        ("sessions", ["NaT", "2024-01-03", "2024-01-04"], "session NaT"),
    ],
)
def test_market_data_refuses_impossible_values(column: str, values: list[object], message: str) -> None:
    with pytest.raises(InvalidMarketData, match=message):
        replace(MARKET, **{column: values})  # type: ignore[arg-type]


def test_market_data_refuses_an_opening_date_that_is_not_before_the_first_bar() -> None:
    with pytest.raises(InvalidMarketData, match="opening date 2024-01-02"):
        replace(MARKET, opening_date=np.datetime64("2024-01-02"))


def test_market_data_keeps_its_own_copy_that_nobody_can_change() -> None:
    opens = np.array([10.0, 11.0, 12.0])
    market = replace(MARKET, open=opens)

    opens[0] = 10.5

    assert market.open[0] == 10.0
    with pytest.raises(ValueError, match="read-only"):
        market.open[0] = 10.5


def test_opening_capital_is_dated_the_weekday_before_the_first_bar() -> None:
    monday = replace(MARKET, sessions=np.array(["2024-01-08", "2024-01-09", "2024-01-10"], dtype="M8[D]"))

    assert monday.equity_dates[0].item() == date(2024, 1, 5)
    assert list(monday.equity_dates[1:]) == list(monday.sessions)


def test_opening_capital_takes_the_date_that_the_calendar_gives() -> None:
    market = replace(MARKET, opening_date=np.datetime64("2023-12-29"))

    assert market.equity_dates[0].item() == date(2023, 12, 29)


def test_the_series_is_adjusted_for_splits_on_every_basis() -> None:
    split = random_walk(4, 30)
    raw = with_split(split, 12, 4.0)

    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_allclose(getattr(raw.series, name), getattr(split, name), rtol=1e-12)
        np.testing.assert_array_equal(getattr(split.series, name), getattr(split, name))


def test_the_series_cannot_be_changed_and_knows_its_beginning() -> None:
    series = random_walk(4, 30).series

    assert len(series.until(7)) == 7
    assert series.until(7).high.tolist() == series.high[:7].tolist()
    with pytest.raises(ValueError, match="read-only"):
        series.until(7).open[0] = 1.0


def test_the_matrix_that_the_engine_reads_has_the_columns_in_its_order() -> None:
    market = random_walk(4, 30)

    for row, name in enumerate(("open", "high", "low", "close", "volume", "dividend", "split_ratio")):
        assert market.columns[row].tolist() == getattr(market, name).tolist()
