"""Whether changed bars are in the basis of the stored ones, as traded, and whether changed actions show in them."""

from bisect import bisect_left
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from math import log

import numpy as np
from numpy.typing import NDArray

from services.ingest.market.domain import (
    BPS,
    MOST_DISAGREEING_RATIO,
    TOLERANCE_BPS,
    ActionChange,
    BarChanges,
)

LARGE_CHANGE_PART = 5  # a fifth of a price, 20 %
LARGE_MOVE = log(1 + 1 / LARGE_CHANGE_PART)
SPLIT_REACH = timedelta(days=7)
MANY_MOVED = 20
SAME_FACTOR_RUN = 5
SAME_FACTOR_PART = 5
AGREEING = TOLERANCE_BPS / BPS

# Note [One basis]
# A close as traded never changes because of a split or dividend, so that a split explains nothing but the days
# between its old and its new ex-date when a vendor moves it. An answer speaks of prices in another basis when much
# of it is held back, when more than a fifth of the prices that are known move, or when five closes in a row move
# by one factor: a vendor corrects a few sessions, each for a reason of its own. Of such an answer nothing that is
# known changes, neither bars nor actions, and no new session comes that has no agreeing one before it. Up to 5 bp
# nothing has moved, as between two vendors.

# Note [Actions show in the bars]
# An action that would move the adjusted prices before it by more than a fifth is believed only when the closes
# around its ex-date, as they will be stored, show it better than what is known does.

type Closes = Mapping[date, float]  # USD as traded, by session
type Moved = list[tuple[ActionChange, ActionChange]]  # a split as it is withdrawn, and as it is told


def moved_splits(actions: tuple[ActionChange, ...]) -> Moved:
    """Return the splits that are withdrawn on one day and told on another one nearby."""
    return [
        (gone, new)
        for gone in actions
        if gone.kind == "split" and gone.held is not None and gone.told is None
        for new in actions
        if (new.kind, new.held, new.told) == ("split", None, gone.held.action.value)
        and abs(new.ex_date - gone.ex_date) <= SPLIT_REACH
    ]


def is_explained(changed: BarChanges, ratios: NDArray[np.float64], moved: Moved) -> NDArray[np.bool_]:
    """Return which bars lie between the old and new ex-date of a split and changed by its ratio."""
    sessions, found = changed.told["session"], np.zeros(len(changed), np.bool_)
    for gone, new in moved:
        first, last = sorted([np.datetime64(gone.ex_date), np.datetime64(new.ex_date)])
        factor = float(new.told or 1) ** (1 if new.ex_date > gone.ex_date else -1)
        fits = np.all(np.abs(np.log(ratios / factor)) <= LARGE_MOVE, axis=0)
        found |= fits & (first <= sessions) & (sessions < last)
    return found


def why_rebased(ratios: NDArray[np.float64], explained: NDArray[np.bool_], *, own_count: int) -> str | None:
    """Return why changed bars, of which `ratios` (4, n) are told over held prices, look like ones in another basis."""
    moves = np.log(ratios)
    has_moved = (np.abs(moves) > AGREEING) & ~explained
    count = int(np.count_nonzero(np.any(has_moved, axis=0)))
    if count >= MANY_MOVED and count > MOST_DISAGREEING_RATIO * own_count:
        return f"Prices of {count} of {own_count} known sessions moved, as if told in another basis."
    closes = moves[-1, has_moved[-1]]
    is_same = np.abs(np.diff(closes)) <= np.abs(closes[1:]) / SAME_FACTOR_PART
    run = SAME_FACTOR_RUN - 1
    if len(is_same) >= run and np.any(np.convolve(is_same, np.ones(run), "valid") == run):
        return f"At least {SAME_FACTOR_RUN} closes in a row moved by one factor, as if told in another basis."
    return None


def unseen_actions(actions: list[ActionChange], closes: Closes) -> list[ActionChange]:
    """Return the changes that would move adjusted prices by more than 20 % and do not show in the closes.

    Across a hole of more than a week they need only be nearer to what is told than to what is known.
    """
    days = sorted(closes)
    unseen = []
    for change in actions:
        at = bisect_left(days, change.ex_date)
        if not 0 < at < len(days):
            continue
        most = LARGE_MOVE if days[at] - days[at - 1] <= SPLIT_REACH else float("inf")
        before, jump = closes[days[at - 1]], log(closes[days[at]] / closes[days[at - 1]])
        old = _log_factor(change.kind, change.held.action.value if change.held else None, before)
        new = _log_factor(change.kind, change.told, before)
        is_shown = abs(jump - new) <= min(most, abs(jump - old))
        if abs(new - old) > LARGE_MOVE and not is_shown:
            unseen.append(change)
    return unseen


def _log_factor(kind: str, value: Decimal | None, before: float) -> float:
    """Return the logarithm of what an action makes of the close before it; that of no action is 0."""
    if value is None:
        return 0.0
    factor = 1 / float(value) if kind == "split" else 1 - float(value) / before
    return log(factor) if factor > 0 else -float("inf")
