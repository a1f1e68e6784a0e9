"""What two runs, or a few of them, have in common and where they part; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

type Fields = Mapping[str, Any]

_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure of two runs; None where it is undefined."""

    name: str
    label: str
    unit: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a second run found otherwise. `first_session` is the first on which the two accounts differ."""

    first_session: date | None
    metrics: tuple[Change, ...]
    trades_gone: tuple[Fields, ...]
    trades_new: tuple[Fields, ...]

    @property
    def is_none(self) -> bool:
        """Return whether the two runs say the same."""
        return self.first_session is None and not (self.metrics or self.trades_gone or self.trades_new)


def difference(
    *,
    metrics: tuple[Sequence[Fields], Sequence[Fields]],
    trades: tuple[Sequence[Fields], Sequence[Fields]],
    curves: tuple[Mapping[date, float], Mapping[date, float]],
) -> Difference:
    """Return what the second of each pair has otherwise than the first, numbers at 12 significant digits.

    `metrics` list `{name, label, unit, value}`, `trades` plain values, `curves` equity in money by session.
    """
    before, after = ({metric["name"]: metric for metric in side} for side in metrics)
    changes = (
        Change(
            name=name,
            label=after[name]["label"],
            unit=after[name]["unit"],
            before=before.get(name, {}).get("value"),
            after=after[name]["value"],
        )
        for name in after
    )
    old, new = ([_rounded(trade) for trade in side] for side in trades)
    return Difference(
        first_session=_first_different(*curves),
        metrics=tuple(change for change in changes if _digits(change.before) != _digits(change.after)),
        trades_gone=tuple(trade for trade, key in zip(trades[0], old, strict=True) if key not in new),
        trades_new=tuple(trade for trade, key in zip(trades[1], new, strict=True) if key not in old),
    )


def side_by_side(inputs: Sequence[Fields]) -> dict[str, list[Any]]:
    """Return the fields in which the inputs are not all the same, each with one value for each run."""
    names = dict.fromkeys(name for fields in inputs for name in fields)
    columns = {name: [fields.get(name) for fields in inputs] for name in names}
    return {name: values for name, values in columns.items() if any(value != values[0] for value in values)}


def metrics_table(metrics: Sequence[Sequence[Fields]]) -> list[dict[str, Any]]:
    """Return one row for each figure with the values of all runs, None where one has none."""
    by_name = [{metric["name"]: metric for metric in run} for run in metrics]
    known = {metric["name"]: metric for run in metrics for metric in run}
    return [
        {
            "name": name,
            "label": metric["label"],
            "unit": metric["unit"],
            "values": [run.get(name, {}).get("value") for run in by_name],
        }
        for name, metric in known.items()
    ]


def _first_different(before: Mapping[date, float], after: Mapping[date, float]) -> date | None:
    days = (
        day for day in sorted(set(before) | set(after)) if _digits(before.get(day)) != _digits(after.get(day))
    )
    return next(days, None)


def _rounded(trade: Fields) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (name, _digits(value) if isinstance(value, float) else value) for name, value in sorted(trade.items())
    )


def _digits(value: float | None) -> str | None:
    return None if value is None else f"{value:.{_DIGITS}g}"
