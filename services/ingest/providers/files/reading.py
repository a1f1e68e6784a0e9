"""Read a price file of any known form and report what it holds, row by row; whether to take it is for others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise

from services.ingest.providers.checking import Checked, checked, series_of
from services.ingest.providers.domain import (
    DailySeries,
    ImportRejected,
    RejectedRow,
    SplitAction,
    SymbolUnclear,
)
from services.ingest.providers.files.forms import SYMBOL_COLUMNS, form_of
from services.ingest.providers.files.frames import plain_rows
from services.ingest.providers.files.splits import all_splits
from services.ingest.providers.files.table import ATTRIBUTION, PROVIDER, FileTable, read_table
from services.ingest.providers.split_adjusted import rebuilt
from services.ingest.sessions.domain import NEW_YORK, sessions_between
from shared.symbols import normalise_symbol

FEWEST_ROWS_TO_JUDGE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What a file holds: its `form`, its good rows as a series, and in that its bad ones in order.

    `row_count` counts both. `counted_in` is what the `line` of a rejected row counts: a line of the file, or a
    record of JSON. `missing_sessions` are those without a good row between the first and the last.
    """

    form: str
    row_count: int
    counted_in: str
    series: DailySeries
    missing_sessions: tuple[date, ...]

    def accepted(self, *, partial: bool) -> DailySeries:
        """Return the series to import; `partial` takes the good rows of a file that has bad ones too.

        Raises:
            ImportRejected: there are bad rows, or no good one.
        """
        rejected = self.series.rejected
        if not self.series.bars or (rejected and not partial):
            nothing = RejectedRow(line=1, reason="the file has no rows", text="")
            raise ImportRejected(rejected or (nothing,), counted_in=self.counted_in)
        return self.series


def read_file(
    data: bytes,
    *,
    symbol: str | None,
    now: datetime,
    form: str | None = None,
    splits: Sequence[SplitAction] | None = None,
) -> FileReport:
    """Return what is in `data`, CSV or JSON in any order, of the form that is named or else of the one it shows.

    A session that was not over for half an hour at `now` is a bad row. `splits` are those since the first row
    that the file does not show; they matter where prices were divided by them (None: nobody says).

    Raises:
        ImportRejected: the file cannot be read at all.
        UnknownForm, UnclearForm: no form of that name, none or several that fit.
        InvalidSymbol, SymbolUnclear: it is not clear whose prices these are.
        SplitsUnclear: prices were divided by splits and it is not clear which.
    """
    table = read_table(data)
    chosen = form_of(table, named=form)
    asked = _symbol(table, symbol)
    over_at = min(now, table.known_at or now)
    today = over_at.astimezone(NEW_YORK).date()
    rows, undated = plain_rows(table, chosen)
    found = checked(rows, today=today, over_at=over_at, counted_in=table.counted_in)
    found.rejected += [*table.rejected, *undated]
    found.rejected.sort(key=lambda row: row.line)
    _require_daily(found, table)
    says = {chosen.names[name] for name in table.columns if name in chosen.names}
    series = series_of(asked, found, provider=PROVIDER, attribution=ATTRIBUTION, says=says)
    if chosen.adjusted and series.bars:
        known = all_splits(series, splits, now=now)
        series = rebuilt(series, found, known, chosen.adjusted)
    rejected = tuple(sorted(series.rejected, key=lambda row: row.line))
    return FileReport(
        form=chosen.name,
        row_count=_row_count(table),
        counted_in=table.counted_in,
        series=replace(series, rejected=rejected),
        missing_sessions=_missing(series),
    )


def _symbol(table: FileTable, asked: str | None) -> str:
    """Return whose prices are in the file, as it says and as was asked, where either says nothing."""
    told = {table.symbol} if table.symbol else set()
    for name in SYMBOL_COLUMNS:
        told |= {row.fields[name].strip() for row in table.rows if name in row.fields}
    symbols = sorted({normalise_symbol(symbol) for symbol in told})
    if asked:
        symbols = sorted({*symbols, normalise_symbol(asked)})
    if not symbols:
        raise SymbolUnclear("The file does not say whose prices are in it: name the symbol (--symbol AAPL).")
    if len(symbols) > 1:
        raise SymbolUnclear(f"One symbol is imported at a time, and here are {', '.join(symbols[:5])}.")
    return symbols[0]


def _require_daily(found: Checked, table: FileTable) -> None:
    """Refuse rows a week or a month apart: dates and prices of such a file are true, and its bars are not days.

    Where the sessions of most rows cannot be told, nothing shows how far they are apart.
    """
    sessions = sorted(found.sources)
    is_judged = len(sessions) >= max(FEWEST_ROWS_TO_JUDGE, _row_count(table) / 2)
    if is_judged and all(_is_apart(before, after) for before, after in pairwise(sessions)):
        reason = "no two rows are of neighbouring sessions: these are no daily prices"
        raise ImportRejected(
            [RejectedRow(line=1, reason=reason, text=""), *found.rejected], counted_in=table.counted_in
        )


def _row_count(table: FileTable) -> int:
    return len(table.rows) + len(table.rejected)


def _is_apart(before: date, after: date) -> bool:
    return len(sessions_between(before, after)) > 2


def _missing(series: DailySeries) -> tuple[date, ...]:
    if not series.bars:
        return ()
    held = {bar.session for bar in series.bars}
    whole = sessions_between(series.bars[0].session, series.bars[-1].session)
    return tuple(session for session in whole if session not in held)
