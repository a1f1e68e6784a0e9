"""A run from JSON is the kernel's run, said in JSON; bad input is named."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.kernel.backtest import run
from services.analytics.kernel.costs import Costs
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics.year import Year
from services.analytics.kernel.orders import Execution, Sizing
from services.analytics.kernel.strategies.registry import STRATEGIES
from services.analytics.kernel.tests.synthetic import random_walk, with_split
from services.analytics.oracle.figures import measured
from services.analytics.oracle.reading import Errors, Members
from services.analytics.oracle.runs import backtested
from services.analytics.oracle.terms import terms_of
from shared.contracts.codec import dumps
from shared.errors import InsufficientHistory, ValidationFailed

MARKET = random_walk(3, 260)
SHORT = random_walk(3, 40)
WINDOWS = {"fast_window": 3, "slow_window": 9}
COLUMNS = ("open", "high", "low", "close", "volume", "dividend", "split_ratio")


def bars_of(market: MarketData) -> dict[str, Any]:
    columns = {name: getattr(market, name).tolist() for name in COLUMNS}
    return {"date": [day.isoformat() for day in market.sessions.tolist()], **columns}


def ask(**members: Any) -> dict[str, Any]:
    asked = {"bars": bars_of(MARKET), "strategy": "sma_cross", "parameters": WINDOWS, **members}
    return backtested(json.dumps(asked).encode())


def errors_of(**members: Any) -> list[str]:
    with pytest.raises(ValidationFailed) as caught:
        ask(**{"bars": bars_of(SHORT), **members})
    dumps(caught.value.as_problem())
    return [row["attr"] for row in caught.value.extra["errors"]]


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_the_run_is_that_of_the_kernel(name: str) -> None:
    rule = STRATEGIES[name]
    market = with_split(MARKET, 100, 2.0)

    found = ask(
        bars=bars_of(market),
        strategy=name,
        parameters=None,
        capital=25_000,
        commission=0.001,
        slippage=0.0005,
    )

    expected = run(
        market,
        rule,
        rule.parse({}),
        initial_capital=25_000.0,
        costs=Costs(commission_bps=10.0, slippage_bps=5.0),
    )
    assert found["equity"] == expected.simulation.equity.tolist()
    assert found["benchmark"] == expected.benchmark.equity.tolist()
    assert found["metrics"] == {name: figure.value for name, figure in expected.metrics.items()}
    assert [trade["pnl"] for trade in found["trades"]] == [trade.pnl for trade in expected.simulation.trades]
    assert sum(order["status"] == "filled" for order in found["orders"]) == len(expected.simulation.fills)
    assert found["dates"] == [day.isoformat() for day in expected.simulation.dates.tolist()]


def test_every_term_reaches_the_kernel() -> None:
    found = ask(
        commission={"ratio": 0.0029, "per_order": 1, "per_share": 0.01},
        slippage={"ratio": 0.0003, "spread": 0.001, "impact": 0.1},
        sizing={"kind": "fixed_cash", "size": 3000, "whole_shares": False},
        execution={
            "allow_short": True,
            "stop_loss_ratio": 0.03,
            "take_profit_ratio": 0.05,
            "trailing_ratio": 0.04,
            "time_in_force": "gtc",
            "volume_limit": 0.5,
        },
        periods_per_year=365,
        risk_free=0.02,
    )

    rule = STRATEGIES["sma_cross"]
    expected = run(
        MARKET,
        rule,
        rule.parse(WINDOWS),
        initial_capital=10_000.0,
        costs=Costs(
            commission_bps=29.0,
            commission_per_order=1.0,
            commission_per_share=0.01,
            slippage_bps=3.0,
            spread_bps=10.0,
            impact=0.1,
        ),
        execution=Execution(
            sizing=Sizing.FIXED_CASH,
            size=3000.0,
            whole_shares=False,
            allow_short=True,
            stop_loss_ratio=0.03,
            take_profit_ratio=0.05,
            trailing_ratio=0.04,
            volume_limit=0.5,
        ),
        risk_free=0.02,
        periods_per_year=365,
    )
    assert found["equity"] == expected.simulation.equity.tolist()
    assert found["metrics"]["sharpe"] == expected.metrics["sharpe"].value
    assert {order.get("reason") for order in found["orders"]} >= {"signal", "stop", "target"}
    assert found["execution"]["time_in_force"] == "gtc"


def test_a_number_sizes_by_equity_and_a_text_names_the_kind() -> None:
    half = ask(sizing=0.5)

    assert half["sizing"] == {"kind": "percent_of_equity", "size": 0.5, "whole_shares": True}
    assert half["orders"][0]["shares"] * half["orders"][0]["price"] == pytest.approx(5000, rel=0.05)
    assert ask(sizing="all_in")["result_hash"] == ask()["result_hash"] != half["result_hash"]


def test_a_fraction_is_exactly_so_many_basis_points() -> None:
    errors = Errors()

    terms = terms_of(Members({"commission": 0.0029}, errors, place="", known=("commission",)), errors)

    assert terms is not None
    assert terms.costs.commission_bps == 29.0  # and 0.0029 * 10000 is not


def test_rows_and_columns_are_the_same_bars() -> None:
    columns = bars_of(MARKET)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    assert dumps(ask(bars=rows)) == dumps(ask())


def test_the_same_input_gives_the_same_bytes_and_the_seed_shapes_the_bootstrap_alone() -> None:
    first, again, other = ask(seed=1), ask(seed=1), ask(seed=2)

    assert dumps(first) == dumps(again)
    assert first["truth"]["luck"]["bootstrap"] != other["truth"]["luck"]["bootstrap"]
    assert first["result_hash"] == other["result_hash"]


def test_what_a_run_says_it_was_asked_gives_the_same_run_again() -> None:
    first = ask(commission=0.0007, slippage=0.0003, sizing=0.25, seed=4, risk_free=0.01)
    members = ("parameters", "capital", "commission", "slippage", "sizing", "execution", "seed")

    again = ask(**{name: first[name] for name in (*members, "periods_per_year", "risk_free")})

    assert dumps(again) == dumps(first)


def test_the_curve_of_a_run_is_measured_to_the_same_figures() -> None:
    found = ask(commission=0.001)
    curve = {name: found[name] for name in ("equity", "benchmark", "dates")}
    pnl = [trade["pnl"] for trade in found["trades"]]

    figures = measured(json.dumps({**curve, "trade_pnl": pnl}).encode())["metrics"]

    known = {name: value for name, value in figures.items() if value is not None}
    assert len(known) >= 18
    assert known == {name: found["metrics"][name] for name in known}


def test_cash_adds_up_and_what_is_held_at_the_end_is_listed() -> None:
    found = ask(commission=0.001)

    held = found["open_trade"] or {"unrealised_pnl": 0.0, "dividends": 0.0}
    gained = [row[name] for row in [*found["trades"]] for name in ("pnl", "dividends")]
    gained += [held["unrealised_pnl"], held["dividends"]]
    assert found["equity"][-1] == pytest.approx(10_000 + sum(gained), abs=0.01)


def test_an_order_of_the_last_close_is_pending() -> None:
    whole = ask()
    decided = whole["orders"][0]["session"]
    end = whole["dates"].index(decided) - 1  # the first date is that of the opening capital

    cut = {name: column[:end] for name, column in bars_of(MARKET).items()}

    assert ask(bars=cut)["orders"] == [
        {
            "status": "pending",
            "side": "buy",
            "decided_session": cut["date"][-1],
            "limit": None,
            "stop": None,
        }
    ]


@pytest.mark.parametrize(
    ("members", "attrs"),
    [
        ({"strategy": "magic"}, ["strategy"]),
        ({"strategy": None}, ["strategy"]),
        ({"strategy": ["sma_cross"]}, ["strategy"]),
        ({"parameters": []}, ["parameters"]),
        ({"parameters": {"window": 3}}, ["parameters.window"]),
        ({"parameters": {"fast_window": 0, "slow_window": 1.5}},
         ["parameters.fast_window", "parameters.slow_window"]),
        ({"parameters": {"fast_window": True}}, ["parameters.fast_window"]),
        ({"parameters": {"fast_window": 9, "slow_window": 9}}, ["parameters.fast_window"]),
        ({"capital": 0}, ["capital"]),
        ({"capital": 1e13}, ["capital"]),
        ({"capital": "10000"}, ["capital"]),
        ({"commission": -0.1}, ["commission"]),
        ({"commission": 10}, ["commission"]),
        ({"commission": {"ratio": 1, "per_order": -1, "fee": 0}},
         ["commission.fee", "commission.ratio", "commission.per_order"]),
        ({"slippage": "5"}, ["slippage"]),
        ({"slippage": {"impact": 1}}, ["slippage.impact"]),
        ({"sizing": 1.5}, ["sizing"]),
        ({"sizing": True}, ["sizing"]),
        ({"sizing": "half"}, ["sizing"]),
        ({"sizing": "fixed_cash"}, ["sizing.size"]),
        ({"sizing": {"kind": "fixed_cash"}}, ["sizing.size"]),
        ({"sizing": {"kind": "all_in", "size": 1}}, ["sizing.size"]),
        ({"sizing": {"whole_shares": 1}}, ["sizing.whole_shares"]),
        ({"execution": {"stop_loss_ratio": 2, "volume_limit": 0, "time_in_force": "ioc"}},
         ["execution.stop_loss_ratio", "execution.volume_limit", "execution.time_in_force"]),
        ({"execution": 3}, ["execution"]),
        ({"seed": -1}, ["seed"]),
        ({"seed": 1.5}, ["seed"]),
        ({"risk_free": 3, "periods_per_year": 0}, ["periods_per_year", "risk_free"]),
        ({"start": "2024-01-01"}, ["start"]),
        ({"bars": None}, ["bars"]),
        ({"bars": []}, ["bars"]),
        ({"bars": [1]}, ["bars[0]"]),
        ({"bars": [{"date": "2024-01-02"}, {}]}, ["bars[1]"]),
        ({"bars": "x"}, ["bars"]),
        ({"bars": {"date": ["2024-01-02"]}}, [f"bars.{name}" for name in COLUMNS[:5]]),
        ({"bars": {**bars_of(SHORT), "adjusted": []}}, ["bars.adjusted"]),
        ({"bars": {**bars_of(SHORT), "volume": [1]}}, ["bars.volume"]),
        ({"bars": {**bars_of(SHORT), "volume": ["1"]}}, ["bars.volume[0]"]),
        ({"bars": {**bars_of(SHORT), "date": ["2024-01-02"] * 40}}, ["bars.date[1]"]),
        ({"bars": {**bars_of(SHORT), "low": [1e9] * 40}}, ["bars"]),
        ({"bars": {**bars_of(SHORT), "close": [0] * 40}}, ["bars"]),
        ({"bars": {**bars_of(SHORT), "split_ratio": [0] * 40}}, ["bars"]),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_is_wrong_is_named(members: dict[str, Any], attrs: list[str]) -> None:
    assert errors_of(**members) == attrs


def test_too_little_history_says_how_much_is_missing() -> None:
    with pytest.raises(InsufficientHistory) as caught:
        ask(bars=bars_of(SHORT), parameters=None)

    assert (caught.value.needed_sessions, caught.value.present_sessions) == (52, 40)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["parameters", "capital", "commission", "slippage", "sizing", "execution", "seed"]),
        st.recursive(
            st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats(0, 2) | st.text(max_size=3),
            lambda inner: st.dictionaries(
                st.sampled_from(["ratio", "size", "kind", "trailing_ratio"]), inner
            ),
            max_leaves=4,
        ),
    )
)
def test_whatever_comes_is_run_or_refused(members: dict[str, Any]) -> None:
    try:
        dumps(ask(bars=bars_of(SHORT), **members))
    except ValidationFailed as error:
        dumps(error.as_problem())
    except InsufficientHistory:
        pass


def test_prices_at_the_edge_of_what_is_possible_are_run() -> None:
    prices = np.where(np.arange(40) % 7 < 4, 1e-9, 1e9).tolist()
    bars = {"date": bars_of(SHORT)["date"], **dict.fromkeys(COLUMNS[:4], prices), "volume": [1e15] * 40}

    found = ask(bars=bars, sizing={"kind": "fixed_shares", "size": 0.5, "whole_shares": False})

    dumps(found)
    assert Year(periods=found["periods_per_year"]).periods == 252
