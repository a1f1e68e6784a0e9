"""What every answer of a provider is held to, whoever gave it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from services.ingest.providers.domain import DailySeries, RejectedRow
from services.ingest.providers.faults import BadProviderData
from services.ingest.providers.rows import DECIMALS_MOST
from services.ingest.sessions.domain import session_times

FINAL_AFTER = timedelta(minutes=30)  # vendors go on correcting a session for a while after the close
MOST_REJECTED_PERCENT = 5

_WHOLE = re.compile(r"[0-9]+\.0+")
_LONG_DECIMAL = re.compile(rf"[0-9]{{1,12}}\.[0-9]{{{DECIMALS_MOST + 1},30}}")
_FLOAT_NOISE_RATIO = Decimal("1e-14")  # float64 holds almost 16 digits, and sums of them a little less


def is_final(session: date, *, now: datetime) -> bool:
    """Tell whether a trading `session` was over for half an hour at `now`."""
    return session_times(session).close_at + FINAL_AFTER <= now


def at_most_rejected(rejected: Sequence[RejectedRow], *, row_count: int) -> tuple[RejectedRow, ...]:
    """Return the rejected rows of an answer's `row_count`.

    Raises:
        BadProviderData: they are more than 5 %: an answer this bad is not believed in its other rows either.
    """
    if len(rejected) * 100 > row_count * MOST_REJECTED_PERCENT:
        first = rejected[0]
        raise BadProviderData(
            f"{len(rejected)} of {row_count} rows cannot be true; the first is row {first.line}: {first.reason}."
        )
    return tuple(rejected)


def without_float_noise(text: str) -> str:
    """Return the number that a long text means: 478.919 by 478.91900000000004. Others stay as they are."""
    if not _LONG_DECIMAL.fullmatch(text):
        return text
    stated = Decimal(text)
    meant = round(stated, DECIMALS_MOST)
    return format(meant.normalize(), "f") if abs(meant - stated) <= stated * _FLOAT_NOISE_RATIO else text


def whole_text(text: str) -> str:
    """Return a count without decimals that are zeros: 39480718 by 39480718.0. Others stay as they are."""
    return text.partition(".")[0] if _WHOLE.fullmatch(text) else text


def ratio_text(text: str) -> str:
    """Return a ratio cut after 6 decimals: 7.000007 by 7.00000700001, vendors' 7:1. Others stay as they are."""
    cut = _LONG_DECIMAL.fullmatch(text)
    return text[: text.index(".") + 1 + DECIMALS_MOST] if cut else text


def final_only(series: DailySeries, *, now: datetime) -> DailySeries:
    """Return `series` without a last session that was not over for half an hour at `now`, which is named instead."""
    if not series.bars or is_final(series.bars[-1].session, now=now):
        return series
    live = series.bars[-1].session
    return replace(between(series, last=live - timedelta(days=1)), provisional_session=live)


def between(series: DailySeries, *, first: date = date.min, last: date = date.max) -> DailySeries:
    """Return the bars and actions of `series` from `first` to `last`, both included."""
    splits, dividends = series.splits, series.dividends
    return replace(
        series,
        bars=tuple(bar for bar in series.bars if first <= bar.session <= last),
        splits=None if splits is None else tuple(item for item in splits if first <= item.ex_date <= last),
        dividends=None if dividends is None else tuple(d for d in dividends if first <= d.ex_date <= last),
    )
