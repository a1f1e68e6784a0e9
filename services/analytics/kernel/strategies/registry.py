"""The table of contents of the strategies: a new one is a module and a line here."""

from typing import Any, Final

from services.analytics.kernel.errors import UnknownStrategy
from services.analytics.kernel.strategies.base import Strategy
from services.analytics.kernel.strategies.moving_average_dip import MovingAverageDip

STRATEGIES: Final[dict[str, Strategy[Any]]] = {strategy.name: strategy for strategy in (MovingAverageDip(),)}


def strategy_named(name: str) -> Strategy[Any]:
    """Return the strategy; raises UnknownStrategy listing the permitted names."""
    try:
        return STRATEGIES[name]
    except KeyError:
        permitted = sorted(STRATEGIES)
        raise UnknownStrategy(
            f"There is no strategy {name!r}; permitted are {', '.join(permitted)}.",
            field="strategy",
            permitted=permitted,
        ) from None
