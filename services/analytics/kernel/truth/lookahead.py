"""The look-ahead certificate: a decision that changes when later bars are taken away has seen them."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from services.analytics.kernel.arrays import FlagArray, IndexArray
from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters

DEFAULT_CUTS = 16
# Levels of a rule that sums in another order for another length may differ by rounding, and by no more.
LEVEL_TOLERANCE_RATIO = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Whether the decisions on every prefix tried were those on the whole series.

    cuts              lengths of the prefixes, in sessions
    signals_checked   how many signals other than 0 the longest of them held
    first_difference  session index of the earliest decision that changed, None where none did
    shown_by          the prefix that showed it
    """

    cuts: tuple[int, ...]
    signals_checked: int
    first_difference: int | None
    shown_by: int | None

    @property
    def passed(self) -> bool:
        """Return whether no decision changed."""
        return self.first_difference is None


def certificate[P: Parameters](
    decide: Callable[[Series, P], Decisions],
    series: Series,
    parameters: P,
    *,
    warm_up_sessions: int,
    cuts: int = DEFAULT_CUTS,
) -> Certificate:
    """Decide on truncated prefixes and compare with the decisions on all n sessions.

    Two thirds of the prefixes end on the session of a signal, spread over the series: there a rule that looks
    one session ahead loses what it decided on. The others end at even distances, the first of them early:
    there scales, quantiles and extremes of the whole sample are other ones.
    """
    whole = decide(series, parameters)
    chosen = _chosen_cuts(whole, warm_up_sessions, cuts)
    earliest: int | None = None
    shown_by: int | None = None
    for cut in chosen:
        differs = changed(whole, decide(series.until(cut), parameters), cut)
        if differs.any() and (earliest is None or differs.argmax() < earliest):
            earliest, shown_by = int(differs.argmax()), cut
    return Certificate(
        cuts=tuple(chosen),
        signals_checked=int(np.count_nonzero(whole.signal[: max(chosen, default=0)])),
        first_difference=earliest,
        shown_by=shown_by,
    )


def _chosen_cuts(whole: Decisions, warm_up_sessions: int, cuts: int) -> list[int]:
    """Return increasing prefix lengths below n."""
    n, first = len(whole), max(warm_up_sessions, 2)
    signal = whole.signal
    begins = np.flatnonzero((signal != 0) & (signal != np.concatenate(([0], signal[:-1])))) + 1
    at_signals = _spread(begins[(begins >= first) & (begins < n)], 2 * cuts // 3)
    even = np.linspace(first, n - 1, cuts - len(at_signals)).astype(np.int64)
    return sorted({int(cut) for cut in (*at_signals, *even) if first <= cut < n})


def _spread(candidates: IndexArray, count: int) -> IndexArray:
    if len(candidates) <= count:
        return candidates
    return candidates[np.linspace(0, len(candidates) - 1, count).astype(np.int64)]


def changed(whole: Decisions, prefix: Decisions, cut: int) -> FlagArray:
    """Return (cut,) bool: where a column of a prefix of `cut` sessions differs from the same of the whole."""
    differs: FlagArray = whole.signal[:cut] != prefix.signal
    for field in fields(Decisions)[1:]:
        ours, theirs = getattr(whole, field.name), getattr(prefix, field.name)
        if ours is None and theirs is None:
            continue
        none = np.full(cut, np.nan)
        ours, theirs = (none if column is None else column[:cut] for column in (ours, theirs))
        differs |= ~np.isclose(ours, theirs, rtol=LEVEL_TOLERANCE_RATIO, atol=0.0, equal_nan=True)
    return differs
