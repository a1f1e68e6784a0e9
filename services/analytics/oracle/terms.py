"""What an order costs and how large it is, as a caller of the oracle says it: a number or an object."""

from dataclasses import dataclass
from typing import Any, Final

from services.analytics.kernel.costs import (
    BPS_PER_UNIT,
    MAXIMUM_COMMISSION_PER_ORDER,
    MAXIMUM_COMMISSION_PER_SHARE,
    MAXIMUM_COST_BPS,
    MAXIMUM_IMPACT,
    Costs,
)
from services.analytics.kernel.orders import Execution, Sizing, TimeInForce
from services.analytics.oracle.reading import Errors, Members

MAXIMUM_COST_RATIO: Final = MAXIMUM_COST_BPS / BPS_PER_UNIT
_LARGEST = 1e15  # the kernel has the ranges of these
_RATIOS = ("stop_loss_ratio", "take_profit_ratio", "trailing_ratio", "volume_limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The options of a run, each with the spelling that `said` gives back in full."""

    costs: Costs
    execution: Execution
    said: dict[str, Any]


def terms_of(given: Members, errors: Errors) -> Terms | None:
    """Return the terms that the members commission, slippage, sizing and execution say, None where they are wrong."""
    before = len(errors.rows)
    commission = _costs_of(
        given,
        "commission",
        errors,
        ratio=MAXIMUM_COST_RATIO,
        per_order=MAXIMUM_COMMISSION_PER_ORDER,
        per_share=MAXIMUM_COMMISSION_PER_SHARE,
    )
    slippage = _costs_of(
        given, "slippage", errors, ratio=MAXIMUM_COST_RATIO, spread=MAXIMUM_COST_RATIO, impact=MAXIMUM_IMPACT
    )
    sizing, execution = _sizing_of(given, errors), _execution_of(given, errors)
    if len(errors.rows) > before:
        return None
    return Terms(
        costs=Costs(
            commission_bps=_bps(commission["ratio"]),
            commission_per_order=commission["per_order"],
            commission_per_share=commission["per_share"],
            slippage_bps=_bps(slippage["ratio"]),
            spread_bps=_bps(slippage["spread"]),
            impact=slippage["impact"],
        ),
        execution=Execution(**sizing, **execution),
        said={
            "commission": commission,
            "slippage": slippage,
            "sizing": {
                "kind": sizing["sizing"],
                "size": sizing["size"],
                "whole_shares": sizing["whole_shares"],
            },
            "execution": execution,
        },
    )


def _costs_of(given: Members, name: str, errors: Errors, *, ratio: float, **others: float) -> dict[str, Any]:
    """Return the parts of a cost: a number is its ratio, an object names any of them, each up to its maximum."""
    maxima = {"ratio": ratio, **others}
    value = given.get(name)
    if isinstance(value, dict):
        parts = Members(value, errors, place=name, known=tuple(maxima))
        return {
            part: parts.number(part, minimum=0.0, maximum=most, default=0.0) for part, most in maxima.items()
        }
    found = given.number(name, minimum=0.0, maximum=ratio, default=0.0)
    return {**dict.fromkeys(maxima, 0.0), "ratio": found}


def _bps(ratio: float) -> float:
    """Return a ratio in basis points, without the noise that 0.0007 * 10000 has."""
    return round(ratio * BPS_PER_UNIT, 9)


def _sizing_of(given: Members, errors: Errors) -> dict[str, Any]:
    """Return kind, figure and whether shares are whole: a number is a fraction of equity, a text a kind."""
    value, before = given.get("sizing"), len(errors.rows)
    found: dict[str, Any] = {"sizing": Sizing.ALL_IN, "size": None, "whole_shares": True}
    if isinstance(value, dict):
        parts = Members(value, errors, place="sizing", known=("kind", "size", "whole_shares"))
        found = {
            "sizing": parts.choice("kind", tuple(Sizing), default=Sizing.ALL_IN),
            "size": parts.number("size", minimum=0.0, maximum=_LARGEST),
            "whole_shares": parts.flag("whole_shares", default=True),
        }
    elif isinstance(value, str):
        found["sizing"] = given.choice("sizing", tuple(Sizing))
    elif value is not None:
        found["sizing"] = Sizing.PERCENT_OF_EQUITY
        found["size"] = given.number("sizing", minimum=1e-6, maximum=1.0)
    if len(errors.rows) == before:
        with errors.at("sizing"):
            Execution(**found)
    return found


def _execution_of(given: Members, errors: Errors) -> dict[str, Any]:
    value = given.get("execution")
    known = ("allow_short", *_RATIOS, "time_in_force")
    parts = Members({} if value is None else value, errors, place="execution", known=known)
    found: dict[str, Any] = {"allow_short": parts.flag("allow_short", default=False)}
    for name in _RATIOS:
        found[name] = parts.number(name, minimum=-_LARGEST, maximum=_LARGEST)
        with errors.at("execution"):  # one by one, so that each that is wrong is named
            Execution(**{name: found[name]})
    found["time_in_force"] = parts.choice("time_in_force", tuple(TimeInForce), default=TimeInForce.DAY)
    return found
