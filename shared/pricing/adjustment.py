"""Derive the three price bases from raw bars, splits and dividends; nothing adjusted is ever stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from math import prod

import numpy as np

from shared.pricing.history import Floats, PriceHistory, Sessions

LARGEST_SPLIT_DENOMINATOR = 20
SPLIT_TOLERANCE_RATIO = 1e-4


class Basis(StrEnum):
    """In which terms a price is read."""

    RAW = "raw"
    SPLIT = "split"
    TOTAL_RETURN = "total_return"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdjustedBars:
    """The bars of one history in one basis; every array is (n,) and freshly allocated, never NaN.

    `split_ratio` multiplies, before the open, the shares held from the day before (1.0 except on `raw`, where
    prices jump instead). `dividend` is the cash that each of those shares, so multiplied, is credited on the
    session, in the share terms of this basis (zeros in `total_return`, whose prices contain it).
    `signal_close` is what indicators read: the split-adjusted close, in `total_return` the close itself.
    """

    symbol: str
    version: int
    basis: Basis
    sessions: Sessions
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    dividend: Floats
    split_ratio: Floats
    signal_close: Floats


def adjust(history: PriceHistory, basis: Basis) -> AdjustedBars:
    """Return `history` in `basis`, in the terms of its last session, whose prices are as traded in all three.

    Walking back in time, prices before each ex-date are multiplied by C / (C + D), where C is the raw close
    ON the ex-date and D the cash per share (`total_return` only), and before each split divided by its ratio
    as stated. Volume before a split is multiplied by the snapped ratio. An action whose ex-date has no bar
    applies at the next session; one before the first or after the last session has no effect. Float64
    throughout; the result depends on nothing but the values given, not on the order of the actions.

    Source: the rule that reproduces the adjusted closes of Alpha Vantage (to 5e-12) and WIKI (to 5e-10, their
    printed digits). The textbook factor 1 - D / C_previous, which Yahoo uses, differs by up to 2e-3.
    """
    price_ratio, share_ratio = _split_ratios(history)
    cash = _cash_per_share(history)
    split_divisor = _product_of_later(price_ratio)
    ones = np.ones_like(split_divisor)
    if basis is Basis.RAW:
        divisor, volume_factor = ones, ones
    elif basis is Basis.SPLIT:
        divisor, volume_factor = split_divisor, _product_of_later(share_ratio)
    else:
        divisor = split_divisor * _product_of_later((history.close + cash) / history.close)
        volume_factor = _product_of_later(share_ratio)
    in_prices = basis is Basis.TOTAL_RETURN
    return AdjustedBars(
        symbol=history.symbol,
        version=history.version,
        basis=basis,
        sessions=history.sessions.copy(),
        open=history.open / divisor,
        high=history.high / divisor,
        low=history.low / divisor,
        close=history.close / divisor,
        volume=history.volume * volume_factor,
        dividend=np.zeros_like(cash) if in_prices else cash / divisor,
        split_ratio=share_ratio if basis is Basis.RAW else ones,
        signal_close=history.close / (divisor if in_prices else split_divisor),
    )


def snap_split_ratio(ratio: float) -> Fraction | None:
    """Return the exact share ratio meant by a vendor's `ratio`, or None when it is no change of share count.

    Vendors print 7.000007 for 7:1. The nearest p/q with q <= 20 counts when within 1e-4 of it, relative; for
    reverse splits the reciprocal is snapped, so that 1:25 is found. What matches none, such as the 1.046 of
    a spin-off booked as a split, adjusts prices only.
    """
    exact = Fraction(ratio)
    nearest = max(exact, 1 / exact).limit_denominator(LARGEST_SPLIT_DENOMINATOR)
    snapped = nearest if exact >= 1 else 1 / nearest
    return snapped if abs(snapped / exact - 1) <= SPLIT_TOLERANCE_RATIO else None


def _split_ratios(history: PriceHistory) -> tuple[Floats, Floats]:
    """Return per session the ratio that divides earlier prices and the one that multiplies share counts."""
    price_ratio = np.ones(len(history.sessions))
    share_ratio = np.ones(len(history.sessions))
    for split in sorted(history.splits):
        position = _position(history.sessions, split.ex_date)
        if position is not None:
            price_ratio[position] *= split.ratio
            share_ratio[position] *= float(snap_split_ratio(split.ratio) or 1)
    return price_ratio, share_ratio


def _cash_per_share(history: PriceHistory) -> Floats:
    """Return the dividend of each session per share as held after that session's splits."""
    cash = np.zeros(len(history.sessions))
    for dividend in sorted(history.dividends):
        position = _position(history.sessions, dividend.ex_date)
        if position is not None:
            # A dividend moved past a split on to the next stored session was paid on the old, larger shares.
            between = (
                split.ratio
                for split in sorted(history.splits)
                if dividend.ex_date < split.ex_date and _position(history.sessions, split.ex_date) == position
            )
            cash[position] += dividend.amount / _share_count_factor(between)
    return cash


def _share_count_factor(ratios: Iterable[float]) -> float:
    return float(prod(snap_split_ratio(ratio) or Fraction(1) for ratio in ratios))


def _position(sessions: Sessions, ex_date: date) -> int | None:
    """Return the index of the first session on or after `ex_date`, None when it lies outside the sessions."""
    day = np.datetime64(ex_date, "D")
    if not len(sessions) or day < sessions[0] or day > sessions[-1]:
        return None
    return int(np.searchsorted(sessions, day))


def _product_of_later(ratios: Floats) -> Floats:
    """Return for each session the product of the ratios of all later ones; 1.0 at the last."""
    products = np.ones_like(ratios)
    products[:-1] = np.cumprod(ratios[:0:-1])[::-1]
    return products
