"""Fields take what is documented and nothing else, and write numbers without losing any."""

from datetime import UTC, date, datetime, timedelta
from datetime import timezone as fixed_offset
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from shared.http.fields import (
    DateRange,
    DecimalText,
    Instant,
    Parameters,
    SessionDate,
    WholeNumber,
    number_text,
)

MONEY = DecimalText(minimum=Decimal("1.00"), maximum=Decimal("1000.00"), places=2)


@given(st.decimals(min_value=1, max_value=1000, places=2))
def test_every_amount_in_range_comes_through_unchanged(amount: Decimal) -> None:
    assert MONEY.to_internal_value(str(amount)) == amount
    assert MONEY.to_representation(amount) == str(amount)


@given(
    st.one_of(st.text(max_size=30), st.floats(), st.integers(), st.none(), st.booleans(), st.lists(st.text()))
)
def test_whatever_is_given_the_amount_is_in_range_or_refused(given_value: Any) -> None:
    try:
        amount = MONEY.to_internal_value(given_value)
    except ValidationError:
        return
    assert isinstance(given_value, str)
    assert Decimal("1.00") <= amount <= Decimal("1000.00")
    assert amount == amount.quantize(Decimal("0.01"))


OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: fixed_offset(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2024, 1, 1), timezones=OFFSETS))
def test_a_moment_is_the_same_in_every_zone(moment: datetime) -> None:
    for text in (moment.isoformat(), moment.astimezone(UTC).isoformat().replace("+00:00", "z").lower()):
        found = Instant().to_internal_value(text)
        assert (found, found.utcoffset()) == (moment, timedelta(0))


@given(st.one_of(st.text(max_size=40), st.integers(), st.none(), st.datetimes().map(datetime.isoformat)))
def test_whatever_is_given_a_moment_has_an_offset_or_is_refused(given_value: Any) -> None:
    with pytest.raises(ValidationError):
        Instant().to_internal_value(given_value)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Decimal("28.750000"), "28.75"),
        (Decimal("100.000000"), "100"),
        (Decimal("1E+3"), "1000"),
        (Decimal("123456789012.123456"), "123456789012.123456"),
        (645.57 / 7, "92.2242857143"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (1e15, "1000000000000000"),
        (0.0, "0"),
        (-0.5, "-0.5"),
    ],
)
def test_numbers_are_written_plainly(number: Decimal | float, text: str) -> None:
    assert number_text(number) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**12, places=6))
def test_a_stored_price_keeps_every_digit(price: Decimal) -> None:
    assert Decimal(number_text(price)) == price


@given(st.floats(min_value=1e-9, max_value=1e15))
def test_a_derived_price_keeps_twelve_digits(price: float) -> None:
    assert float(number_text(price)) == pytest.approx(price, rel=1e-11)
    assert "e" not in number_text(price).lower()


def test_a_day_may_be_today_and_not_tomorrow() -> None:
    today = timezone.now().date()

    assert SessionDate().to_internal_value(today.isoformat()) == today
    with pytest.raises(ValidationError, match="in the future"):
        SessionDate().to_internal_value((today + timedelta(days=1)).isoformat())


@pytest.mark.parametrize(
    "text", ["2024-1-2", "20240102", "2024-W01-1", "٢٠٢٤-٠١-٠٢", "2023-02-29", "", "0000-01-01", 20240102]
)
def test_a_day_has_one_form_and_exists(text: Any) -> None:
    with pytest.raises(ValidationError, match="YYYY-MM-DD"):
        SessionDate().to_internal_value(text)


@given(st.dates(max_value=date(2024, 1, 1)), st.dates(max_value=date(2024, 1, 1)))
def test_a_range_is_taken_unless_it_is_upside_down(start: date, end: date) -> None:
    asked = DateRange(data={"start": start.isoformat(), "end": end.isoformat()})

    assert asked.is_valid() == (start <= end)


@pytest.mark.parametrize("value", ["1.0", " 1", "1_0", "٣", "1e3", True, 1.0, "", None, "9" * 19])
def test_a_whole_number_is_digits_only(value: Any) -> None:
    with pytest.raises(ValidationError):
        WholeNumber().run_validation(value)


@pytest.mark.parametrize(
    "value", [[], "x", {"a": [1]}, {"a": {}}, {"a": None}, {"a": 2**53 + 1}, {"a" * 81: 1}]
)
def test_parameters_are_plain_values(value: Any) -> None:
    with pytest.raises(ValidationError):
        Parameters().to_internal_value(value)
    assert Parameters().to_internal_value({"a": 1, "b": 0.5, "c": True, "d": "x"}) == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": "x",
    }
