"""What is missing of a price history, and what in it wants a look."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.ingest.sessions.domain import FIRST_DATE, LAST_DATE, sessions_between
from shared.pricing.adjustment import Basis, adjust
from shared.pricing.history import PriceHistory, Sessions

LARGE_MOVE_RATIO = 0.2
DIGITS = 12  # of a ratio of floats; what lies behind them is noise


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeMove:
    """A close that lies more than a fifth from the one stored before it, splits taken into account."""

    session: date
    change_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A price history beside the sessions of the calendar; all days ascend.

    `missing` are sessions between the first and the last bar that have none, `extra` bars on days that are no
    session, `stale_sessions` the final sessions after the last bar. What it flags may be right all the same.
    """

    first_session: date
    last_session: date
    session_count: int
    missing: tuple[date, ...]
    extra: tuple[date, ...]
    zero_volume: tuple[date, ...]
    large_moves: tuple[LargeMove, ...]
    stale_sessions: int


def coverage_of(history: PriceHistory, *, last_final: date) -> Coverage:
    """Return how `history`, of at least one bar, covers the calendar up to `last_final`, the last final session.

    A move is large where the split-adjusted close is more than 20 % above or below the one before it.
    """
    stored = history.sessions
    first, last = stored[0].item(), stored[-1].item()
    calendar = _calendar(first, last)
    return Coverage(
        first_session=first,
        last_session=last,
        session_count=len(stored),
        missing=_days(np.setdiff1d(calendar, stored, assume_unique=True)),
        extra=_days(np.setdiff1d(stored, calendar, assume_unique=True)),
        zero_volume=_days(stored[history.volume == 0]),
        large_moves=_large_moves(history),
        stale_sessions=int(np.count_nonzero(_calendar(last, last_final) > stored[-1])),
    )


def _large_moves(history: PriceHistory) -> tuple[LargeMove, ...]:
    closes = adjust(history, Basis.SPLIT).close
    changes: NDArray[np.float64] = closes[1:] / closes[:-1] - 1
    return tuple(
        LargeMove(session=history.sessions[at + 1].item(), change_ratio=float(changes[at]))
        for at in np.flatnonzero(np.abs(changes).round(DIGITS) > LARGE_MOVE_RATIO)
    )


def _calendar(first: date, last: date) -> Sessions:
    """Return the sessions of both days and between, as far as the calendar knows any."""
    known = sessions_between(min(max(first, FIRST_DATE), LAST_DATE), max(min(last, LAST_DATE), FIRST_DATE))
    return np.array(known, "datetime64[D]")


def _days(sessions: Sessions) -> tuple[date, ...]:
    return tuple(sessions.tolist())
