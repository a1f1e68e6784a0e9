"""JSON of a vendor means one thing or is refused, and its numbers stay as they are written."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.providers.faults import BadProviderData
from services.ingest.providers.strict_json import NotJson, loads


def test_numbers_keep_the_text_they_have() -> None:
    assert loads(b'{"a": 1.50, "b": [-2, 1e400, 0.1], "c": true, "d": null}') == {
        "a": "1.50",
        "b": ["-2", "1e400", "0.1"],
        "c": True,
        "d": None,
    }


def test_a_byte_order_mark_is_no_fault() -> None:
    assert loads(b'\xef\xbb\xbf{"a": "b"}') == {"a": "b"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a":', b"{} {}", b"{}\nOK", b"\xff\xfe{}", b'"\xc3"', b"Thank you"]
)
def test_what_is_not_one_json_text_is_told_apart(body: bytes) -> None:
    with pytest.raises(NotJson):
        loads(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"2020-01-02": 1, "2020-01-02": 2}', "'2020-01-02' twice"),
        (b'{"a": {"b": 1, "c": 2, "b": 1}}', "'b' twice"),
        (b'{"a": NaN}', "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "-Infinity"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
        (b"[" * 3_000 + b"]" * 3_000, "nested"),
        (b'"\\u0000"', "cannot be stored"),
        (b'{"\\ud800": 1}', "cannot be stored"),
    ],
)
def test_what_can_mean_nothing_or_two_things_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BadProviderData, match=reason) as refused:
        loads(body)

    assert not isinstance(refused.value, NotJson)


def test_many_keys_cost_no_more_than_their_number() -> None:
    body = json.dumps({str(number): "x" for number in range(50_000)}).encode()

    assert len(loads(body)) == 50_000


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        loads(body)
    except BadProviderData:
        pass


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_decimal_comes_back_exactly(number: Decimal) -> None:
    assert Decimal(loads(f"[{number:f}]".encode())[0]) == number
