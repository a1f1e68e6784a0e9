"""Stamps: what a reader must know about the choice of symbols and the data, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from services.analytics.kernel.arrays import DateArray, FloatArray

# A price that does not move for so many sessions in a row was hardly traded, or not recorded.
STALE_SESSIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """One statement; `is_warning` tells a weakness from an all-clear."""

    name: str
    is_warning: bool
    text: str


def selection_bias(
    symbols: Sequence[str], *, first_session: date, chosen_at_date: date | None, listed_dates: Sequence[date]
) -> Stamp:
    """Say whether the symbols were chosen before the test begins.

    chosen_at_date   when the list of symbols was made, as dated lists of an index or watchlist tell; None if
                     they were simply named, which is with all that is known today
    listed_dates     first known session of each symbol
    """
    many = len(symbols) > 1
    what = f"The {len(symbols)} symbols were" if many else f"{symbols[0]} was"
    if chosen_at_date is not None and chosen_at_date <= first_session:
        text = f"{what} chosen on {chosen_at_date}, before the test begins on {first_session}."
        return Stamp(name="selection_bias", is_warning=False, text=text)
    when = "with what is known today" if chosen_at_date is None else f"on {chosen_at_date}"
    text = f"{what} chosen {when}, after the test begins on {first_session}: what has done well since is likelier to be tested, so the result is flattered."
    late = [s for s, listed in zip(symbols, listed_dates, strict=True) if listed > first_session]
    if late:
        text += f" Listed only after the start: {', '.join(late)}."
    return Stamp(name="selection_bias", is_warning=True, text=text)


def data_gap(sessions: DateArray, *, expected: DateArray, close: FloatArray, volume: FloatArray) -> Stamp:
    """Say what the bars lack.

    sessions, close, volume (n,): the bars; expected: the sessions of the exchange, from any to any day.
    """
    inside = expected[(expected >= sessions[0]) & (expected <= sessions[-1])]
    missing = np.setdiff1d(inside, sessions)
    found = []
    if len(missing):
        found.append(
            f"{len(missing)} of {len(inside)} exchange sessions have no bar, the first on {missing[0]}"
        )
    untraded = int(np.count_nonzero(volume <= 0))
    if untraded:
        found.append(f"{untraded} bars have no volume")
    stale = _longest_run(close)
    if stale >= STALE_SESSIONS:
        found.append(f"the close stands still for {stale} sessions in a row")
    text = "; ".join(found) if found else f"all {len(inside)} exchange sessions have a bar with volume"
    return Stamp(name="data_gap", is_warning=bool(found), text=text[0].upper() + text[1:] + ".")


def _longest_run(close: FloatArray) -> int:
    """Return the most sessions in a row with one and the same close."""
    starts = np.flatnonzero(np.concatenate(([True], close[1:] != close[:-1], [True])))
    return int(np.diff(starts).max())
