"""The options of a run in words: those that are not the default."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

type Options = Mapping[str, Any]

_BARS: Final = {"1wk": "weeks", "1mo": "months"}
_SIZES: Final = {
    "fixed_cash": "{money} of money for each entry",
    "fixed_shares": "{money} shares for each entry",
    "percent_of_equity": "{percent} of the equity for each entry",
    "risk_per_stop": "{percent} of the equity at risk between entry and stop",
    "volatility_target": "{percent} volatility a year for each position",
}
_LEVELS: Final = {
    "stop_loss_ratio": "stop loss {} below the fill",
    "take_profit_ratio": "take profit {} above the fill",
    "trailing_ratio": "trailing stop {} below the best high",
}


def costs_text(*, commission_bps: Any, slippage_bps: Any, options: Options) -> str:
    """Return all costs of a run in one line; amounts are money, basis points those of the traded amount."""
    commission = [f"commission {_plain(commission_bps)} bps"]
    commission += [
        f"{_plain(options[name])} for each {what}"
        for name, what in (("commission_per_order", "order"), ("commission_per_share", "share"))
        if _is_given(options, name)
    ]
    parts = [" + ".join(commission), f"slippage {_plain(slippage_bps)} bps"]
    if _is_given(options, "spread_bps"):
        parts.append(f"spread {_plain(options['spread_bps'])} bps")
    if _is_given(options, "impact"):
        parts.append(f"impact {_plain(options['impact'])}")
    return ", ".join(parts)


def chosen_options(options: Options) -> list[tuple[str, str]]:
    """Return label and text of every option that is not the default, but for the costs; none for no options."""
    return list(_chosen(options))


def _chosen(options: Options) -> Iterator[tuple[str, str]]:
    if options.get("interval") in _BARS:
        yield "Bars", _BARS[options["interval"]]
    if sizing := ", ".join(_sizing(options)):
        yield "Size of an entry", sizing
    levels = [
        text.format(_percent(options[name])) for name, text in _LEVELS.items() if _is_given(options, name)
    ]
    if levels:
        yield "Stops", ", ".join(levels)
    if orders := ", ".join(_orders(options)):
        yield "Orders", orders
    if _is_given(options, "risk_free"):
        yield "Rate without risk", f"{_percent(options['risk_free'])} a year"
    if options.get("benchmark"):
        yield (
            "Index",
            f"{options['benchmark']}, bought and held with the same costs; alpha and beta are against it",
        )
    if options.get("seed"):
        yield "Seed of the bootstrap", str(options["seed"])


def _sizing(options: Options) -> Iterator[str]:
    kind, size = options.get("sizing", "all_in"), options.get("size")
    if kind in _SIZES and size is not None:
        yield _SIZES[kind].format(money=_plain(size), percent=_percent(size))
    if options.get("whole_shares") is False:
        yield "parts of shares"


def _orders(options: Options) -> Iterator[str]:
    if options.get("allow_short"):
        yield "short positions are taken"
    if options.get("time_in_force") == "gtc":
        yield "an entry waits until it is filled"
    if _is_given(options, "volume_limit"):
        yield f"at most {_percent(options['volume_limit'])} of a session's volume"


def _is_given(options: Options, name: str) -> bool:
    value = options.get(name)
    return value is not None and Decimal(str(value)) != 0


def _plain(value: Any) -> str:
    text = f"{Decimal(str(value)):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _percent(value: Any) -> str:
    return f"{_plain(Decimal(str(value)) * 100)} %"
