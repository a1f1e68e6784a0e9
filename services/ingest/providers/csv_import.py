"""Read one symbol's daily prices from a CSV file of the plain form: all rows are good or none is taken.

Needs no pandas, so that the bundled prices can be read where that is not wanted.
"""

from datetime import date

from services.ingest.providers.checking import OPTIONAL, REQUIRED, Row, checked, series_of
from services.ingest.providers.domain import DailySeries, ImportRejected
from services.ingest.providers.files.table import ATTRIBUTION, PROVIDER, csv_table, refused
from shared.symbols import normalise_symbol, printable


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
    table = csv_table(data)
    names = {name: "date" if name == "timestamp" else name for name in table.columns}
    _require_plain(tuple(names.values()), header=",".join(table.columns))
    rows = (
        Row(line=row.line, text=row.text, fields={names[name]: row.fields[name] for name in names})
        for row in table.rows
    )
    found = checked(rows, today=today)
    if rejected := sorted([*table.rejected, *found.rejected], key=lambda row: row.line):
        raise ImportRejected(rejected)
    if not found.bars:
        raise refused(1, "the file has no rows")
    return series_of(symbol, found, provider=PROVIDER, attribution=ATTRIBUTION, says=names.values())


def _require_plain(columns: tuple[str, ...], *, header: str) -> None:
    known = {*REQUIRED, *OPTIONAL}
    missing = [name for name in REQUIRED if name not in columns]
    foreign = [name for name in columns if name not in known and not name.startswith("adj_")]
    if missing:
        raise refused(1, f"the header lacks {', '.join(missing)}", header)
    if foreign:
        raise refused(1, f"the header has an unknown column '{printable(foreign[0])}'", header)
    if len(set(columns)) < len(columns):
        raise refused(1, "the header names a column twice", header)
