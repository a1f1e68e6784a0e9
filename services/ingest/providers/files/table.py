"""The rows of a file nobody has checked, as texts by column, each with its place in the file.

The fields of a line are told apart by the standard library, not by pandas: that one names no line for a row
that is too short, and one quote left open would swallow all the lines after it.
"""

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.ingest.providers.checking import Row
from services.ingest.providers.domain import ImportRejected, RejectedRow
from services.ingest.providers.faults import BadProviderData
from services.ingest.providers.rows import BadRow
from services.ingest.providers.strict_json import loads
from services.ingest.sessions.domain import NEW_YORK
from shared.symbols import printable

LARGEST_FILE_BYTES = 8 * 2**20
PROVIDER = "csv"
ATTRIBUTION = "imported file; its terms are the importer's to know"
MOST_LINES = 20_000  # the calendar has fewer sessions than that
MOST_COLUMNS = 100
LINE, RECORD = "line", "record"

_OTHER_OPENINGS = 3  # a list around the records, or what Alpha Vantage has around them
_ALPHAVANTAGE_SERIES = "Time Series (Daily)"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PACKED = (
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"\xd0\xcf\x11\xe0",
)  # ZIP to old Excel
_NUMBERED = re.compile(r"^[0-9]+\. ")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTable:
    """A file's rows in its own order; `columns` are trimmed and in lower case.

    `rejected` are rows whose fields cannot be told apart. `symbol` and `known_at` are what the file says about
    itself: whose prices they are, and when they were taken if the exchange may still have been open.
    """

    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    counted_in: str = LINE
    symbol: str | None = None
    known_at: datetime | None = None


def read_table(data: bytes) -> FileTable:
    """Return the rows of a CSV or JSON file. Raises ImportRejected when it is neither."""
    _require_size(data)
    if data.startswith(_PACKED):
        raise refused(1, "the file is an archive or an Excel workbook; unpack it, or save it as CSV")
    is_json = data.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] in (b"{", b"[")
    return json_table(data) if is_json else csv_table(data)


def csv_table(data: bytes) -> FileTable:
    """Return the rows of a CSV file, without empty lines. Raises ImportRejected."""
    lines = _lines(data)
    columns = _columns(lines[0])
    table = FileTable(columns=columns)
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        try:
            fields = _by_column(columns, _fields(line))
            table.rows.append(Row(line=number, text=line, fields=fields))
        except BadRow as error:
            table.rejected.append(RejectedRow(line=number, reason=str(error), text=printable(line)))
    return table


def json_table(data: bytes) -> FileTable:
    """Return the rows of a JSON file: a list of records, or an Alpha Vantage answer. Raises ImportRejected."""
    _require_size(data)
    # Counted before they are read: millions of empty ones would take a hundred times the bytes of the file.
    if data.count(b"{") + data.count(b"[") > MOST_LINES + _OTHER_OPENINGS:
        raise refused(MOST_LINES + 1, f"the file has more than {MOST_LINES:,} records")
    try:
        value = loads(data)
    except BadProviderData as error:
        raise refused(1, printable(error.detail)) from None
    if isinstance(value, dict):
        return _alphavantage_table(value)
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        raise refused(1, "the file is no list of records and no answer of Alpha Vantage")
    return _record_table(value, symbol=None, known_at=None)


def refused(line: int, reason: str, text: str = "") -> ImportRejected:
    """Return the error of a file that is refused as a whole."""
    return ImportRejected([RejectedRow(line=line, reason=reason, text=printable(text))])


def _require_size(data: bytes) -> None:
    if len(data) > LARGEST_FILE_BYTES:
        raise refused(1, f"the file has more than {LARGEST_FILE_BYTES:,} bytes, the most that are read")


