"""The rows of a price series, in JSON or CSV, before anything of them is believed."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.ingest.providers.alphavantage.shapes import (
    SHAPES,
    Shape,
    csv_lines,
    is_json,
    same_symbol,
    unnumbered,
)
from services.ingest.providers.domain import RejectedRow
from services.ingest.providers.faults import BadProviderData
from services.ingest.providers.rows import BadRow
from services.ingest.providers.strict_json import loads
from shared.symbols import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its line, counted from 2 in JSON too, its text, and its fields by the names that JSON gives them.

    `flaw` says why there are no fields.
    """

    line: int
    text: str
    fields: dict[str, str]
    flaw: str = ""

    def of(self, names: Sequence[str]) -> dict[str, str]:
        """Return the fields called `names`. Raises BadRow."""
        if self.flaw:
            raise BadRow(self.flaw)
        missing = [name for name in names if name not in self.fields]
        if missing:
            raise BadRow(f"{', '.join(missing)} missing")
        return {name: self.fields[name] for name in names}

    def rejected(self, reason: BadRow) -> RejectedRow:
        """Return this row as refused for `reason`."""
        return RejectedRow(line=self.line, reason=str(reason), text=printable(self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A series as told: what the vendor says about it (nothing in CSV) and its rows, in any order."""

    refreshed: str
    output_size: str
    rows: tuple[Row, ...]


def table_of(body: bytes, function: str, *, symbol: str) -> Table:
    """Return the series of `symbol` in an answer to `function`.

    Raises:
        BadProviderData: it is no such series, it is another symbol's, or a CSV date stands twice in it.
    """
    shape = SHAPES[function]
    if not is_json(body):
        return Table(refreshed="", output_size="", rows=tuple(_csv_rows(shape, csv_lines(body))))
    value = loads(body)
    series = shape.payload(value) if isinstance(value, dict) else None
    if not isinstance(series, dict) or not isinstance(value.get("Meta Data"), dict):
        raise BadProviderData("The answer is no series.")
    told = unnumbered(value["Meta Data"].items())
    if not same_symbol(told.get("Symbol"), symbol):
        raise BadProviderData(f"{symbol} was asked for; the answer is about {told.get('Symbol')!r:.40}.")
    return Table(
        refreshed=str(told.get("Last Refreshed", "")),
        output_size=str(told.get("Output Size", "")),
        rows=tuple(_json_rows(series)),
    )


def _json_rows(series: dict[str, Any]) -> Iterator[Row]:
    for line, (day, told) in enumerate(series.items(), start=2):
        text = json.dumps({day: told})
        if not isinstance(told, dict) or not all(isinstance(field, str) for field in told.values()):
            yield Row(line=line, text=text, fields={}, flaw="the row does not consist of texts")
        else:
            yield Row(line=line, text=text, fields={**unnumbered(told.items()), "date": day})


def _csv_rows(shape: Shape, lines: list[str]) -> Iterator[Row]:
    if lines[0] != shape.header:
        raise BadProviderData(f"The header is not '{shape.header}'.")
    names = ["date", *(name.replace("_", " ") for name in shape.header.split(",")[1:])]
    days = set()
    for line, text in enumerate(lines[1:], start=2):
        if not text:
            continue
        try:
            fields = next(csv.reader([text], strict=True))
        except csv.Error as error:
            yield Row(line=line, text=text, fields={}, flaw=f"the fields cannot be read: {error}")
            continue
        if len(fields) != len(names):
            flaw = f"{len(fields)} fields where the header has {len(names)}"
            yield Row(line=line, text=text, fields={}, flaw=flaw)
            continue
        if fields[0] in days:  # JSON would hold a key twice, and is refused for it
            raise BadProviderData(f"The answer has {printable(fields[0])} twice.")
        days.add(fields[0])
        yield Row(line=line, text=text, fields=dict(zip(names, fields, strict=True)))
