from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import (
    MAX_EVENT_BYTES,
    MalformedEvent,
    OversizeEvent,
    body_hash,
    dumps,
    from_json,
    loads,
    to_json,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    shares: int
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    text: str
    count: int
    ratio: float
    flag: bool
    amount: Decimal
    session: date
    at: datetime
    id: UUID
    free: Any
    maybe: Decimal | None
    legs: tuple[Leg, ...]
    named: dict[str, tuple[float, ...]]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=6)
FREE = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
LEGS = st.builds(Leg, shares=st.integers(), price=DECIMALS)
EVERYTHING = st.builds(
    Everything,
    text=TEXT,
    count=st.integers(),
    ratio=FLOATS,
    flag=st.booleans(),
    amount=DECIMALS,
    session=st.dates(),
    at=st.datetimes(timezones=st.just(UTC)),
    id=st.uuids(),
    free=FREE,
    maybe=st.none() | DECIMALS,
    legs=st.lists(LEGS, max_size=3).map(tuple),
    named=st.dictionaries(TEXT, st.lists(FLOATS, max_size=3).map(tuple), max_size=3),
)
SAMPLE = Everything(
    text="Zürich",
    count=3,
    ratio=0.1,
    flag=True,
    amount=Decimal("1.50"),
    session=date(2018, 3, 27),
    at=datetime(2018, 3, 27, 20, 0, 0, 1, UTC),
    id=UUID(int=1),
    free=None,
    maybe=None,
    legs=(Leg(shares=2, price=Decimal("168.34")),),
    named={"0.5": (1.0, 2.0)},
)


@given(EVERYTHING)
def test_an_event_comes_back_from_its_bytes_as_it_was(event: Everything) -> None:
    decoded = from_json(Everything, loads(dumps(to_json(event))))
    assert decoded == event
    assert repr(decoded.ratio) == repr(event.ratio)  # minus zero is not zero
    assert str(decoded.amount) == format(event.amount, "f")  # trailing zeros are kept


def test_the_bytes_of_an_event_are_canonical() -> None:
    assert dumps(to_json(SAMPLE)).decode() == (
        '{"amount":"1.50","at":"2018-03-27T20:00:00.000001Z","count":3,"flag":true,"free":null,'
        '"id":"00000000-0000-0000-0000-000000000001","legs":[{"price":"168.34","shares":2}],"maybe":null,'
        '"named":{"0.5":[1.0,2.0]},"ratio":0.1,"session":"2018-03-27","text":"Zürich"}'
    )


def test_an_instant_of_another_zone_is_the_same_instant_in_utc() -> None:
    new_york = timezone(timedelta(hours=-4))
    assert to_json(datetime(2018, 3, 27, 16, tzinfo=new_york)) == "2018-03-27T20:00:00.000000Z"


def test_fields_of_a_later_release_are_ignored() -> None:
    assert from_json(Everything, {**to_json(SAMPLE), "added_later": 1}) == SAMPLE


def test_a_whole_number_is_read_as_the_float_it_was() -> None:
    assert repr(from_json(Everything, {**to_json(SAMPLE), "ratio": 2}).ratio) == "2.0"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 1),
        ("count", True),
        ("count", 1.0),
        ("count", "1"),
        ("ratio", True),
        ("ratio", "0.1"),
        ("ratio", 10**400),
        ("flag", 1),
        ("amount", 1.5),
        ("amount", "NaN"),
        ("amount", "Infinity"),
        ("amount", "1e999999999"),
        ("amount", "1_000"),
        ("amount", "١"),
        ("session", "2018-02-30"),
        ("session", 20180327),
        ("at", "2018-03-27T20:00:00"),
        ("at", "9999-12-31T23:59:59-12:00"),
        ("id", "1"),
        ("maybe", 1),
        ("legs", {}),
        ("legs", [{"shares": 1}]),
        ("legs", [None]),
        ("named", []),
        ("named", {"0.5": [None]}),
    ],
)
def test_a_field_of_another_shape_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(MalformedEvent, match=rf"Everything\.{field}|Leg"):
        from_json(Everything, {**to_json(SAMPLE), field: value})


def test_a_missing_field_is_refused_by_name() -> None:
    with pytest.raises(MalformedEvent, match=r"Everything\.count is missing"):
        from_json(Everything, {name: value for name, value in to_json(SAMPLE).items() if name != "count"})


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("-Infinity"),
        datetime(2018, 3, 27),
        {1: "a", "1": "b"},
        {"a": {"b": b"bytes"}},
        "nul \x00",
        ["lone \ud800 surrogate"],
        {"key \x00": 1},
        {1, 2},
    ],
)
def test_a_value_that_would_not_come_back_is_refused(value: Any) -> None:
    with pytest.raises(MalformedEvent):
        to_json(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\\u0000"}',
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":1} {"a":1}',
        b"1" * 5000,
        b"[" * 100_000,
        b"[" * 2000 + b"]" * 2000,
    ],
)
def test_bytes_that_are_no_strict_json_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        loads(body)


def test_escapes_that_only_look_like_a_nul_are_taken() -> None:
    assert loads(rb'{"a":"\\u0000","b":"\ud83d\ude00"}') == {"a": r"\u0000", "b": "😀"}


def test_256_kib_are_taken_and_one_byte_more_is_refused() -> None:
    whole = b'"' + b"x" * (MAX_EVENT_BYTES - 2) + b'"'
    assert len(loads(whole)) == 262_142
    with pytest.raises(OversizeEvent, match="262145 bytes; at most 262144"):
        loads(whole + b" ")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    try:
        value = loads(body)
    except MalformedEvent:
        return
    assert loads(dumps(value)) == value


def test_a_body_is_known_by_its_sha256() -> None:
    assert body_hash(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
