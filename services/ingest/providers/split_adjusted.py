"""Rebuild prices as traded from prices that were divided by all later splits.

A printed price is a traded one divided and rounded, so multiplying brings the rounding back enlarged. What was
traded is found again by rounding to the decimals that this error leaves certain. Where not even the cents are
certain the row is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import prod

from services.ingest.providers.checking import Checked
from services.ingest.providers.domain import Bar, DailySeries, DividendAction, RejectedRow, SplitAction
from services.ingest.providers.precision import Precision
from services.ingest.providers.rows import PRICES, BadRow, price_of, volume_of
from shared.pricing.adjustment import snap_split_ratio

CENT_DECIMALS, STORED_DECIMALS = 2, 6


def rebuilt(
    series: DailySeries, found: Checked, splits: Sequence[SplitAction], precision: Precision
) -> DailySeries:
    """Return the series of checked rows as traded; rows of which that is not certain are rejected too.

    `splits` are all since the first row, those after the last one too.
    """
    bars: list[Bar] = []
    dividends: list[DividendAction] = []
    uncertain: list[RejectedRow] = []
    for bar in series.bars:
        try:
            bars.append(bar_as_traded(bar, later_ratio(bar.session, splits), precision))
        except BadRow as error:
            uncertain.append(found.sources[bar.session].rejected(error))
    for dividend in series.dividends or ():
        try:
            paid = cash_as_paid(dividend.amount, later_ratio(dividend.ex_date, splits), precision)
            dividends.append(DividendAction(ex_date=dividend.ex_date, amount=paid))
        except BadRow as error:
            uncertain.append(found.sources[dividend.ex_date].rejected(error))
    within = (s for s in splits if series.bars[0].session <= s.ex_date <= series.bars[-1].session)
    return replace(
        series,
        bars=tuple(bars),
        splits=tuple(within) if splits or series.splits is not None else None,
        dividends=None if series.dividends is None else tuple(dividends),
        rejected=(*series.rejected, *uncertain),
        notes=(*series.notes, *_notes(splits)),
    )


def later_ratio(session: date, splits: Iterable[SplitAction]) -> Fraction:
    """Return what one share of `session` became by `splits` after it: 28 after 7:1 and 4:1, 1 without any."""
    return prod((exact_ratio(split) for split in splits if split.ex_date > session), start=Fraction(1))


def exact_ratio(split: SplitAction) -> Fraction:
    """Return the ratio that is meant: 1/3 by 0.333333; one that matches no share ratio counts as stated."""
    return snap_split_ratio(float(split.ratio)) or Fraction(split.ratio)


def bar_as_traded(bar: Bar, ratio: Fraction, precision: Precision) -> Bar:
    """Return `bar` as it traded before splits of `ratio` in all: prices times it, volume divided by it.

    Raises:
        BadRow: the source prints too few digits for the cents to be certain, or what comes out cannot be true.
    """
    # One number of decimals for the row: rounded apart, a low could come to lie above an open.
    decimals = _certain_decimals(bar.high, ratio, precision)
    traded = {name: _rounded(Fraction(getattr(bar, name)) * ratio, decimals) for name in PRICES}
    texts = {name: format(price, "f") for name, price in traded.items()}
    prices = {name: price_of(texts, name) for name in PRICES}  # it may be too large now, or zero
    return Bar(session=bar.session, **prices, volume=volume_of(str(round(bar.volume / ratio))))


def cash_as_paid(amount: Decimal, ratio: Fraction, precision: Precision) -> Decimal:
    """Return a dividend as it was paid per share before splits of `ratio` in all. Raises BadRow."""
    decimals = _certain_decimals(amount, ratio, precision)
    return _rounded(Fraction(amount) * ratio, decimals)


def _certain_decimals(printed: Decimal, ratio: Fraction, precision: Precision) -> int:
    error = precision.error(printed, ratio)
    for decimals in range(STORED_DECIMALS, CENT_DECIMALS - 1, -1):
        if error * 2 * 10**decimals < 1:
            return decimals
    raise BadRow(f"{printed} times {ratio} is not certain to the cent")


def _rounded(value: Fraction, decimals: int) -> Decimal:
    return Decimal(round(value * 10**decimals)).scaleb(-decimals)


def _notes(splits: Sequence[SplitAction]) -> tuple[str, ...]:
    if not splits:
        return ()
    named = ", ".join(f"{split.ex_date} {split.ratio:f}:1" for split in splits)
    return (f"prices were divided by later splits and are rebuilt as traded with {named}",)
