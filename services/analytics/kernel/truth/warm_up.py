"""Warm-up sensitivity: how long a decision depends on where the data happen to start."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from services.analytics.kernel.decisions import Decisions
from services.analytics.kernel.series import Series
from services.analytics.kernel.strategies.base import Parameters

DEFAULT_STARTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """How decisions on series that start later compare with those on all sessions.

    starts           session indexes at which the shorter series began
    signals_compared sessions compared, from the end of each warm-up on, over all starts
    signals_changed  how many of them decided otherwise
    memory_sessions  after so many sessions from its start no series decided otherwise; the warm-up itself
                     where none ever did
    """

    starts: tuple[int, ...]
    signals_compared: int
    signals_changed: int
    memory_sessions: int

    @property
    def passed(self) -> bool:
        """Return whether the warm-up is all that the rule needs to forget where its data start."""
        return self.signals_changed == 0


def sensitivity[P: Parameters](
    decide: Callable[[Series, P], Decisions],
    series: Series,
    parameters: P,
    *,
    warm_up_sessions: int,
    starts: int = DEFAULT_STARTS,
) -> Sensitivity:
    """Decide on series that start later, in the first half, and compare the signals after their warm-up.

    A rule of windows passes. One of exponential averages never quite forgets: its memory says how many
    sessions of history to give it before the first that counts.
    """
    n, skipped = len(series), warm_up_sessions - 1
    whole = decide(series, parameters).signal
    latest = min(n // 2, n - warm_up_sessions - 1)
    chosen = sorted({int(s) for s in np.linspace(1, latest, starts)}) if latest >= 1 else []
    compared = changed = 0
    memory = warm_up_sessions
    for start in chosen:
        differs = decide(_since(series, start), parameters).signal[skipped:] != whole[start + skipped :]
        compared += len(differs)
        changed += int(np.count_nonzero(differs))
        if differs.any():
            memory = max(memory, skipped + int(np.flatnonzero(differs)[-1]) + 1)
    return Sensitivity(
        starts=tuple(chosen),
        signals_compared=compared,
        signals_changed=changed,
        memory_sessions=memory,
    )


def _since(series: Series, start: int) -> Series:
    return Series(**{field.name: getattr(series, field.name)[start:] for field in fields(Series)})
