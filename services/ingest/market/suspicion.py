"""Which changes of known prices are held back for an operator, because they look more like a fault than a correction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.ingest.market.basis import (
    LARGE_CHANGE_PART,
    Closes,
    Moved,
    is_explained,
    moved_splits,
    unseen_actions,
    why_rebased,
)
from services.ingest.market.columns import PRICE_UNIT, PRICES, Bars, SeriesColumns
from services.ingest.market.domain import (
    LEAST_COMPARED,
    MOST_DISAGREEING_RATIO,
    ActionChange,
    ActionKey,
    BarChanges,
    BarKey,
    Comparison,
    Held,
)

MANY_BARS = 1_000
MOST_ACTIONS = 5
LARGE_CHANGE, MANY_CHANGES = "large-change", "many-changes"

# Note [Held back once]
# A vendor repeats its answer every day. A change that waits for an operator, or was dismissed, is therefore known
# by the row it would replace and by what is told; it is neither applied nor held back again, but still counts.

type Reasons = dict[str, str]  # by kind


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyHeld:
    """The changes of an instrument that wait for an operator (`open`) or were dismissed, each with its quarantine."""

    bars: Mapping[BarKey, UUID] = field(default_factory=dict)
    actions: Mapping[ActionKey, UUID] = field(default_factory=dict)
    open: frozenset[UUID] = frozenset()

    def without(self, ids: frozenset[UUID]) -> "AlreadyHeld":
        """Return those that are not of the quarantines named."""
        return AlreadyHeld(
            bars={key: found for key, found in self.bars.items() if found not in ids},
            actions={key: found for key, found in self.actions.items() if found not in ids},
            open=self.open - ids,
        )


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
    """What to apply, what to hold back, and how many changes are held back already, the first as `quarantine_id`."""

    added: Bars
    changed: BarChanges
    actions: tuple[ActionChange, ...]
    suspicion: Suspicion | None = None
    quarantine_id: UUID | None = None
    already_held_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bars:
    """Which of the changed bars are held back, those that are already included, and what new ones may be added."""

    is_held: NDArray[np.bool_]
    added: Bars
    reasons: Reasons
    in_other_basis: bool


def taken_back(told: SeriesColumns, held: Held, already: AlreadyHeld) -> frozenset[UUID]:
    """Return the open quarantines of which an answer tells a row again as it is stored."""
    if not already.open:
        return frozenset()
    rows = dict(zip(held.bars["session"].tolist(), held.bars.tolist(), strict=True))
    versions = dict(zip(held.bars["session"].tolist(), held.versions.tolist(), strict=True))
    repeated = {(versions[row[0]], row[0]) for row in told.bars.tolist() if rows.get(row[0]) == row}
    said = {action for actions in told.told_actions.values() for action in actions}
    actions = {
        (item.action.kind, item.action.ex_date, item.version) for item in held.actions if item.action in said
    }
    found = {quarantine_id for key, quarantine_id in already.bars.items() if key[:2] in repeated}
    found |= {quarantine_id for key, quarantine_id in already.actions.items() if key[:3] in actions}
    return already.open & found


def weighs_on_known(change: ActionChange, held: Held, added: Bars) -> bool:
    """Return whether a change of an action moves adjusted prices that are known, once bars are `added` to them."""
    known = held.totals
    return known is not None and known.first_session < change.ex_date <= max(
        [known.last_session, *added["session"][-1:].tolist()]
    )


def decide(
    told: SeriesColumns, held: Held, compared: Comparison, already: AlreadyHeld, closes: Closes
) -> Decision:
    """Part what an answer brings into what to apply and what to hold back.

    What is held back already stays so. Of the rest is held back: a bar of which a price moves by more than 20 %
    where no split moved; all changed bars where they are 1,000 or more; these and all changes of known actions
    where the answer is in another basis; actions that move adjusted prices by more than 20 % and do not show in the
    bars; and the changed and withdrawn actions where they are more than 5, or where the answer has none left.
    `closes` are the stored ones, needed when an action `weighs_on_known` prices.
    """
    known_bars = [already.bars.get(key) for key in compared.changed.keys]
    is_known = np.array([found is not None for found in known_bars], np.bool_)
    known_actions = [already.actions.get(change.key) for change in compared.actions]
    actions = tuple(change for change in compared.actions if change.key not in already.actions)
    all_moved = moved = moved_splits(actions)
    for _ in ("as told", "without the moved splits that are held back"):
        bars = _suspicious_bars(held, compared, is_known, moved)
        after = dict(closes)
        for rows in (compared.changed.where(~bars.is_held).told, bars.added):
            after.update(zip(rows["session"].tolist(), (rows["close"] / PRICE_UNIT).tolist(), strict=True))
        wrong_actions, action_reasons = _suspicious_actions(
            told,
            held,
            compared,
            actions,
            moved=all_moved,
            closes=after,
            in_other_basis=bars.in_other_basis,
        )
        moved = [pair for pair in all_moved if not any(change in wrong_actions for change in pair)]
    suspicion = Suspicion(
        kind=MANY_CHANGES if MANY_CHANGES in bars.reasons | action_reasons else LARGE_CHANGE,
        detail=" ".join([*bars.reasons.values(), *action_reasons.values()]),
        bars=compared.changed.where(bars.is_held & ~is_known),
        actions=wrong_actions,
    )
    ids = [found for found in (*known_bars, *known_actions) if found is not None]
    return Decision(
        added=bars.added,
        changed=compared.changed.where(~bars.is_held),
        actions=tuple(change for change in actions if change not in wrong_actions),
        suspicion=suspicion if suspicion.row_count else None,
        quarantine_id=ids[0] if ids else None,
        already_held_count=len(ids),
    )


def _suspicious_bars(
    held: Held,
    compared: Comparison,
    is_known: NDArray[np.bool_],
    moved: Moved,
) -> _Bars:
    changed = compared.changed
    ratios = np.array([changed.told[name] / changed.held[name] for name in PRICES])
    # In whole numbers, so that exactly 20 % are none too many.
    beyond = [
        np.abs(changed.told[name] - changed.held[name]) > changed.held[name] // LARGE_CHANGE_PART
        for name in PRICES
    ]
    explained = is_explained(changed, ratios, moved)
    is_held = is_known | (np.any(beyond, axis=0) & ~explained)
    count = int(np.count_nonzero(is_held))
    own_count = len(compared.compared_sessions) - compared.kept_count
    is_enough = own_count >= LEAST_COMPARED or count == own_count
    differing_count = np.count_nonzero(changed.told != changed.held)  # others are only taken over
    is_many = differing_count >= MANY_BARS or compared.contradiction is not None
    is_mostly_held = is_enough and count > MOST_DISAGREEING_RATIO * own_count
    rebased = why_rebased(ratios, explained, own_count=own_count)
    worst = changed.where(is_held).largest_change
    reasons: Reasons = {}
    if is_many:
        many = f"{differing_count} known bars came back different at once."
        reasons[MANY_CHANGES] = compared.contradiction or many
    elif rebased:
        reasons[MANY_CHANGES] = rebased
    elif worst:
        reasons[LARGE_CHANGE] = (
            f"A price of {count} known session(s) moved by more than {1 / LARGE_CHANGE_PART:.0%} and no split was"
            f" moved there, the {worst.name} of {worst.session} by {worst.change_ratio:+.1%}."
        )
    if not (is_many or is_mostly_held or rebased):
        return _Bars(is_held=is_held, added=compared.added, reasons=reasons, in_other_basis=False)
    is_held = np.ones(len(changed), np.bool_)
    return _Bars(is_held=is_held, added=_later(held, compared), reasons=reasons, in_other_basis=True)


def _later(held: Held, compared: Comparison) -> Bars:
    """Return the sessions after the last stored one, if the last close that was compared came back the same."""
    changed, added = compared.changed, compared.added
    others = changed.told["session"][changed.told["close"] != changed.held["close"]]
    if held.totals is None or np.isin(compared.compared_sessions[-1:], others).any():
        return added[:0]
    return added[added["session"] > np.datetime64(held.totals.last_session)]


def _suspicious_actions(
    told: SeriesColumns,
    held: Held,
    compared: Comparison,
    actions: tuple[ActionChange, ...],
    *,
    moved: Moved,
    closes: Closes,
    in_other_basis: bool,
) -> tuple[tuple[ActionChange, ...], Reasons]:
    """Return which of the changes are suspicious, and why.

    New actions up to the last stored session go along: dividends that all move by a day would else count twice.
    """
    touched = [change for change in actions if change.held is not None]
    empty = {kind for kind, said in told.told_actions.items() if not said}
    emptied = [change for change in touched if change.kind in empty]
    kinds: set[str] = set()
    reasons: Reasons = {}
    if in_other_basis:
        kinds = set(told.told_actions)
    elif len(touched) > MOST_ACTIONS:
        kinds = {change.kind for change in touched}
        reasons[MANY_CHANGES] = (
            f"{len(touched)} known splits and dividends came back different or not at all."
        )
    elif emptied:
        kinds = empty
        names = " and ".join(sorted(empty))
        reasons[MANY_CHANGES] = f"The answer has none of {len(emptied)} known {names} action(s) left."
    weighty = [
        change
        for change in actions
        if change.kind not in kinds and weighs_on_known(change, held, compared.added)
    ]
    unseen = unseen_actions(weighty, closes)
    if unseen:
        unseen += [change for pair in moved if any(one in unseen for one in pair) for change in pair]
        first = min(unseen, key=lambda change: change.ex_date)
        reasons[LARGE_CHANGE] = f"The bars do not show the {first.kind} of {first.ex_date} as it is told."
    last = held.totals.last_session if held.totals else None
    return tuple(
        change
        for change in actions
        if change in unseen
        or (
            change.kind in kinds
            and (change.held is not None or (last is not None and change.ex_date <= last))
        )
    ), reasons
