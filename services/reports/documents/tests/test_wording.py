import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reports.documents.wording import (
    backtest_verdict,
    forecast_verdict,
    measure,
    number,
    percent,
    plain_text,
    price,
    quantity,
    record_verdict,
)


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (0.1234, False, "12.34 %"),
        (0.1234, True, "+12.34 %"),
        (-0.05, True, "−5.00 %"),
        (1.0, False, "100.0 %"),
        (12.34567, True, "+1,234.6 %"),
        (-0.000001, True, "0.00 %"),
    ],
)
def test_a_fraction_is_written_as_percent(value: float, signed: bool, text: str) -> None:
    assert percent(value, signed=signed) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.052, "ratio", "5.20 %"),
        (5.2, "percent", "5.20 %"),
        (4.41029, "number", "4.41"),
        (-1234.5, "money", "−1,234.50"),
        (16.0, "count", "16"),
        (1, "days", "1 day"),
        (1131, "sessions", "1,131 sessions"),
        (None, "ratio", "–"),
        (3.0e20, "money", "3.000e+20"),
    ],
)
def test_a_value_is_written_in_its_unit(value: float | None, unit: str, text: str) -> None:
    assert measure(value, unit) == text


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(KeyError):
        measure(1.0, "furlong")


def test_prices_below_one_and_parts_of_shares_have_four_decimals() -> None:
    assert (price(0.12345), price(12.345), quantity(100.0), quantity(0.25)) == (
        "0.1235",
        "12.35",
        "100",
        "0.2500",
    )


@given(st.floats(min_value=-1e14, max_value=1e14))
def test_a_written_number_reads_back_to_its_last_digit(value: float) -> None:
    text = number(value, signed=True)

    assert abs(float(text.replace(",", "").replace("−", "-")) - value) <= 0.00501 + abs(value) * 1e-15


@given(st.text(max_size=2000), st.integers(min_value=2, max_value=80))
def test_plain_text_is_one_printable_line_within_its_limit(text: str, limit: int) -> None:
    line = plain_text(text, limit=limit)

    assert len(line) <= limit
    assert line.isprintable() or all(char.isprintable() or char.isspace() for char in line)
    assert "\n" not in line
    assert plain_text(line, limit=limit) == line


def test_plain_text_drops_what_would_turn_the_line_and_keeps_the_rest() -> None:
    assert plain_text("safe \u202egnp.exe\x00\n<b> & $x$") == "safe gnp.exe <b> & $x$"


def test_a_cut_is_shown() -> None:
    assert plain_text("x" * 20_000, limit=10) == "xxxxxxxxx…"


def test_a_run_is_measured_against_buy_and_hold() -> None:
    said = backtest_verdict(total=0.5, benchmark=-0.0312, trade_count=1, is_open=False, session_count=503)

    assert said == "+50.00 % against −3.12 % for buy and hold, with 1 closed trade in 503 sessions."


def test_a_run_without_trades_says_so() -> None:
    said = backtest_verdict(total=0.0, benchmark=0.2817, trade_count=0, is_open=False, session_count=503)

    assert (
        said == "No trades: the rule never fired in 503 sessions. 0.00 % against +28.17 % for buy and hold."
    )


def test_a_run_that_only_bought_says_so() -> None:
    said = backtest_verdict(total=0.01, benchmark=0.02, trade_count=0, is_open=True, session_count=300)

    assert said.startswith("No closed trades in 300 sessions: one position is open.")


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.0734, "No skill: worse than the random walk at this origin (ratio 1.07)."),
        (1.004, "No skill: no better than the random walk at this origin (ratio 1.00)."),
        (0.996, "No skill: no better than the random walk at this origin (ratio 1.00)."),
        (0.93, "Better than the random walk at this origin (ratio 0.93); one origin proves no skill."),
        (None, "Not scored: no actual close is known yet."),
    ],
)
def test_a_forecast_is_measured_against_the_random_walk(ratio: float | None, text: str) -> None:
    assert record_verdict(ratio, seen_until=None) == text


def test_a_forecast_says_its_change_and_its_interval() -> None:
    said = forecast_verdict(last_session="2018-05-09", origin_close=100.0, row=(101.5, 90.0, 112.25))

    assert said == (
        "101.50 expected on 2018-05-09 (+1.50 % from the close of 100.00), 80 % interval 90.00 to 112.25. "
        "No direction is promised."
    )


def test_a_forecast_by_a_model_that_has_seen_what_came_is_called_no_test() -> None:
    assert record_verdict(0.9, seen_until="2013-12-31").endswith(
        "The model was made from prices up to 2013-12-31: no test of it."
    )
