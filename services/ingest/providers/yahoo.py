"""Yahoo by yfinance: an optional extra for personal use, off unless it is switched on."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from services.ingest.providers.answers import at_most_rejected, between, final_only
from services.ingest.providers.calls import Access, Call, RawAnswer, Reading, SeriesRequest, Verdict
from services.ingest.providers.checking import OPTIONAL, REQUIRED, Row, checked, series_of
from services.ingest.providers.domain import DailySeries
from services.ingest.providers.faults import (
    BadProviderData,
    ProviderOff,
    ProviderUnavailable,
    UnknownLookup,
)
from services.ingest.providers.precision import YAHOO
from services.ingest.providers.split_adjusted import rebuilt
from services.ingest.providers.strict_json import NotJson, loads
from services.ingest.sessions.domain import FIRST_DATE, NEW_YORK
from shared.symbols import printable

HISTORY = "history"
LIBRARY = "yfinance"
PROGRAM = Path(__file__).with_name("yahoo_history.py")
DEADLINE_SECONDS = 20.0
MOST_BYTES = 8 * 2**20
CURRENCY = "USD"

_VERDICTS = {
    "data": Verdict.DATA,
    "limited": Verdict.VOLUME,
    "unknown": Verdict.NOT_FOUND,
    "failed": Verdict.TRANSPORT,
}


class Yahoo:
    """Prices divided by all later splits, from which those as traded are rebuilt, with dividends and splits."""

    name = "yfinance"
    attribution = "Yahoo Finance by yfinance; Yahoo's terms permit personal use only"
    needs_key = False

    def series_calls(self, request: SeriesRequest, *, capabilities: Mapping[str, bool]) -> tuple[Call, ...]:
        """Return the one call. It has no end: prices are divided by splits up to today, so all must be known."""
        start = (request.start or FIRST_DATE).isoformat()
        params = (("symbol", _vendor_symbol(request.symbol)), ("start", start))
        return (Call(name=HISTORY, function=HISTORY, subject=request.symbol, params=params),)

    def send(self, call: Call, access: Access) -> RawAnswer:
        """Ask, once, in a process of its own that is killed at the deadline.

        Raises:
            ProviderOff: the library is not installed.
            ProviderUnavailable: there is no whole answer.
        """
        if find_spec(LIBRARY) is None:
            raise ProviderOff(
                f"The library {LIBRARY} is not installed; it is in the extra bellwether[{LIBRARY}]."
            )
        asked = [value for _, value in call.params]
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(PROGRAM), *asked],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=DEADLINE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ProviderUnavailable(
                f"There was no whole answer within {DEADLINE_SECONDS:g} seconds."
            ) from None
        if done.returncode or len(done.stdout) > MOST_BYTES:
            raise ProviderUnavailable(f"The library {LIBRARY} gave no usable answer.")
        return RawAnswer(status=200, body=done.stdout)

    def understand(self, call: Call, answer: RawAnswer) -> Reading:
        """Return what the answer is."""
        try:
            value = loads(answer.body)
        except NotJson as error:
            return Reading(verdict=Verdict.TRANSPORT, detail=printable(error.detail))
        except BadProviderData as error:
            return Reading(verdict=Verdict.BAD_DATA, detail=printable(error.detail))
        outcome = value.get("outcome") if isinstance(value, dict) else None
        detail = printable(str(value.get("detail", ""))) if outcome else ""
        return Reading(verdict=_VERDICTS.get(str(outcome), Verdict.BAD_DATA), detail=detail)

    def read_series(
        self, request: SeriesRequest, bodies: Mapping[str, bytes], *, now: datetime
    ) -> DailySeries:
        """Return the series in the answer as it traded, within the asked range.

        Raises:
            BadProviderData: it is another symbol's or in another currency, or more than 5 % of its rows cannot be
                true, or rebuilt.
        """
        rows = _rows(request.symbol, bodies[HISTORY])
        found = checked(rows, today=now.astimezone(NEW_YORK).date(), counted_in="row")
        says = (*REQUIRED, *OPTIONAL)
        series = series_of(request.symbol, found, provider=self.name, attribution=self.attribution, says=says)
        if series.bars:
            series = rebuilt(series, found, series.splits or (), YAHOO)
        at_most_rejected(series.rejected, row_count=len(rows))
        return between(
            final_only(series, now=now), first=request.start or date.min, last=request.end or date.max
        )

    def lookup_call(self, kind: str, subject: str, on: date | None) -> Call:
        """Raise UnknownLookup: only prices are asked of Yahoo."""
        raise UnknownLookup(f"Yahoo is not asked for {printable(kind)}.")

    def read_lookup(self, kind: str, subject: str, body: bytes, *, now: datetime) -> list[dict[str, Any]]:
        """Raise UnknownLookup: only prices are asked of Yahoo."""
        raise UnknownLookup(f"Yahoo is not asked for {printable(kind)}.")


def _vendor_symbol(symbol: str) -> str:
    return symbol.replace(".", "-")


def _rows(symbol: str, body: bytes) -> list[Row]:
    answer = loads(body)
    told, currency = answer.get("symbol"), answer.get("currency")
    if told != _vendor_symbol(symbol):
        raise BadProviderData(f"The answer is for {printable(str(told))} and not for {symbol}.")
    if currency != CURRENCY:
        raise BadProviderData(f"The prices are in {printable(str(currency))} and not in {CURRENCY}.")
    return [
        Row(line=position, text=str(record), fields=_texts(record))
        for position, record in enumerate(answer["rows"], start=1)
    ]


def _texts(record: Mapping[str, str | None]) -> dict[str, str]:
    """Return the texts of a row; a ratio of zero stands where there is no split."""
    texts = {name: value or "" for name, value in record.items()}
    return {**texts, "split_ratio": "" if texts["split_ratio"] == "0.000000" else texts["split_ratio"]}
