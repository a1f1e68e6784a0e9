"""All strategies by name: those of every module beside this one."""

import inspect
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

from services.analytics.kernel import strategies
from services.analytics.kernel.errors import UnknownStrategy
from services.analytics.kernel.strategies.base import Strategy


def found_strategies() -> dict[str, Strategy[Any]]:
    """Return one instance of each complete strategy that a module defines, ordered by name.

    Raises ValueError where two have the same name.
    """
    found: dict[str, Strategy[Any]] = {}
    for module in iter_modules(strategies.__path__, f"{strategies.__name__}."):
        if module.ispkg or module.name == __name__:
            continue
        for kind in vars(import_module(module.name)).values():
            defines = inspect.isclass(kind) and kind.__module__ == module.name
            if defines and issubclass(kind, Strategy) and not inspect.isabstract(kind):
                if kind.name in found:
                    raise ValueError(f"two strategies are named {kind.name!r}")
                found[kind.name] = kind()
    return dict(sorted(found.items()))


STRATEGIES: Final = found_strategies()


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
