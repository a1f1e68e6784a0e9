import json
from typing import Any

import pytest

from services.analytics.kernel.errors import InvalidParameter, UnknownStrategy
from services.analytics.kernel.strategies.registry import STRATEGIES, strategy_named

DIP = strategy_named("moving_average_dip")


def test_an_unknown_strategy_is_answered_with_those_that_exist() -> None:
    with pytest.raises(UnknownStrategy, match="permitted are moving_average_dip") as caught:
        strategy_named("astrology")

    assert caught.value.status == 400
    assert caught.value.extra == {"field": "strategy", "permitted": ["moving_average_dip"]}


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
