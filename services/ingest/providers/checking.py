"""Which rows of a file or an answer can be true: the checks of `rows`, and each session only once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from services.ingest.providers.answers import is_final
from services.ingest.providers.domain import (
    Bar,
    DailySeries,
    DividendAction,
    RejectedRow,
    SplitAction,
)
from services.ingest.providers.rows import BadRow, action_of, bar_of, session_of
from shared.symbols import printable

REQUIRED = ("date", "open", "high", "low", "close", "volume")
OPTIONAL = ("dividend", "split_ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as it came: its line, or its position where there are no lines, its text, and its texts by column."""

    line: int
    text: str
    fields: Mapping[str, str]

    def rejected(self, reason: object) -> RejectedRow:
        """Return the row as refused for `reason`."""
        return RejectedRow(line=self.line, reason=str(reason), text=printable(self.text))


@dataclass(slots=True, kw_only=True)
class Checked:
    """What rows say, by session: each session's row, its bar, and the actions stated beside it.

    The actions of a row count although its bar is bad: without a split all earlier prices would be read wrong.
    """

    sources: dict[date, Row] = field(default_factory=dict)
    bars: dict[date, Bar] = field(default_factory=dict)
    dividends: dict[date, Decimal] = field(default_factory=dict)
    splits: dict[date, Decimal] = field(default_factory=dict)
    rejected: list[RejectedRow] = field(default_factory=list)


def checked(
    rows: Iterable[Row], *, today: date, over_at: datetime | None = None, counted_in: str = "line"
) -> Checked:
    """Return what rows of plain texts say and which cannot be true.

    `today` is the last session accepted; with `over_at`, an instant of that day in New York, only if it was over
    for half an hour then.
    """
    found = Checked()
    for row in rows:
        try:
            session = session_of(row.fields["date"], today=today)
            if session in found.sources:
                raise BadRow(f"{session} is already on {counted_in} {found.sources[session].line}")
            if over_at and session == today and not is_final(session, now=over_at):
                raise BadRow(f"the session of {session} was not over for half an hour")
            found.sources[session] = row
            _add(found, row.fields, session, today=today)
        except BadRow as error:
            found.rejected.append(row.rejected(error))
    return found


def series_of(
    symbol: str, found: Checked, *, provider: str, attribution: str, says: Iterable[str]
) -> DailySeries:
    """Return the series of checked rows, ascending; `says` are the columns there are: `dividend`, `split_ratio`."""
    said = set(says)
    splits = (SplitAction(ex_date=day, ratio=ratio) for day, ratio in sorted(found.splits.items()))
    dividends = (DividendAction(ex_date=day, amount=cash) for day, cash in sorted(found.dividends.items()))
    return DailySeries(
        symbol=symbol,
        provider=provider,
        attribution=attribution,
        bars=tuple(found.bars[session] for session in sorted(found.bars)),
        splits=tuple(splits) if "split_ratio" in said else None,
        dividends=tuple(dividends) if "dividend" in said else None,
        rejected=tuple(found.rejected),
    )


def _add(found: Checked, fields: Mapping[str, str], session: date, *, today: date) -> None:
    """Add what a row says; zero cash and ratio one mean none, and so do empty texts."""
    if fields.get("dividend") and (cash := action_of(fields, "dividend")):
        found.dividends[session] = cash
    if fields.get("split_ratio") and (ratio := action_of(fields, "split_ratio")) != 1:
        found.splits[session] = _above_zero(ratio)
    found.bars[session] = bar_of(fields, today=today)


def _above_zero(ratio: Decimal) -> Decimal:
    if not ratio:
        raise BadRow("split_ratio must be above zero")
    return ratio
