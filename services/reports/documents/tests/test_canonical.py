import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reports.documents.canonical import canonical_json, content_hash

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner)
)


def test_keys_are_sorted_and_separators_compact() -> None:
    assert canonical_json({"b": [1, None, True], "a": "é"}) == '{"a":"é","b":[1,null,true]}'.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, b"0.3"),
        (1 / 3, b"0.333333333333"),
        (123456789.123456, b"123456789.123"),
        (1.0, b"1"),
        (-0.0, b"0"),
        (1e-7, b"1e-07"),
        (123456789012345678, b"123456789012345678"),
        (12345678901234567.0, b"12345678901200000"),
    ],
)
def test_floats_keep_twelve_significant_digits(value: float, text: bytes) -> None:
    assert canonical_json(value) == text


def test_the_hash_is_the_sha256_of_the_text() -> None:
    assert content_hash({"a": 0.5}) == hashlib.sha256(b'{"a":0.5}').hexdigest()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_lacks_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="null and a reason"):
        canonical_json({"value": [value]})


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        canonical_json("\ud800")


@pytest.mark.parametrize("value", [{1: "a"}, {"a": {2}}, b"bytes", {"a": 1j}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


@given(documents)
def test_reading_back_and_writing_again_changes_nothing(document: Any) -> None:
    text = canonical_json(document)

    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers()))
def test_the_order_of_keys_does_not_matter(document: dict[str, int]) -> None:
    reversed_order = dict(reversed(document.items()))

    assert content_hash(reversed_order) == content_hash(document)


@given(st.floats(min_value=-1e12, max_value=1e12))
def test_a_float_is_off_by_at_most_half_a_unit_of_its_twelfth_digit(value: float) -> None:
    assert math.isclose(json.loads(canonical_json(value)), value, rel_tol=5e-12, abs_tol=1e-300)


@pytest.mark.parametrize("change", [lambda x: x * (1 + 1e-11), lambda x: -x, lambda x: x + 0.001])
def test_a_change_within_twelve_digits_changes_the_hash(change: Callable[[float], float]) -> None:
    assert content_hash([change(123.456)]) != content_hash([123.456])


def test_a_list_and_a_tuple_have_one_text() -> None:
    assert canonical_json((1, (2,))) == canonical_json([1, [2]])
