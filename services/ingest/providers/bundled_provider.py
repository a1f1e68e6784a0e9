"""Real prices that ship with the package, so that everything works without a key."""

import json
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from services.ingest.providers.csv_import import parse_csv
from services.ingest.providers.domain import DailySeries, RejectedRow, UnknownSymbol

BUNDLED = Path(__file__).with_name("bundled")


class BundledProvider:
    """The six series of `bundled/`, whose origin, terms and faults `manifest.json` lists."""

    name = "bundled"
    attribution = "Quandl WIKI end-of-day prices, declared public domain by their publisher"

    def symbols(self) -> tuple[str, ...]:
        """Return the bundled symbols, ascending."""
        return tuple(sorted(_manifest()))

    def fetch(self, symbol: str, start: date | None, end: date | None) -> DailySeries:
        """Return the bundled bars and actions of `symbol` from `start` to `end`, both included.

        Raises:
            UnknownSymbol: the symbol is not bundled.
        """
        if symbol not in _manifest():
            raise UnknownSymbol(symbol=symbol, provider=self.name, known=self.symbols())
        whole = _series(symbol)
        first, last = start or date.min, end or date.max
        entry = _manifest()[symbol]
        return replace(
            whole,
            provider=self.name,
            attribution=f"{self.attribution}; via {entry['source']} ({entry['licence']})",
            bars=tuple(bar for bar in whole.bars if first <= bar.session <= last),
            splits=tuple(split for split in whole.splits or () if first <= split.ex_date <= last),
            dividends=tuple(paid for paid in whole.dividends or () if first <= paid.ex_date <= last),
            rejected=tuple(
                RejectedRow(line=row["line"], reason=row["reason"], text=row["text"])
                for row in entry["dropped"]
                if first <= date.fromisoformat(row["session"]) <= last
            ),
            notes=tuple(entry["notes"]),
        )


@cache
def _manifest() -> dict[str, dict[str, Any]]:
    symbols: dict[str, dict[str, Any]] = json.loads((BUNDLED / "manifest.json").read_bytes())["symbols"]
    return symbols


@cache
def _series(symbol: str) -> DailySeries:
    last = date.fromisoformat(_manifest()[symbol]["last_session"])
    return parse_csv((BUNDLED / f"{symbol}.csv").read_bytes(), symbol, today=last)
