"""Which changes of known prices are held back for an operator, because they look more like a fault than a correction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.ingest.market.columns import Action, SeriesColumns
from services.ingest.market.domain import ActionChange, ActionKey, BarChanges, BarKey, Comparison, Held

LARGE_CHANGE_PART = 5  # a fifth of the close, 20 %
MANY_BARS = 1_000
MOST_ACTIONS = 5
SPLIT_REACH = timedelta(days=7)
LARGE_CHANGE, MANY_CHANGES = "large-change", "many-changes"

# Note [Held back once]
# A vendor repeats its answer every day. A change that waits for an operator, or was dismissed, is therefore known
# by the row it would replace and by what is told; it is neither applied nor held back again, whatever else the
# answer brings.


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyHeld:
    """The changes of an instrument that wait for an operator or were dismissed, each with its quarantine."""

    bars: Mapping[BarKey, UUID] = field(default_factory=dict)
    actions: Mapping[ActionKey, UUID] = field(default_factory=dict)


NOTHING_HELD = AlreadyHeld()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspicion:
    """Changes that are to be held back, and why."""

    kind: str
    detail: str
    bars: BarChanges
    actions: tuple[ActionChange, ...]

    @property
    def row_count(self) -> int:
        """Return how many bars and actions these are."""
        return len(self.bars) + len(self.actions)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """Changes to apply, changes to hold back, and how many are held back already, the first as `quarantine_id`."""

    changed: BarChanges
    actions: tuple[ActionChange, ...]
    suspicion: Suspicion | None = None
    quarantine_id: UUID | None = None
    already_held_count: int = 0


def decide(told: SeriesColumns, held: Held, compared: Comparison, already: AlreadyHeld) -> Decision:
    """Part the changes of an answer into those to apply and those to hold back.

    What is held back already stays so. Of the rest is held back: a close that moves by more than 20 % where no
    split explains it; all changed bars where they are 1,000 or more; and the changed and withdrawn actions where
    they are more than 5, or where the answer has none left.
    """
    held_back = [already.bars.get(key) for key in compared.changed.keys]
    changed = compared.changed.where(np.array([found is None for found in held_back], np.bool_))
    held_back += [already.actions.get(change.key) for change in compared.actions]
    actions = tuple(change for change in compared.actions if change.key not in already.actions)
    wrong_bars, bar_reasons = _suspicious_bars(changed, _splits(told, held))
    wrong_actions, action_reasons = _suspicious_actions(told, held, actions)
    reasons = bar_reasons | action_reasons
    suspicion = Suspicion(
        kind=MANY_CHANGES if MANY_CHANGES in reasons else LARGE_CHANGE,
        detail=" ".join(reasons.values()),
        bars=changed.where(wrong_bars),
        actions=wrong_actions,
    )
    ids = [found for found in held_back if found is not None]
    return Decision(
        changed=changed.where(~wrong_bars),
        actions=tuple(change for change in actions if change not in wrong_actions),
        suspicion=suspicion if suspicion.row_count else None,
        quarantine_id=ids[0] if ids else None,
        already_held_count=len(ids),
    )


def _suspicious_bars(changed: BarChanges, splits: list[Action]) -> tuple[NDArray[np.bool_], dict[str, str]]:
    """Return which of the changes are suspicious, and why."""
    if len(changed) >= MANY_BARS:
        return np.ones(len(changed), np.bool_), {
            MANY_CHANGES: f"{len(changed)} known bars came back different at once."
        }
    ratios = changed.told["close"] / changed.held["close"]
    moved = np.abs(changed.told["close"] - changed.held["close"])
    is_large = moved > changed.held["close"] // LARGE_CHANGE_PART
    for row in np.flatnonzero(is_large):
        session, ratio = changed.told["session"][row].item(), float(ratios[row])
        near = [float(split.value) for split in splits if abs(split.ex_date - session) <= SPLIT_REACH]
        is_large[row] = not any(
            abs(ratio * factor - 1) <= 1 / LARGE_CHANGE_PART
            for value in near
            for factor in (value, 1 / value)
        )
    count = int(np.count_nonzero(is_large))
    if not count:
        return is_large, {}
    worst = int(np.argmax(np.where(is_large, np.abs(np.log(ratios)), 0)))
    return is_large, {
        LARGE_CHANGE: f"The close of {count} known session(s) moved by more than {1 / LARGE_CHANGE_PART:.0%} and no"
        f" split explains it, that of {changed.told['session'][worst]} by {ratios[worst] - 1:+.1%}."
    }


def _suspicious_actions(
    told: SeriesColumns, held: Held, actions: tuple[ActionChange, ...]
) -> tuple[tuple[ActionChange, ...], dict[str, str]]:
    """Return which of the changes are suspicious, and why.

    New actions up to the last stored session go with the suspicious ones: a vendor that moves all ex-dates by a day
    would else have each dividend counted twice. Later ones are news, as new sessions are.
    """
    touched = [change for change in actions if change.held is not None]
    empty = {kind for kind, said in told.told_actions.items() if not said}
    emptied = [change for change in touched if change.kind in empty]
    if len(touched) > MOST_ACTIONS:
        kinds = {change.kind for change in touched}
        why = f"{len(touched)} known splits and dividends came back different or not at all."
    elif emptied:
        kinds = empty
        why = f"The answer has none of {len(emptied)} known {' and '.join(sorted(empty))} action(s) left."
    else:
        return (), {}
    last = held.totals.last_session if held.totals else None
    return tuple(
        change
        for change in actions
        if change.kind in kinds and (change.held is not None or (last is not None and change.ex_date <= last))
    ), {MANY_CHANGES: why}


def _splits(told: SeriesColumns, held: Held) -> list[Action]:
    known = [item.action for item in held.actions if item.action.kind == "split"]
    return [*(told.splits or ()), *known]
