"""What a provider's answer would change of what is known of an instrument: compared in memory, before any row is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.ingest.market.columns import NO_BARS, PRICES, Action, Bars, SeriesColumns, price_of, text_of
from shared.errors import BellwetherError

# Note [Whose row it is]
# A stored row belongs to the provider that told it, and only that provider corrects it. Rows that another one
# tells of a session that is held are compared on their close and dropped: two vendors count volume differently,
# so that a row is taken whole or not at all.

TOLERANCE_BPS = 5
NAMED_DISAGREEMENTS = 20
SAME_ACTION_REACH = timedelta(days=7)
LEAST_COMPARED = 5
MOST_DISAGREEING_RATIO = 0.2
BPS = 10_000

# What makes a change the same one when it comes again: the row it would replace, and what is told.
type BarKey = tuple[Any, ...]  # version held, session, open, high, low, close, volume
type ActionKey = tuple[str, date, int | None, Decimal | None]  # kind, ex-date, version held, value told


class SourcesDisagree(BellwetherError):
    """Raised when an answer contradicts most closes that another provider told; nothing of it is stored."""

    status, slug, title = 409, "sources-disagree", "The source contradicts what is stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What is known of an instrument as a whole."""

    version: int
    first_session: date
    last_session: date
    bar_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAction:
    """A split or dividend that is known, since which version, and whether the teller of the answer told it."""

    action: Action
    version: int
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """What is known in the range of an answer; `versions` and `is_own` say of each bar what `HeldAction` says."""

    totals: Totals | None = None
    bars: Bars = field(default_factory=NO_BARS.copy)
    versions: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    is_own: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    actions: tuple[HeldAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChange:
    """A split or dividend that is new (`held` is None), told otherwise, or withdrawn (`told` is None)."""

    kind: str
    ex_date: date
    held: HeldAction | None
    told: Decimal | None

    @property
    def key(self) -> ActionKey:
        """Return what makes this change the same one when it comes again."""
        return self.kind, self.ex_date, self.held.version if self.held else None, self.told


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """One price (`name`: open, high, low or close) of a known session as it is held and as it is told, in USD."""

    session: date
    name: str
    held: Decimal
    told: Decimal

    @property
    def change_ratio(self) -> float:
        """Return by which part of itself the price changes."""
        return float(self.told / self.held - 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BarChanges:
    """Bars that come back different: as they are `told`, as they are `held`, and since which `versions`."""

    told: Bars
    held: Bars
    versions: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.told)

    def where(self, chosen: NDArray[np.bool_]) -> "BarChanges":
        """Return those of the changes that are chosen."""
        return BarChanges(told=self.told[chosen], held=self.held[chosen], versions=self.versions[chosen])

    @property
    def largest_change(self) -> PriceChange | None:
        """Return the change of a price that moves it most, None when no price changes."""
        if not len(self):
            return None
        moves = np.abs(np.log([self.told[name] / self.held[name] for name in PRICES]))
        name, row = np.unravel_index(np.argmax(moves), moves.shape)
        held, told = (price_of(bars[PRICES[name]][row]) for bars in (self.held, self.told))
        found = PriceChange(session=self.told["session"][row].item(), name=PRICES[name], held=held, told=told)
        return found if held != told else None

    @property
    def keys(self) -> list[BarKey]:
        """Return of each what makes this change the same one when it comes again."""
        pairs = zip(self.versions.tolist(), self.told.tolist(), strict=True)
        return [(version, *row) for version, row in pairs]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """An answer beside what is known: new bars, changes, and what another provider told and therefore stays.

    `compared_sessions` are those that both have; `contradicted_count` of their closes differ by more than 5 bp from
    an answer that replaces them, whoever told them. `disagreements` are the worst 20, each with `session`, `kind`
    (close, split or dividend), `held` (0 for an action that is not stored), `told` and `difference_bps`, all as text.
    """

    added: Bars
    changed: BarChanges
    actions: tuple[ActionChange, ...]
    compared_sessions: NDArray[np.datetime64]
    kept_count: int
    disagreeing_count: int
    disagreements: tuple[dict[str, str], ...]
    contradicted_count: int = 0

    @property
    def contradiction(self) -> str | None:
        """Return why an answer that replaces is hardly of this symbol or in its units, None when nothing shows it."""
        count, total = self.contradicted_count, len(self.compared_sessions)
        is_judged = total >= LEAST_COMPARED or count == total
        if not is_judged or count <= MOST_DISAGREEING_RATIO * total:
            return None
        return (
            f"{count} of {total} stored closes differ by more than {TOLERANCE_BPS} bp from those that would replace"
            " them: they may be of another symbol or in other units."
        )


def compare(told: SeriesColumns, held: Held, *, replaces: bool = False) -> Comparison:
    """Return what an answer would change; with `replaces` it takes over what others told, equal or not.

    Raises SourcesDisagree when more than a fifth of at least 5 compared closes differ by more than 5 bp, or all of
    fewer where bars would be added to them.
    """
    sessions, at, held_at = np.intersect1d(
        told.bars["session"], held.bars["session"], assume_unique=True, return_indices=True
    )
    is_new = np.ones(len(told.bars), np.bool_)
    is_new[at] = False
    theirs, ours, is_own = told.bars[at], held.bars[held_at], held.is_own[held_at]
    is_changed = (theirs != ours) & is_own | ~is_own if replaces else (theirs != ours) & is_own
    kept_count = 0 if replaces else int(np.count_nonzero(~is_own))
    actions, differing = _compare_actions(told, held, replaces=replaces)
    closes = [] if replaces else _differing_closes(theirs[~is_own], ours[~is_own])
    is_judged = kept_count >= LEAST_COMPARED or (len(closes) == kept_count and np.any(is_new))
    if is_judged and len(closes) > MOST_DISAGREEING_RATIO * kept_count:
        raise _disagreement(told, closes, compared_count=kept_count)
    changed = BarChanges(told=theirs, held=ours, versions=held.versions[held_at])
    return Comparison(
        added=told.bars[is_new],
        changed=changed.where(is_changed),
        actions=actions,
        compared_sessions=sessions,
        kept_count=kept_count,
        disagreeing_count=len(closes) + len(differing),
        disagreements=_worst([*closes, *differing]),
        contradicted_count=int(np.count_nonzero(_is_beyond(theirs, ours))) if replaces else 0,
    )


def _compare_actions(
    told: SeriesColumns, held: Held, *, replaces: bool
) -> tuple[tuple[ActionChange, ...], list[dict[str, str]]]:
    """Return what actions would change, and where another provider's stay though they differ."""
    changes, differing = [], []
    for kind, actions in told.told_actions.items():
        known = {item.action.ex_date: item for item in held.actions if item.action.kind == kind}
        for action in actions:
            mine = known.pop(action.ex_date, None)
            if mine is None and not replaces and _is_of_another(action, held):
                differing.append(_differing(action.ex_date, kind, Decimal(0), action.value))
                continue
            is_equal = mine is not None and mine.action.value == action.value
            if mine is None or replaces or mine.is_own:
                if not (is_equal and mine and mine.is_own):
                    changes.append(
                        ActionChange(kind=kind, ex_date=action.ex_date, held=mine, told=action.value)
                    )
            elif abs(_difference_bps(mine.action.value, action.value)) > TOLERANCE_BPS:
                differing.append(_differing(action.ex_date, kind, mine.action.value, action.value))
        first, last = _range_told(told, actions)
        changes += [
            ActionChange(kind=kind, ex_date=ex_date, held=item, told=None)
            for ex_date, item in known.items()
            if first <= ex_date <= last and (item.is_own or replaces)
        ]
    return tuple(changes), differing


def _is_of_another(action: Action, held: Held) -> bool:
    """Return whether another provider speaks for the day of an action that it does not name.

    It does within 7 days of an action of the kind that it told, and where the bars are its own: the same dividend,
    booked a day later, would else count twice.
    """
    theirs = [
        item.action.ex_date for item in held.actions if item.action.kind == action.kind and not item.is_own
    ]
    if not theirs:
        return False
    if any(abs(action.ex_date - ex_date) <= SAME_ACTION_REACH for ex_date in theirs):
        return True
    if action.ex_date in held.bars["session"][held.is_own].tolist():
        return False
    bars = held.bars["session"][~held.is_own].tolist()
    first, last = min([*bars[:1], *theirs]), max(bars[-1:] or theirs)
    return bool(first <= action.ex_date <= last)


def _range_told(told: SeriesColumns, actions: Sequence[Action]) -> tuple[date, date]:
    """Return the first and last day on which the answer would name an action: that of its bars, if it has any."""
    days = told.bars["session"].tolist() or [action.ex_date for action in actions]
    return (min(days), max(days)) if days else (date.max, date.min)


def _is_beyond(told: Bars, held: Bars) -> NDArray[np.bool_]:
    # In whole numbers, so that exactly 5 bp are none too many.
    beyond: NDArray[np.bool_] = np.abs(told["close"] - held["close"]) > held["close"] * TOLERANCE_BPS // BPS
    return beyond


def _differing_closes(told: Bars, held: Bars) -> list[dict[str, str]]:
    is_beyond = _is_beyond(told, held)
    columns = (told["session"], held["close"], told["close"])
    return [
        _differing(session, "close", price_of(ours), price_of(theirs))
        for session, ours, theirs in zip(*(column[is_beyond].tolist() for column in columns), strict=True)
    ]


def _difference_bps(held: Decimal, told: Decimal) -> Decimal:
    return (told / held - 1) * BPS if held else Decimal(BPS)


def _differing(day: date, kind: str, held: Decimal, told: Decimal) -> dict[str, str]:
    return {
        "session": day.isoformat(),
        "kind": kind,
        "held": text_of(held),
        "told": text_of(told),
        "difference_bps": f"{_difference_bps(held, told):.1f}",
    }


def _worst(differing: Sequence[dict[str, str]]) -> tuple[dict[str, str], ...]:
    by_size = sorted(differing, key=lambda item: -abs(Decimal(item["difference_bps"])))
    return tuple(by_size[:NAMED_DISAGREEMENTS])


def _disagreement(
    told: SeriesColumns, closes: Sequence[dict[str, str]], *, compared_count: int
) -> SourcesDisagree:
    worst = _worst(closes)
    named = ", ".join(f"{item['session']} (stored {item['held']}, told {item['told']})" for item in worst[:3])
    return SourcesDisagree(
        f"{told.provider} contradicts what others told of {told.symbol}: {len(closes)} of {compared_count} closes"
        f" differ by more than {TOLERANCE_BPS} bp, the most on {named}. Its prices are probably in another basis;"
        " nothing of them was stored.",
        symbol=told.symbol,
        provider=told.provider,
        compared_count=compared_count,
        disagreeing_count=len(closes),
        disagreements=list(worst),
    )
