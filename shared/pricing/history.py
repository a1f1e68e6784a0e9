"""What is known of one instrument at one version: bars as traded, splits and dividends beside them."""

import math
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Sessions = NDArray[np.datetime64]


LONGEST_BREAK_DAYS = 31  # the exchange has not been closed for longer since 1914


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Split:
    """A change of share count: `ratio` new shares for one old, in force from the open of `ex_date`.

    Vendors also book spin-offs so (a ratio such as 1.046); `snap_split_ratio` tells the two apart.

    Raises:
        ValueError: the ratio is not finite and above zero.
    """

    ex_date: date
    ratio: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.ratio) and self.ratio > 0):
            raise ValueError(f"split of {self.ex_date}: ratio {self.ratio} is not above zero")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Dividend:
    """Cash of `amount` per share as traded on `ex_date`, due to who held before that day's open.

    Raises:
        ValueError: the amount is not finite and above zero.
    """

    ex_date: date
    amount: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.amount) and self.amount > 0):
            raise ValueError(f"dividend of {self.ex_date}: amount {self.amount} is not above zero")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PriceHistory:
    """The bars of `symbol` as traded and its corporate actions, all as known at `version`.

    `sessions` is (n,) datetime64[D], strictly ascending; `open`, `high`, `low`, `close` are (n,) float64,
    finite and above zero; `volume` is (n,) int64, shares, never negative. No NaN: a session without a bar
    is absent. Equality is identity, because arrays have no single truth value.

    Raises:
        ValueError: an array breaks one of these rules; the message names it.
    """

    symbol: str
    version: int
    sessions: Sessions
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: NDArray[np.int64]
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.sessions),)
        if self.sessions.dtype != np.dtype("datetime64[D]") or self.sessions.shape != shape:
            raise ValueError("sessions must be a vector of datetime64[D]")
        if not np.all(self.sessions[1:] > self.sessions[:-1]):
            raise ValueError("sessions must ascend strictly")
        for name in ("open", "high", "low", "close"):
            prices = getattr(self, name)
            if prices.dtype != np.float64 or prices.shape != shape:
                raise ValueError(f"{name} must be float64 with one value per session")
            if not np.all(np.isfinite(prices) & (prices > 0)):
                raise ValueError(f"{name} must be finite and above zero")
        if self.volume.dtype != np.int64 or self.volume.shape != shape or np.any(self.volume < 0):
            raise ValueError("volume must be int64, never negative, with one value per session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """More than 31 days without a bar, between those of `last_before` and `first_after`.

    `count_before` are all bars up to the hole, those before an earlier one too.
    """

    last_before: date
    first_after: date
    count_before: int


def last_hole(history: PriceHistory) -> Hole | None:
    """Return the last time that more than 31 days lie between two bars, None when that never was.

    What lies on both sides of such a hole is no one series: a return across it was nobody's to earn in a day. A
    single missing session, or the longest closure of the exchange, is no hole.
    """
    holes = np.flatnonzero(np.diff(history.sessions) > np.timedelta64(LONGEST_BREAK_DAYS, "D"))
    if not len(holes):
        return None
    count = int(holes[-1]) + 1
    before, after = history.sessions[count - 1 : count + 1].tolist()
    return Hole(last_before=before, first_after=after, count_before=count)


def after_last_hole(history: PriceHistory) -> PriceHistory:
    """Return the bars since the `last_hole`, all of them when there is none."""
    hole = last_hole(history)
    if hole is None:
        return history
    columns = ("sessions", "open", "high", "low", "close", "volume")
    return replace(history, **{name: getattr(history, name)[hole.count_before :] for name in columns})
