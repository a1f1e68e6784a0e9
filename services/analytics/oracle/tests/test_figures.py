"""Figures of a bare curve against the published vectors, and bad input named."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel.metrics import DEFINITIONS
from services.analytics.oracle.figures import measured
from services.analytics.oracle.reading import MAXIMUM_BYTES, MAXIMUM_LENGTH
from shared.contracts.codec import dumps
from shared.errors import ValidationFailed

EQUITY = [10000, 10120, 10060, 10250, 9890, 9890, 10010, 10430, 10390, 10520]
BENCHMARK = [200, 201, 200.5, 203, 199, 199.6, 201, 204.5, 205, 206]
PNL = [120, -60, 0, 250, -90, 40]
ALWAYS = {
    "total_return": 0.052,
    "cagr": 3.134668685477764,
    "annual_volatility": 0.3339734958617824,
    "max_drawdown": -0.035121951219512,
    "calmar": 89.250983405964,
    "beta": 1.956406816636637,
    "win_rate": 0.5,
    "profit_factor": 2.7333333333333333,
    "expectancy": 43.333333333333333,
    "sqn": 0.844797273,
    "payoff": 1.8222222222222222,
}


def ask(**members: Any) -> dict[str, Any]:
    return measured(json.dumps(members).encode())


def refused(body: bytes) -> ValidationFailed:
    with pytest.raises(ValidationFailed) as caught:
        measured(body)
    return caught.value


@pytest.mark.parametrize(
    ("risk_free", "sharpe", "sortino", "alpha"),
    [
        (0, 4.410293366949151, 7.769939553239512, -0.158707219339461),
        (0.04, 4.292847623770682, 7.521908219801074, -0.126527585096694),
    ],
)
def test_the_golden_vectors_come_out(risk_free: float, sharpe: float, sortino: float, alpha: float) -> None:
    found = ask(
        equity=EQUITY,
        benchmark=BENCHMARK,
        trade_pnl=PNL,
        periods_per_year=252,
        risk_free=risk_free,
        minimum_sessions=1,
    )

    expected = {**ALWAYS, "sharpe": sharpe, "sortino": sortino, "alpha": alpha}
    assert {name: found["metrics"][name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert list(found["metrics"]) == [definition.name for definition in DEFINITIONS]


def test_each_figure_is_a_number_or_has_a_reason() -> None:
    found = ask(equity=EQUITY, benchmark=None, trade_pnl=[])

    assert {name for name, value in found["metrics"].items() if value is None} == set(found["reasons"])
    assert found["reasons"]["cagr"] == "needs at least 20 sessions, there are 9"
    assert found["reasons"]["beta"] == "no benchmark to compare with"
    assert (found["metrics"]["trade_count"], found["reasons"]["win_rate"]) == (0.0, "no closed trades")
    assert ask(equity=EQUITY)["reasons"]["trade_count"] == "no list of trades is given"


def test_dates_give_the_figures_of_calendar_days() -> None:
    days = [f"2024-01-{day:02d}" for day in (2, 3, 4, 5, 8, 9, 10, 11, 12, 15)]

    found = ask(equity=EQUITY, dates=days, minimum_sessions=1)["metrics"]

    assert found["max_dd_duration_days"] == 6
    assert found["cagr_calendar"] == pytest.approx(1.052 ** (365.25 / 13) - 1)


@pytest.mark.parametrize(
    ("members", "attr"),
    [
        ({}, "equity"),
        ({"equity": None}, "equity"),
        ({"equity": 5}, "equity"),
        ({"equity": [1]}, "equity"),
        ({"equity": [1] * (MAXIMUM_LENGTH + 1)}, "equity"),
        ({"equity": [1, "2"]}, "equity[1]"),
        ({"equity": [1, True]}, "equity[1]"),
        ({"equity": [1, 10**400]}, "equity[1]"),
        ({"equity": [1, 1e-12]}, "equity[1]"),
        ({"equity": [0, 1]}, "equity[0]"),
        ({"equity": [-1, 1]}, "equity[0]"),
        ({"equity": [1, 2], "benchmark": [1, 2, 3]}, "benchmark"),
        ({"equity": [1, 2], "benchmark": [0, 2]}, "benchmark[0]"),
        ({"equity": [1, 2], "trade_pnl": [[]]}, "trade_pnl[0]"),
        ({"equity": [1, 2], "dates": ["2024-01-02"] * 2}, "dates[1]"),
        ({"equity": [1, 2], "dates": ["20240102", "2024-01-03"]}, "dates[0]"),
        ({"equity": [1, 2], "dates": ["2024-02-30", "2024-03-01"]}, "dates[0]"),
        ({"equity": [1, 2], "dates": ["2024-01-02", "2024-01-03", "2024-01-04"]}, "dates"),
        ({"equity": [1, 2], "periods_per_year": 0}, "periods_per_year"),
        ({"equity": [1, 2], "periods_per_year": 252.5}, "periods_per_year"),
        ({"equity": [1, 2], "risk_free": 4}, "risk_free"),
        ({"equity": [1, 2], "risk_free": "0"}, "risk_free"),
        ({"equity": [1, 2], "minimum_sessions": 21}, "minimum_sessions"),
        ({"equity": [1, 2], "rf": 0}, "rf"),
    ],
)
def test_a_bad_member_is_named(members: dict[str, Any], attr: str) -> None:
    error = refused(json.dumps(members).encode())

    assert [row["attr"] for row in error.extra["errors"]] == [attr]
    assert len(error.detail) < 500


def test_all_bad_members_are_named_at_once() -> None:
    error = refused(b'{"equity":[1,"a"],"risk_free":"b","x":1}')

    assert {row["attr"] for row in error.extra["errors"]} == {"equity[1]", "risk_free", "x"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"equity":[1,NaN]}',
        b'{"equity":[1,1e999]}',
        b'{"equity":[1,2],"equity":[1,3]}',
        b"[" * 100_000,
        b'{"equity":[1,' + b"9" * 5000 + b"]}",
        b" " * (MAXIMUM_BYTES + 1),
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_strict_json_is_refused(body: bytes) -> None:
    assert refused(body).extra["field"] == "body"


@pytest.mark.parametrize("body", [b"[]", b"3", b"null", b'"x"'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    assert refused(body).extra["errors"][0]["attr"] == "body"


_AMOUNT = st.one_of(
    st.just(0), st.sampled_from([1e15, -1e15, 1e-9, 1]), st.floats(1e-9, 1e15), st.integers(-5, 5)
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(_AMOUNT, min_size=1, max_size=8),
    st.lists(_AMOUNT, min_size=1, max_size=8),
    st.lists(st.floats(-1e15, 1e15), max_size=5),
    st.integers(1, 1_000_000),
)
def test_every_curve_is_measured_in_finite_numbers(
    equity: list[float], benchmark: list[float], pnl: list[float], periods: int
) -> None:
    length = min(len(equity), len(benchmark))

    found = ask(
        equity=[1.5, *equity[:length]],
        benchmark=[2.5, *benchmark[:length]],
        trade_pnl=pnl,
        periods_per_year=periods,
        minimum_sessions=1,
    )

    dumps(found)  # which refuses NaN and infinity


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["equity", "dates", "risk_free", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(_JSON)
def test_whatever_comes_is_measured_or_refused(value: Any) -> None:
    try:
        measured(json.dumps(value).encode())
    except ValidationFailed as error:
        dumps(error.as_problem())
