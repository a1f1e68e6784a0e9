"""What the tests of a made-up run found, in the form of the event."""

import copy
from typing import Any

_LUCK: dict[str, Any] = {
    "passed": False,
    "trials": 45,
    "effective_trials": 12,
    "probabilistic_sharpe": 0.91,
    "expected_maximum_sharpe": 0.04,
    "deflated_sharpe": 0.612,
    "track_record": {"sessions": 3581, "needed_sessions": 6455, "text": "needs 2874 more sessions"},
    "bootstrap": {
        "p_value": 0.303,
        "block_length": 3.2,
        "paths": 1000,
        "max_drawdown": {"p5": -0.788, "p50": -0.528, "p95": -0.321},
        "end_equity": {"p5": 0.3141, "p50": 0.9984, "p95": 3.2811},
        "time_under_water": {"p5": 500.0, "p50": 1500.0, "p95": 3000.0},
    },
}
_TRUTH: dict[str, Any] = {
    "look_ahead": {"passed": True, "prefixes": 15, "signals_checked": 3186, "first_difference": None},
    "warm_up": {"passed": True, "signals_compared": 9947, "signals_changed": 0, "memory_sessions": 200},
    "luck": _LUCK,
    "no_luck_reason": None,
    "stamps": [
        {"name": "selection_bias", "is_warning": True, "text": "DEMO was chosen with what is known today."},
        {"name": "data_gap", "is_warning": False, "text": "All 3581 exchange sessions have a bar."},
    ],
}


def sample_truth(**luck: Any) -> dict[str, Any]:
    """Return the findings on a run that luck explains, with members of `luck` replaced; p_value is the bootstrap's."""
    truth = copy.deepcopy(_TRUTH)
    if "p_value" in luck:
        truth["luck"]["bootstrap"]["p_value"] = luck.pop("p_value")
    truth["luck"].update(luck)
    return truth


def sample_options(**changed: Any) -> dict[str, Any]:
    """Return the options of a run as its event has them, all at their defaults but for those `changed`."""
    zero = "0.0000"
    return {
        "interval": "1d",
        "risk_free": zero,
        "seed": 0,
        "commission_per_order": zero,
        "commission_per_share": zero,
        "spread_bps": zero,
        "impact": zero,
        "sizing": "all_in",
        "size": None,
        "whole_shares": True,
        "allow_short": False,
        "stop_loss_ratio": None,
        "take_profit_ratio": None,
        "trailing_ratio": None,
        "time_in_force": "day",
        "volume_limit": None,
        "benchmark": None,
        "benchmark_version": None,
        **changed,
    }
