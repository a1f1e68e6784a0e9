import json
from pathlib import Path
from typing import Any

import pytest

from services.analytics.kernel import strategies
from services.analytics.kernel.errors import InvalidParameter, UnknownStrategy
from services.analytics.kernel.strategies.registry import STRATEGIES, found_strategies, strategy_named

DIP = strategy_named("moving_average_dip")
NAMES = [
    *("bollinger", "buy_and_hold", "ema_cross", "la_bomba", "macd", "moving_average_dip", "rsi", "sma_cross")
]
ONE_FILE = """
from dataclasses import dataclass
import numpy as np
from services.analytics.kernel.decisions import BUY, Decisions
from services.analytics.kernel.strategies.base import Parameters, Strategy

@dataclass(frozen=True, slots=True, kw_only=True)
class {name}Parameters(Parameters):
    pass

class {name}(Strategy[{name}Parameters]):
    name, version, summary = "{slug}", 1, "Buys at every close."
    parameters_type = {name}Parameters

    def warm_up_sessions(self, parameters):
        return 1

    def decide(self, series, parameters):
        return Decisions(signal=np.full(len(series), BUY))
"""


def test_the_strategies_are_those_of_the_modules() -> None:
    assert list(STRATEGIES) == NAMES


def add_file(folder: Path, monkeypatch: pytest.MonkeyPatch, *, name: str, slug: str) -> None:
    (folder / f"{slug}_in_a_test.py").write_text(ONE_FILE.format(name=name, slug=slug))
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(folder)])


def test_one_file_adds_a_strategy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_file(tmp_path, monkeypatch, name="Always", slug="always")

    found = found_strategies()

    assert sorted(found) == sorted([*NAMES, "always"])
    assert found["always"].described_parameters() == []


def test_two_strategies_of_one_name_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_file(tmp_path, monkeypatch, name="Other", slug="rsi")

    with pytest.raises(ValueError, match="two strategies are named 'rsi'"):
        found_strategies()


def test_an_unknown_strategy_is_answered_with_those_that_exist() -> None:
    with pytest.raises(UnknownStrategy, match="permitted are bollinger, buy_and_hold") as caught:
        strategy_named("astrology")

    assert caught.value.status == 400
    assert caught.value.extra == {"field": "strategy", "permitted": NAMES}


@pytest.mark.parametrize(
    ("name", "values", "field", "message"),
    [
        ("sma_cross", {"fast_window": 50}, "fast_window", "must be less than slow_window, 50"),
        ("ema_cross", {"slow_window": 12}, "fast_window", "must be less than slow_window, 12"),
        ("macd", {"fast_window": 30}, "fast_window", "must be less than slow_window, 26"),
        ("rsi", {"oversold": 70}, "oversold", "must be less than overbought, 70"),
        ("rsi", {"oversold": float("nan")}, "oversold", "between 0.0 and 100.0"),
        ("rsi", {"oversold": 10**400}, "oversold", "between 0.0 and 100.0"),
        ("bollinger", {"width": "2"}, "width", "must be of type float"),
        ("bollinger", {"width": True}, "width", "must be of type float"),
        ("buy_and_hold", {"window": 5}, "window", "has no parameter"),
    ],
)
def test_parameters_that_make_no_sense_together_or_alone_are_refused(
    name: str, values: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidParameter, match=message) as caught:
        strategy_named(name).parse(values)

    assert caught.value.extra["field"] == field


def test_a_whole_number_is_a_fraction_too() -> None:
    assert strategy_named("rsi").parse({"oversold": 20}) == strategy_named("rsi").parse({"oversold": 20.0})
    assert type(strategy_named("rsi").parse({"oversold": 20}).oversold) is float


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"window": 5}, "window", "permitted are buy_window, sell_window"),
        ({"buy_window": 1}, "buy_window", "between 2 and 1000"),
        ({"sell_window": 1001}, "sell_window", "between 2 and 1000"),
        ({"buy_window": "50"}, "buy_window", "must be of type int"),
        ({"buy_window": 50.0}, "buy_window", "must be of type int"),
        ({"buy_window": True}, "buy_window", "must be of type int"),
        ({"buy_window": None}, "buy_window", "must be of type int"),
        ({"buy_window": 201}, "buy_window", "must not exceed sell_window, 200"),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_permitted(
    values: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidParameter, match=message) as caught:
        DIP.parse(values)

    assert caught.value.status == 400
    assert caught.value.extra["field"] == field


def test_parameters_not_given_take_their_defaults() -> None:
    parameters = DIP.parse({"buy_window": 20})

    assert (parameters.buy_window, parameters.sell_window) == (20, 200)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_describes_itself_in_json(name: str) -> None:
    strategy = STRATEGIES[name]

    described = json.loads(json.dumps(strategy.described_parameters()))

    assert strategy.name == name
    assert strategy.version >= 1
    assert strategy.summary.endswith(".")
    for parameter in described:
        assert parameter["minimum"] <= parameter["default"] <= parameter["maximum"]
        assert parameter["help"].endswith(".")
