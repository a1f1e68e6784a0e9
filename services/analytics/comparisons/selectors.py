"""Reads of two or more finished runs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.forms.models import model_to_dict

from services.analytics.backtests.selectors import Run, equity_of, finished_run, trades_of
from services.analytics.comparisons.domain import Difference, difference, metrics_table, side_by_side

_INPUTS = (
    *("symbol", "data_version", "basis", "strategy", "strategy_version", "initial_capital", "commission_bps"),
    *("slippage_bps", "start", "end", "engine_version", "metrics_version", "calendar_version"),
)
_TRADE_EXCEPT = ["run_id", "number"]


def difference_between(before: Run, after: Run) -> Difference:
    """Return what the second of two finished runs found otherwise."""
    curves = [equity_of(run.id) for run in (before, after)]
    first, second = (dict(zip(curve.dates, curve.equity, strict=True)) for curve in curves)
    return difference(
        metrics=(before.metrics or (), after.metrics or ()),
        trades=(_trades(before.id), _trades(after.id)),
        curves=(first, second),
    )


def compared(run_ids: Sequence[UUID]) -> dict[str, Any]:
    """Return finished runs side by side, in the order asked for. Raises NotFound and RunNotFinished."""
    runs = [finished_run(run_id) for run_id in run_ids]
    return {
        "runs": runs,
        "inputs": side_by_side([_inputs(run) for run in runs]),
        "metrics": metrics_table([run.metrics or () for run in runs]),
        "benchmark_metrics": metrics_table([run.benchmark_metrics or () for run in runs]),
        "index_metrics": metrics_table([run.index_metrics or () for run in runs]),
    }


def _inputs(run: Run) -> dict[str, Any]:
    plain = {name: getattr(run, name) for name in _INPUTS}
    return {**{name: _text(value) for name, value in plain.items()}, **run.parameters, **run.options}


def _text(value: Any) -> Any:
    return value if isinstance(value, int | None) else str(value)


def _trades(run_id: UUID) -> list[dict[str, Any]]:
    return [model_to_dict(trade, exclude=_TRADE_EXCEPT) for trade in trades_of(run_id)]
