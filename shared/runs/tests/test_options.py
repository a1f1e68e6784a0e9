from typing import Any

import pytest

from shared.runs.options import chosen_options, costs_text
from shared.runs.tests.sample import sample_options


def test_defaults_are_not_told() -> None:
    assert chosen_options(sample_options()) == []
    assert chosen_options({}) == []


@pytest.mark.parametrize(
    ("changed", "label", "text"),
    [
        ({"interval": "1wk"}, "Bars", "weeks"),
        ({"sizing": "fixed_cash", "size": "2500.0000"}, "Size of an entry", "2,500 of money for each entry"),
        ({"sizing": "fixed_shares", "size": "10.0000"}, "Size of an entry", "10 shares for each entry"),
        (
            {"sizing": "risk_per_stop", "size": "0.0150", "whole_shares": False},
            "Size of an entry",
            "1.5 % of the equity at risk between entry and stop, parts of shares",
        ),
        (
            {"stop_loss_ratio": "0.0800", "trailing_ratio": "0.1000"},
            "Stops",
            "stop loss 8 % below the fill, trailing stop 10 % below the best high",
        ),
        (
            {"allow_short": True, "time_in_force": "gtc", "volume_limit": "0.0250"},
            "Orders",
            "short positions are taken, an entry waits until it is filled, at most 2.5 % of a session's volume",
        ),
        ({"risk_free": "0.0400"}, "Rate without risk", "4 % a year"),
        ({"seed": 7}, "Seed of the bootstrap", "7"),
    ],
)
def test_an_option_that_is_not_the_default_is_told(changed: dict[str, Any], label: str, text: str) -> None:
    assert chosen_options(sample_options(**changed)) == [(label, text)]


def test_the_index_is_told() -> None:
    ((label, text),) = chosen_options(sample_options(benchmark="SPY", benchmark_version=2))

    assert (label, text[:4]) == ("Index", "SPY,")


def test_every_option_is_told_somewhere() -> None:
    plain = sample_options()
    others: dict[str, Any] = dict.fromkeys(plain, "0.5000")
    others |= {"interval": "1mo", "seed": 1, "whole_shares": False, "allow_short": True}
    others |= {"sizing": "percent_of_equity", "benchmark": "SPY", "time_in_force": "gtc"}

    def said(options: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
        return costs_text(commission_bps="10.00", slippage_bps="5", options=options), chosen_options(options)

    # The size says nothing without its sizing, and a version nothing to people: the data cut has it.
    names = [name for name in plain if name not in {"size", "sizing", "benchmark_version"}]
    assert [name for name in names if said(plain | {name: others[name]}) == said(plain)] == []


def test_costs_are_one_line() -> None:
    options = sample_options(
        commission_per_order="1.0000", commission_per_share="0.0050", spread_bps="2.0000", impact="0.1000"
    )

    assert costs_text(commission_bps="10.00", slippage_bps="5", options=options) == (
        "commission 10 bps + 1 for each order + 0.005 for each share, slippage 5 bps, spread 2 bps, impact 0.1"
    )
    assert (
        costs_text(commission_bps="0", slippage_bps="2.5", options={}) == "commission 0 bps, slippage 2.5 bps"
    )
