"""A measured figure: a finite number, or the reason why there is none."""

import math
from dataclasses import dataclass

TOO_LARGE = "the figure is too large to be represented"


@dataclass(slots=True, kw_only=True)
class MetricValue:
    """Exactly one of `value`, a finite float, and `reason`, a phrase for people, is given.

    `caution` says what a reader should know about a value that is defined but weak. Nobody changes one: it
    is not frozen because a run makes fifty of them and freezing takes longer than measuring.
    """

    value: float | None = None
    reason: str | None = None
    caution: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError(f"a metric has a value or a reason, not both or neither: {self!r}")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"a metric is finite or undefined, not {self.value}")


type Metrics = dict[str, MetricValue]


def defined(value: float, *, caution: str | None = None) -> MetricValue:
    """Return the value as a plain float; one that overflowed is undefined."""
    if not math.isfinite(value):
        return MetricValue(reason=TOO_LARGE)
    return MetricValue(value=float(value), caution=caution)


def undefined(reason: str) -> MetricValue:
    """Return a metric without a value."""
    return MetricValue(reason=reason)
