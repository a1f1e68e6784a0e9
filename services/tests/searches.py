"""Small searches for parameters: what needs one to be there need not know how it is asked for."""

from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from services.analytics.sweeps.domain import sweep_inputs_for
from services.analytics.sweeps.services import start_sweep


def sweep_a_grid(symbol: str) -> UUID:
    """Ask for a sweep of two cells over the first version of a symbol's prices; its one chunk is left to workers."""
    inputs = sweep_inputs_for(
        symbol=symbol,
        data_version=1,
        basis="split",
        strategy="sma_cross",
        grid={"fast_window": [5, 10]},
        parameters={},
        sample=None,
        objective="sharpe",
        initial_capital=Decimal(10_000),
        commission_bps=Decimal(10),
        slippage_bps=Decimal(5),
    )
    return start_sweep(inputs=inputs, now=timezone.now())
