"""Walk-forward: choose parameters on past sessions, trade them on the next ones, again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from services.analytics.kernel.arrays import FloatArray
from services.analytics.kernel.decisions import BUY, SELL, SHORT, Decisions
from services.analytics.kernel.engine import SWEEP_METRICS, buy_and_hold
from services.analytics.kernel.market import MarketData
from services.analytics.kernel.metrics.curve import MINIMUM_SESSIONS
from services.analytics.kernel.simulation import Simulation
from services.analytics.kernel.strategies.base import Parameters, Strategy
from services.analytics.kernel.sweep.cells import Conditions, decisions_in, part_of, run_windows, simulated
from shared.errors import InsufficientHistory, ValidationFailed

MINIMUM_FOLDS: Final = 4
MAXIMUM_FOLDS: Final = 50
MAXIMUM_RATIO: Final = 20
_CAGR: Final = SWEEP_METRICS.index("cagr")


class Anchoring(StrEnum):
    """Where the sessions to choose by begin."""

    ANCHORED = "anchored"  # with the first of all: they grow
    ROLLING = "rolling"  # later with each fold: they are equally many


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Sessions to choose by, and those right after them to be judged by; both with their ends."""

    in_sample: slice
    out_of_sample: slice


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenFold[P: Parameters]:
    """What one fold chose: the row of the best cell, and its SWEEP_METRICS (6,) on the sessions of the choice."""

    fold: Fold
    row: int
    parameters: P
    in_sample: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WalkForward[P: Parameters]:
    """A strategy that re-chose its parameters: one account over all out-of-sample sessions.

    out_of_sample         its opening is the close before the first of them, with the capital
    benchmark             buy and hold over the same sessions, from the same capital and with the same costs
    in_sample_return      mean annual return of the chosen cells where they were chosen
    out_of_sample_return  annual return of the account
    efficiency            the second over the first; None where that is not above 0 or one is undefined, for
                          the reason given
    """

    folds: tuple[ChosenFold[P], ...]
    out_of_sample: Simulation
    benchmark: Simulation
    in_sample_return: float | None
    out_of_sample_return: float
    efficiency: float | None
    no_efficiency_reason: str | None


