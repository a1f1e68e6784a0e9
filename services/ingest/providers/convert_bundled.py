"""Make `bundled/` from the source files: `python -m services.ingest.providers.convert_bundled --source DIR`.

Numbers keep the text they have in the source. Rows that `parse_csv` refuses are dropped and listed in the
manifest, and what the source is known to lack is noted there, never filled in.
"""

import argparse
import csv
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

from services.ingest.providers.bundled_provider import BUNDLED
from services.ingest.providers.csv_import import parse_csv
from services.ingest.providers.domain import ImportRejected, RejectedRow
from services.ingest.sessions.domain import CALENDAR, sessions_between

COLUMNS = ("date", "open", "high", "low", "close", "volume", "dividend", "split_ratio", "adj_close")
CENT = Decimal("0.01")
# Adjusted closes have 10 significant digits: noise in a factor stays below 1e-8, one cent on 250 USD is 4e-5.
SMALLEST_FACTOR_STEP = Decimal("1e-6")
CENT_TOLERANCE = Decimal("1e-5")

WIKI_TERMS = "repository states none; WIKI declared public domain by its publisher"
BOKEH_TERMS = "BSD-3-Clause; data public domain"

type SourceRow = dict[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """One source file: its name, where it came from and on which terms, and what it is known to get wrong."""

    file: str
    origin: str
    licence: str
    notes: tuple[str, ...] = ()


def _wiki(symbol: str, repository: str, *notes: str) -> Source:
    return Source(f"{symbol}_wiki.csv", repository, WIKI_TERMS, notes)


SOURCES = {
    "AAPL": _wiki(
        "AAPL",
        "github.com/stasik0800/Datasets, WIKI-AAPL.csv",
        "the source lacks the dividends of 0.63 on 2017-11-10 and 2018-02-09",
    ),
    "MSFT": _wiki(
        "MSFT", "github.com/stasik0800/Datasets", "the source lacks the dividend of 0.42 on 2018-02-14"
    ),
    "AMZN": _wiki("AMZN", "github.com/ztucker4/Hearing-the-Patterns-in-Time-Series-Data"),
    "FB": _wiki("FB", "github.com/ztucker4/Hearing-the-Patterns-in-Time-Series-Data"),
    "GOOG": _wiki("GOOG", "github.com/ztucker4/Hearing-the-Patterns-in-Time-Series-Data"),
    "IBM": Source(
        "IBM_wiki_bokeh.csv",
        "bokeh_sampledata 2026.1 on PyPI, IBM.csv",
        BOKEH_TERMS,
        ("the dividends are solved from the adjusted closes and rounded to cents",),
    ),
}


def main(arguments: list[str] | None = None) -> None:
    """Convert every source file and write the series and their manifest."""
    parser = argparse.ArgumentParser(description="Make the bundled price files from their sources.")
    parser.add_argument("--source", type=Path, required=True, help="folder with the source CSV files")
    parser.add_argument("--out", type=Path, default=BUNDLED, help="folder to write to")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(exist_ok=True)
    symbols = {symbol: convert(symbol, chosen.source, chosen.out) for symbol in sorted(SOURCES)}
    manifest = json.dumps({"calendar": CALENDAR, "symbols": symbols}, indent=2)
    (chosen.out / "manifest.json").write_text(manifest + "\n", encoding="ascii")


def convert(symbol: str, source_folder: Path, out_folder: Path) -> dict[str, object]:
    """Write the series of `symbol` and return its entry in the manifest."""
    source = SOURCES[symbol]
    original = (source_folder / source.file).read_bytes()
    rows = list(csv.DictReader(original.decode("utf-8").splitlines()))
    if "dividend" not in rows[0]:
        dividends = solved_dividends(rows)
        for row in rows:
            row |= {"dividend": dividends.get(row["date"], "0"), "split_ratio": "1"}
    dropped = _bad_rows(symbol, rows)
    bad_lines = {row.line for row in dropped}
    kept = [row for line, row in enumerate(rows, start=2) if line not in bad_lines]
    shipped = _as_csv(kept)
    (out_folder / f"{symbol}.csv").write_bytes(shipped)
    sessions = [date.fromisoformat(row["date"]) for row in kept]
    missing = set(sessions_between(sessions[0], sessions[-1])) - set(sessions)
    return {
        "source": source.origin,
        "licence": source.licence,
        "source_sha256": sha256(original).hexdigest(),
        "sha256": sha256(shipped).hexdigest(),
        "rows": len(kept),
        "first_session": str(sessions[0]),
        "last_session": str(sessions[-1]),
        "dropped": [
            {"line": row.line, "session": rows[row.line - 2]["date"], "reason": row.reason, "text": row.text}
            for row in dropped
        ],
        "missing_sessions": [str(session) for session in sorted(missing)],
        "notes": list(source.notes),
    }


def solved_dividends(rows: list[SourceRow]) -> dict[str, str]:
    """Return the dividend of each ex-date that the adjusted closes of `rows` (ascending, no split) imply.

    The factor adj_close / close steps up on an ex-date by (C + D) / C, so D = C * (step - 1).

    Raises:
        ValueError: a solved amount is no whole number of cents, so the series follows another rule.
    """
    dividends = {}
    factors = [Decimal(row["adj_close"]) / Decimal(row["close"]) for row in rows]
    for before, factor, row in zip(factors, factors[1:], rows[1:], strict=False):
        step = factor / before - 1
        if abs(step) > SMALLEST_FACTOR_STEP:
            solved = Decimal(row["close"]) * step
            amount = solved.quantize(CENT)
            if amount <= 0 or abs(solved - amount) > CENT_TOLERANCE:
                raise ValueError(f"{row['date']}: solved dividend {solved} is no amount in cents")
            dividends[row["date"]] = str(amount)
    return dividends


def _bad_rows(symbol: str, rows: list[SourceRow]) -> tuple[RejectedRow, ...]:
    try:
        parse_csv(_as_csv(rows), symbol, today=date.fromisoformat(rows[-1]["date"]))
    except ImportRejected as error:
        return error.rejected
    return ()


def _as_csv(rows: list[SourceRow]) -> bytes:
    lines = [COLUMNS, *([row[name] for name in COLUMNS] for row in rows)]
    return "".join(f"{','.join(fields)}\n" for fields in lines).encode("ascii")


if __name__ == "__main__":
    main()
