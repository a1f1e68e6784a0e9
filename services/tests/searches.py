"""Small searches for parameters: what needs one to be there need not know how it is asked for."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from services.analytics.sweeps.domain import sweep_inputs_for
from services.analytics.sweeps.services import start_sweep
from services.analytics.walk_forwards.domain import walk_forward_inputs_for
from services.analytics.walk_forwards.services import start_walk_forward

_ASKED: dict[str, Any] = {
    "data_version": 1,
    "basis": "split",
    "strategy": "sma_cross",
    "grid": {"fast_window": [5, 10]},
    "parameters": {},
    "sample": None,
    "objective": "sharpe",
    "initial_capital": Decimal(10_000),
    "commission_bps": Decimal(10),
    "slippage_bps": Decimal(5),
}


def sweep_a_grid(symbol: str) -> UUID:
    """Ask for a sweep of two cells over the first version of a symbol's prices; its one chunk is left to workers."""
    return start_sweep(inputs=sweep_inputs_for(symbol=symbol, **_ASKED), now=timezone.now())


def walk_forward(symbol: str) -> UUID:
    """Ask for a walk forward with the same two cells."""
    inputs = walk_forward_inputs_for(symbol=symbol, folds=4, anchoring="rolling", in_sample_ratio=2, **_ASKED)
    return start_walk_forward(inputs=inputs, now=timezone.now())
