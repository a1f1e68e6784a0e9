"""By which splits the prices of a file were divided: what the file shows, and what its importer says besides."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.ingest.providers.domain import DailySeries, SplitAction, SplitsUnclear

FRESH = timedelta(days=7)


def all_splits(
    series: DailySeries, told: Sequence[SplitAction] | None, *, now: datetime
) -> tuple[SplitAction, ...]:
    """Return the splits since the first bar, ascending. Raises SplitsUnclear."""
    first, last = series.bars[0].session, series.bars[-1].session
    # A file that names its splits cannot name one after its last row, by which prices were divided all the same.
    if told is None and (series.splits is None or last < now.date() - FRESH):
        since = first if series.splits is None else last
        raise SplitsUnclear(
            "Prices of this form were divided by all splits until the file was made, and it does not show those"
            f" after {since}: name each (--split 2020-08-31=4), or say that there was none (--as-traded)."
        )
    known = {split.ex_date: split for split in series.splits or ()}
    for split in told or ():
        if known.setdefault(split.ex_date, split).ratio != split.ratio:
            raise SplitsUnclear(f"There are two different splits on {split.ex_date}.")
    return tuple(known[day] for day in sorted(known))