def folds_of(
    market: MarketData, *, count: int, anchoring: Anchoring, in_sample_ratio: int, warm_up_sessions: int
) -> tuple[Fold, ...]:
    """Cut the sessions into folds whose out-of-sample parts are equally long and follow each other to the end.

    `in_sample_ratio` is how many times longer the first choice is than what it is judged by; what does not
    divide falls to the first choice of an anchored walk, and before that of a rolling one. Raises
    ValidationFailed for too few or too many folds, and InsufficientHistory where the sessions to choose by
    are fewer than twice the warm-up of any cell, or those to be judged by are too few for an annual return.
    """
    if not MINIMUM_FOLDS <= count <= MAXIMUM_FOLDS:
        raise ValidationFailed(
            f"{count} folds: permitted are {MINIMUM_FOLDS} to {MAXIMUM_FOLDS}.", field="folds"
        )
    if not 1 <= in_sample_ratio <= MAXIMUM_RATIO:
        raise ValidationFailed(
            f"in_sample_ratio is {in_sample_ratio}: permitted are 1 to {MAXIMUM_RATIO}.",
            field="in_sample_ratio",
        )
    judged = len(market) // (in_sample_ratio + count)
    needed = max(MINIMUM_SESSIONS, -(-2 * warm_up_sessions // in_sample_ratio))
    if judged < needed:
        raise InsufficientHistory(
            symbol=market.symbol,
            needed_sessions=needed * (in_sample_ratio + count),
            present_sessions=len(market),
        )
    begins = [len(market) - judged * left for left in range(count, 0, -1)]
    chosen = in_sample_ratio * judged
    return tuple(
        Fold(
            in_sample=slice(0 if anchoring == Anchoring.ANCHORED else begin - chosen, begin),
            out_of_sample=slice(begin, begin + judged),
        )
        for begin in begins
    )


def walk_forward[P: Parameters](
    market: MarketData,
    strategy: Strategy[P],
    cells: Sequence[P],
    conditions: Conditions,
    folds: Sequence[Fold],
    *,
    objective: str = "sharpe",
) -> WalkForward[P]:
    """Choose in each fold the cell whose objective is highest, the first of those that tie, and trade it next.

    An undefined objective is never the highest; where it is so in all cells, the first is chosen.
    """
    measured = run_windows(market, strategy, cells, conditions, [fold.in_sample for fold in folds])
    chosen = [
        ChosenFold(fold=fold, row=row, parameters=cells[row], in_sample=figures[row])
        for fold, row, figures in zip(folds, best_rows(measured, objective), measured, strict=True)
    ]
    return walked(market, strategy, chosen, conditions)


def best_rows(measured: FloatArray, objective: str) -> list[int]:
    """Return the row of the best cell in each window, by the figures (w, k, 6) of k >= 1 cells."""
    objectives = np.nan_to_num(measured[:, :, SWEEP_METRICS.index(objective)], nan=-np.inf)
    found: list[int] = objectives.argmax(axis=1).tolist()
    return found


def walked[P: Parameters](
    market: MarketData, strategy: Strategy[P], chosen: Sequence[ChosenFold[P]], conditions: Conditions
) -> WalkForward[P]:
    """Trade what the folds chose, one after the other, with one account.

    At the last close before its turn the chosen cell takes the account over: it enters, keeps or leaves as if
    it had traded on the sessions of its choice. Decisions are made on all sessions before them.
    """
    first, stop = chosen[0].fold.out_of_sample.start, chosen[-1].fold.out_of_sample.stop
    handed = slice(first - 1, stop)
    decisions = _stitched(market, strategy, chosen, conditions, handed)
    account = simulated(part_of(market, handed), decisions, conditions).after_first_session()
    benchmark = buy_and_hold(
        part_of(market, slice(first, stop)),
        initial_capital=conditions.initial_capital,
        costs=conditions.costs,
        whole_shares=conditions.execution.whole_shares,
    )
    return _judged(tuple(chosen), account, benchmark, conditions)


def _stitched[P: Parameters](
    market: MarketData,
    strategy: Strategy[P],
    chosen: Sequence[ChosenFold[P]],
    conditions: Conditions,
    traded: slice,
) -> Decisions:
    """Return the decisions of each chosen cell from the close before its turn to the last but one of its turn."""
    parts = []
    for turn in chosen:
        decisions = strategy.decide(market.series, turn.parameters)
        first, stop = turn.fold.out_of_sample.start - 1, turn.fold.out_of_sample.stop - 1
        if stop == traded.stop - 1:
            stop += 1  # nobody takes over at the last close
        part = decisions_in(decisions, slice(first, stop))
        signal = part.signal.copy()
        signal[0] = signal[0] or _held(market, decisions, turn.fold.in_sample, conditions)
        parts.append({**_levels(part), "signal": signal})
    names = {name for part in parts for name in part}
    return Decisions(**{name: np.concatenate([_column(part, name) for part in parts]) for name in names})


def _held(market: MarketData, decisions: Decisions, window: slice, conditions: Conditions) -> int:
    """Return the signal that gives an account what the cell holds at the end of a window."""
    shares = simulated(part_of(market, window), decisions_in(decisions, window), conditions).shares[-1]
    return BUY if shares > 0 else SHORT if shares < 0 else SELL


def _levels(decisions: Decisions) -> dict[str, Any]:
    levels = ("limit", "stop", "stop_loss", "take_profit", "trailing")
    return {name: column for name in levels if (column := getattr(decisions, name)) is not None}


def _column(part: dict[str, Any], name: str) -> Any:
    return part[name] if name in part else np.full(len(part["signal"]), np.nan)


def _judged[P: Parameters](
    chosen: tuple[ChosenFold[P], ...], account: Simulation, benchmark: Simulation, conditions: Conditions
) -> WalkForward[P]:
    sessions = len(account.equity) - 1
    growth = account.final_equity / conditions.initial_capital
    outside = -1.0 if growth <= 0.0 else growth ** (conditions.year.periods / sessions) - 1.0
    inside = float(np.mean([turn.in_sample[_CAGR] for turn in chosen]))
    reason = None
    if np.isnan(inside):
        reason = "a chosen cell has no annual return in sample"
    elif inside <= 0.0:
        reason = "the chosen cells earned nothing in sample"
    return WalkForward(
        folds=chosen,
        out_of_sample=account,
        benchmark=benchmark,
        in_sample_return=None if np.isnan(inside) else inside,
        out_of_sample_return=outside,
        efficiency=None if reason else outside / inside,
        no_efficiency_reason=reason,
    )
