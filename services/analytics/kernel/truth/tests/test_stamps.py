from datetime import date

import numpy as np

from services.analytics.kernel.tests.synthetic import business_days
from services.analytics.kernel.truth.stamps import data_gap, selection_bias

START = date(2020, 1, 2)


def test_a_symbol_named_today_is_chosen_with_hindsight() -> None:
    stamp = selection_bias(
        ["AAPL"], first_session=START, chosen_at_date=None, listed_dates=[date(1980, 12, 12)]
    )

    assert stamp.is_warning
    assert stamp.text.startswith(
        "AAPL was chosen with what is known today, after the test begins on 2020-01-02"
    )


def test_a_dated_list_from_before_the_start_is_not() -> None:
    stamp = selection_bias(
        ["AAPL", "MSFT"], first_session=START, chosen_at_date=START, listed_dates=[START, START]
    )

    assert not stamp.is_warning
    assert stamp.text == "The 2 symbols were chosen on 2020-01-02, before the test begins on 2020-01-02."


def test_symbols_listed_after_the_start_are_named() -> None:
    stamp = selection_bias(
        ["IBM", "RIVN"],
        first_session=START,
        chosen_at_date=date(2024, 1, 1),
        listed_dates=[date(1962, 1, 2), date(2021, 11, 10)],
    )

    assert stamp.is_warning
    assert "on 2024-01-01" in stamp.text
    assert stamp.text.endswith("Listed only after the start: RIVN.")


def test_missing_sessions_silent_bars_and_still_prices_are_told() -> None:
    expected = business_days(30)
    sessions = np.delete(expected, [7, 8])
    close, volume = np.arange(28.0), np.full(28, 100.0)
    close[10:16], volume[3] = 50.0, 0.0

    stamp = data_gap(sessions, expected=expected, close=close, volume=volume)

    assert stamp.is_warning
    assert stamp.text == (
        f"2 of 30 exchange sessions have no bar, the first on {expected[7]}; 1 bars have no volume; "
        "the close stands still for 6 sessions in a row."
    )


def test_whole_data_are_said_to_be_whole() -> None:
    sessions = business_days(30)[5:25]

    stamp = data_gap(sessions, expected=business_days(30), close=np.arange(20.0), volume=np.full(20, 100.0))

    assert not stamp.is_warning
    assert stamp.text == "All 20 exchange sessions have a bar with volume."