def _lines(data: bytes) -> list[str]:
    _require_size(data)
    if data.count(b"\n") > MOST_LINES:
        raise refused(MOST_LINES + 1, f"the file has more than {MOST_LINES:,} lines")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(
            data.count(b"\n", 0, error.start) + 1, "the file is not UTF-8; save it as UTF-8"
        ) from error
    # Not splitlines(): that would also break at form feeds and Unicode separators inside a row.
    return [line.removesuffix("\r") for line in text.split("\n")]


def _columns(header: str) -> tuple[str, ...]:
    if "," not in header:
        raise refused(
            1, "the header has no comma: columns are separated by commas, lines by newlines", header
        )
    try:
        columns = tuple(name.strip().lower() for name in _fields(header))
    except BadRow as error:
        raise refused(1, str(error), header) from None
    _require_columns(columns, header)
    return columns


def _require_columns(columns: Sequence[str], header: str) -> None:
    if len(columns) > MOST_COLUMNS:
        raise refused(1, f"the file has more than {MOST_COLUMNS} columns", header)
    if len(set(columns)) < len(columns):
        raise refused(1, "the header names a column twice", header)


def _fields(line: str) -> list[str]:
    if "\r" in line:
        raise BadRow("a carriage return stands inside the line; save the file with newlines")
    try:
        return next(csv.reader([line], strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise BadRow(f"the fields cannot be read: {error}") from None


def _by_column(columns: tuple[str, ...], values: list[str]) -> dict[str, str]:
    if len(values) != len(columns):
        raise BadRow(f"{len(values)} fields where the header has {len(columns)}")
    return dict(zip(columns, values, strict=True))


def _alphavantage_table(answer: dict[str, Any]) -> FileTable:
    series, meta = answer.get(_ALPHAVANTAGE_SERIES), answer.get("Meta Data", {})
    if not isinstance(series, dict) or not isinstance(meta, dict):
        # Not quoted: a notice of Alpha Vantage may hold the key.
        raise refused(1, f"the file is no list of records and has no '{_ALPHAVANTAGE_SERIES}' in it")
    about = {_NUMBERED.sub("", name): value for name, value in meta.items()}
    records = [
        {
            "timestamp": day,
            **{_NUMBERED.sub("", name).replace(" ", "_"): value for name, value in row.items()},
        }
        if isinstance(row, dict)
        else row
        for day, row in series.items()
    ]
    known_at = _known_at(about.get("Last Refreshed"))
    return _record_table(records, symbol=about.get("Symbol"), known_at=known_at)


def _known_at(refreshed: Any) -> datetime | None:
    """Return when an answer was made, None when only its day is said: then the exchange was closed."""
    if not isinstance(refreshed, str) or ":" not in refreshed:
        return None
    try:
        return datetime.fromisoformat(refreshed).replace(tzinfo=NEW_YORK)
    except ValueError:
        raise refused(1, f"'{printable(refreshed)}' under Last Refreshed is no time") from None


def _record_table(records: list[Any], *, symbol: str | None, known_at: datetime | None) -> FileTable:
    first = _lowered(records[0]) if records and isinstance(records[0], dict) else {}
    _require_columns(tuple(first), ", ".join(first))
    table = FileTable(columns=tuple(first), counted_in=RECORD, symbol=symbol, known_at=known_at)
    for number, record in enumerate(records, start=1):
        text = json.dumps(record)
        try:
            table.rows.append(Row(line=number, text=text, fields=_texts(record, table.columns)))
        except BadRow as error:
            table.rejected.append(RejectedRow(line=number, reason=str(error), text=printable(text)))
    return table


def _texts(record: Any, columns: Iterable[str]) -> dict[str, str]:
    fields = _lowered(record) if isinstance(record, dict) else {}
    if set(fields) != set(columns) or len(fields) != len(record):
        raise BadRow("the record has not the same fields as the first one")
    for name, value in fields.items():
        if not isinstance(value, str | None):
            raise BadRow(f"{printable(name)} is neither a text nor a number")
    return {name: value or "" for name, value in fields.items()}


def _lowered(record: dict[str, Any]) -> dict[str, Any]:
    return {name.strip().lower(): value for name, value in record.items()}
