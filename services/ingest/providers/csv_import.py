"""Read one symbol's daily prices from a CSV file nobody has checked: all rows are good or none is taken."""

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.ingest.providers.domain import (
    Bar,
    DailySeries,
    DividendAction,
    ImportRejected,
    RejectedRow,
    SplitAction,
)
from services.ingest.providers.rows import PRICES, BadRow, bar_of, decimal_of, price_of
from shared.symbols import normalise_symbol, printable

PROVIDER = "csv"
ATTRIBUTION = "imported file; its terms are the importer's to know"
LARGEST_FILE_BYTES = 8 * 2**20
MOST_LINES = 20_000  # the calendar has fewer sessions than that
REQUIRED = ("date", *PRICES, "volume")
OPTIONAL = ("dividend", "split_ratio")


@dataclass(frozen=True, slots=True)
class _Row:
    """One good row: a bar with the actions stated beside it; zero cash and ratio one mean none."""

    bar: Bar
    dividend: Decimal
    split_ratio: Decimal


def parse_csv(data: bytes, symbol: str, *, today: date) -> DailySeries:
    """Return the series in `data`; rows may come in any order, `today` is the last session accepted.

    The header names date (or timestamp), open, high, low, close, volume and may name dividend and
    split_ratio, in any case; adj_* columns are ignored. Prices are as traded, dates ISO, fields quoted or not.
    Without a dividend or split_ratio column the series says nothing about such actions; an empty field of
    theirs says that there is none.

    Raises:
        InvalidSymbol: `symbol` is malformed.
        ImportRejected: the file or any row of it cannot be true; every bad row is listed.
    """
    symbol = normalise_symbol(symbol)
    lines = _lines(data)
    columns = _columns(lines[0])
    rows = _rows(lines, columns, today)
    dividends = (DividendAction(ex_date=row.bar.session, amount=row.dividend) for row in rows if row.dividend)
    splits = (
        SplitAction(ex_date=row.bar.session, ratio=row.split_ratio) for row in rows if row.split_ratio != 1
    )
    return DailySeries(
        symbol=symbol,
        provider=PROVIDER,
        attribution=ATTRIBUTION,
        bars=tuple(row.bar for row in rows),
        splits=tuple(splits) if "split_ratio" in columns else None,
        dividends=tuple(dividends) if "dividend" in columns else None,
    )


def _lines(data: bytes) -> list[str]:
    if len(data) > LARGEST_FILE_BYTES:
        raise _refused(1, f"the file has {len(data)} bytes, at most {LARGEST_FILE_BYTES} are read")
    if data.count(b"\n") > MOST_LINES:
        raise _refused(MOST_LINES + 1, f"the file has more than {MOST_LINES} lines")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(data.count(b"\n", 0, error.start) + 1, "the file is not UTF-8") from error
    # Not splitlines(): that would also break at form feeds and Unicode separators inside a row.
    return [line.removesuffix("\r") for line in text.split("\n")]


def _columns(header: str) -> list[str]:
    if "," not in header:
        raise _refused(
            1, "the header has no comma: columns are separated by commas, lines by newlines", header
        )
    try:
        columns = [name.strip().lower() for name in _fields(header)]
    except BadRow as error:
        raise _refused(1, str(error), header) from None
    columns = ["date" if name == "timestamp" else name for name in columns]
    known = [name for name in columns if name in REQUIRED or name in OPTIONAL]
    missing = [name for name in REQUIRED if name not in known]
    foreign = [name for name in columns if name not in known and not name.startswith("adj_")]
    if missing:
        raise _refused(1, f"the header lacks {', '.join(missing)}", header)
    if foreign:
        raise _refused(1, f"the header has an unknown column '{printable(foreign[0])}'", header)
    if len(set(columns)) < len(columns):
        raise _refused(1, "the header names a column twice", header)
    return columns


def _rows(lines: list[str], columns: list[str], today: date) -> list[_Row]:
    rows: dict[date, _Row] = {}
    line_of: dict[date, int] = {}
    rejected: list[RejectedRow] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        try:
            row = _row(line, columns, today)
            session = row.bar.session
            if session in rows:
                raise BadRow(f"{session} is already on line {line_of[session]}")
            rows[session], line_of[session] = row, number
        except BadRow as error:
            rejected.append(RejectedRow(line=number, reason=str(error), text=printable(line)))
    if rejected:
        raise ImportRejected(rejected)
    if not rows:
        raise _refused(1, "the file has no rows")
    return [rows[session] for session in sorted(rows)]


def _row(line: str, columns: list[str], today: date) -> _Row:
    values = _fields(line)
    if len(values) != len(columns):
        raise BadRow(f"{len(values)} fields where the header has {len(columns)}")
    fields = dict(zip(columns, values, strict=True))
    return _Row(
        bar=bar_of(fields, today=today),
        dividend=decimal_of(fields, "dividend") if fields.get("dividend") else Decimal(0),
        split_ratio=price_of(fields, "split_ratio") if fields.get("split_ratio") else Decimal(1),
    )


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise BadRow(f"the fields cannot be read: {error}") from None


def _refused(line: int, reason: str, text: str = "") -> ImportRejected:
    """Return the error of a file that is refused as a whole."""
    return ImportRejected([RejectedRow(line=line, reason=reason, text=printable(text))])
