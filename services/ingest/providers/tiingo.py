"""Tiingo: one call gives prices as traded, adjusted ones, dividends and splits, as far back as there are any."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from services.ingest.providers import transport
from services.ingest.providers.answers import (
    at_most_rejected,
    final_only,
    ratio_text,
    whole_text,
    without_float_noise,
)
from services.ingest.providers.calls import Access, Call, RawAnswer, Reading, SeriesRequest, Verdict
from services.ingest.providers.checking import Row, checked, series_of
from services.ingest.providers.domain import DailySeries, RejectedRow
from services.ingest.providers.faults import BadProviderData, UnknownLookup
from services.ingest.providers.strict_json import NotJson, loads
from services.ingest.sessions.domain import FIRST_DATE, NEW_YORK
from shared.symbols import printable

PRICES_CALL, PRICES_FUNCTION = "prices", "daily/prices"
STEP_TOLERANCE_RATIO = Decimal("0.0005")
NAMED_SESSIONS = 3

_NAMES = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "volume",
    "divCash": "dividend",
    "splitFactor": "split_ratio",
}
_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T00:00:00(\.0+)?(Z|\+00:00)")
_PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,30})?")
# In this order: a refusal of the hour may name the plan of the month too.
_DECISIVE = (
    (Verdict.MINUTE_LIMIT, "hourly"),
    (Verdict.DAILY_LIMIT, "daily|symbol look ?up|for this month|bandwidth"),
    (Verdict.BURST, "run over your|too many requests"),
    (Verdict.NOT_FOUND, "not found"),
)


class Tiingo:
    """Prices as traded with what was paid and split; a free key is good for 50 calls an hour and 500 symbols."""

    name = "tiingo"
    attribution = "Tiingo, https://www.tiingo.com; for internal use under its terms, not to be passed on"
    needs_key = True

    def series_calls(self, request: SeriesRequest, *, capabilities: Mapping[str, bool]) -> tuple[Call, ...]:
        """Return the one call that answers it all; without a start Tiingo would send the last row only."""
        end = (("endDate", request.end.isoformat()),) if request.end else ()
        call = Call(
            name=PRICES_CALL,
            function=PRICES_FUNCTION,
            subject=request.symbol,
            path=f"/tiingo/daily/{request.symbol.replace('.', '-')}/prices",
            params=(("startDate", (request.start or FIRST_DATE).isoformat()), *end, ("format", "json")),
        )
        return (call,)

    def send(self, call: Call, access: Access) -> RawAnswer:
        """Ask, once. Raises ProviderUnavailable, never with the key in it."""
        return transport.get(
            access.base_url.rstrip("/") + call.path,
            params=dict(call.params),
            headers={"Authorization": f"Token {access.key}"},
            secret=access.key,
        )

    def understand(self, call: Call, answer: RawAnswer) -> Reading:
        """Return what the answer is, by its status and, as that is 200 for some refusals too, by its words."""
        is_page = answer.body.lstrip().startswith(b"<")
        if is_page or answer.status not in {200, 401, 403, 404, 429}:
            return Reading(verdict=Verdict.TRANSPORT, detail=f"HTTP {answer.status}{', a page' * is_page}")
        if answer.status == 200:
            return _understand_body(answer.body)
        words = answer.body.decode("utf-8", "replace")
        by_status = {404: Verdict.NOT_FOUND, 429: _limit_of(words)}
        return Reading(verdict=by_status.get(answer.status, Verdict.BAD_KEY), detail=printable(words))

    def read_series(
        self, request: SeriesRequest, bodies: Mapping[str, bytes], *, now: datetime
    ) -> DailySeries:
        """Return the series in the answer.

        A note says where the adjusted closes do not follow from prices and actions: then an action is missing.

        Raises:
            BadProviderData: it is no list of rows, or more than 5 % of them cannot be true.
        """
        records = _records(bodies[PRICES_CALL])
        rows = [_row(position, record) for position, record in enumerate(records, start=1)]
        found = checked(
            (row for row in rows if isinstance(row, Row)),
            today=now.astimezone(NEW_YORK).date(),
            counted_in="row",
        )
        found.rejected += [row for row in rows if isinstance(row, RejectedRow)]
        at_most_rejected(found.rejected, row_count=len(rows))
        series = series_of(
            request.symbol,
            found,
            provider=self.name,
            attribution=self.attribution,
            says=_NAMES.values(),
        )
        adjusted = {day: row.fields["adjClose"] for day, row in found.sources.items()}
        return replace(final_only(series, now=now), notes=_notes(series, adjusted))

    def lookup_call(self, kind: str, subject: str, on: date | None) -> Call:
        """Raise UnknownLookup: only prices are asked of Tiingo."""
        raise UnknownLookup(f"Tiingo is not asked for {printable(kind)}.")

    def read_lookup(self, kind: str, subject: str, body: bytes, *, now: datetime) -> list[dict[str, Any]]:
        """Raise UnknownLookup: only prices are asked of Tiingo."""
        raise UnknownLookup(f"Tiingo is not asked for {printable(kind)}.")


def _understand_body(body: bytes) -> Reading:
    words = body.decode("utf-8", "replace")
    try:
        value = loads(body)
    except NotJson as error:
        verdict = _verdict_of(words)
        if verdict is Verdict.UNKNOWN_NOTICE:
            return Reading(verdict=Verdict.TRANSPORT, detail=printable(error.detail))
        return Reading(verdict=verdict, detail=printable(words))
    except BadProviderData as error:
        return Reading(verdict=Verdict.BAD_DATA, detail=printable(error.detail))
    if isinstance(value, list):
        return Reading(verdict=Verdict.DATA if value else Verdict.NOT_FOUND)
    return Reading(verdict=_verdict_of(words), detail=printable(words))


def _verdict_of(words: str) -> Verdict:
    decisive = (verdict for verdict, pattern in _DECISIVE if re.search(pattern, words.lower()))
    return next(decisive, Verdict.UNKNOWN_NOTICE)


def _limit_of(words: str) -> Verdict:
    verdict = _verdict_of(words)
    return verdict if verdict in {Verdict.MINUTE_LIMIT, Verdict.DAILY_LIMIT} else Verdict.BURST


def _records(body: bytes) -> list[Any]:
    value = loads(body)
    if not isinstance(value, list):
        raise BadProviderData("The answer is no list of rows.")
    return value


def _row(position: int, record: Any) -> Row | RejectedRow:
    """Return a row under our names, or as rejected where it has not what a row of Tiingo has."""
    text = str(record)
    if not isinstance(record, dict) or not {"date", "adjClose", *_NAMES} <= record.keys():
        return RejectedRow(line=position, reason="fields are missing", text=printable(text))
    fields = {name: str(record[theirs]) for theirs, name in _NAMES.items()}
    fields = {name: without_float_noise(number) for name, number in fields.items()}
    stamp = str(record["date"])
    day = _MIDNIGHT.fullmatch(stamp)
    fields |= {
        "date": day[1] if day else stamp,
        "volume": whole_text(fields["volume"]),
        "split_ratio": ratio_text(fields["split_ratio"]),
        "adjClose": str(record["adjClose"]),
    }
    return Row(line=position, text=text, fields=fields)


def _notes(series: DailySeries, adjusted: Mapping[date, str]) -> tuple[str, ...]:
    unexplained = _unexplained(series, adjusted)
    if not unexplained:
        return ()
    named = ", ".join(map(str, unexplained[:NAMED_SESSIONS])) + ", ..." * (len(unexplained) > NAMED_SESSIONS)
    return (f"adjusted closes do not follow from prices, dividends and splits on {named}",)


def _unexplained(series: DailySeries, adjusted: Mapping[date, str]) -> Sequence[date]:
    """Return the sessions whose adjusted close moved by more than 5 bp otherwise than the close and the actions did.

    From one session to the next adjusted closes move by (C + D) * split / C_before: the rule by which we adjust.
    """
    cash = {dividend.ex_date: dividend.amount for dividend in series.dividends or ()}
    ratio = {split.ex_date: split.ratio for split in series.splits or ()}
    found = []
    for before, bar in pairwise(series.bars):
        first, second = adjusted[before.session], adjusted[bar.session]
        if not (_PLAIN.fullmatch(first) and _PLAIN.fullmatch(second) and Decimal(first)):
            found.append(bar.session)
            continue
        step = (bar.close + cash.get(bar.session, 0)) * ratio.get(bar.session, 1) / before.close
        if abs(Decimal(second) / Decimal(first) / step - 1) > STEP_TOLERANCE_RATIO:
            found.append(bar.session)
    return found
