"""Alpha Vantage as a remote provider: which calls a series takes, and what all their answers tell together."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from services.ingest.providers import transport
from services.ingest.providers.alphavantage import lookups, refusals
from services.ingest.providers.alphavantage.actions import dividends_of, splits_of
from services.ingest.providers.alphavantage.series import COMPACT_ROWS, Bars, bars_of
from services.ingest.providers.alphavantage.shapes import (
    ADJUSTED,
    DAILY,
    DAILY_ADJUSTED,
    DIVIDENDS,
    FULL_HISTORY,
    SPLITS,
    vendor_symbol,
)
from services.ingest.providers.alphavantage.table import table_of
from services.ingest.providers.calls import Access, Call, RawAnswer, Reading, SeriesRequest
from services.ingest.providers.domain import DailySeries, DividendAction, SplitAction
from services.ingest.providers.faults import BadProviderData
from services.ingest.sessions.domain import FIRST_DATE, LAST_DATE, sessions_between

HISTORY_SESSIONS = 504  # two years: rows stored this far back are a history, so the newest are enough
LATE_ROWS = 5  # a week in which the vendor has nothing new
COMPACT_DAYS = timedelta(days=200)  # more calendar days than a compact answer's sessions ever take


class AlphaVantage:
    """Prices as traded; a free key gives the last 100 sessions of a symbol, dividends and splits apart."""

    name = "alphavantage"
    attribution = "Alpha Vantage, https://www.alphavantage.co; for personal use under its terms of service"
    needs_key = True

    def series_calls(self, request: SeriesRequest, *, capabilities: Mapping[str, bool]) -> tuple[Call, ...]:
        """Return what must be asked: the whole history only where the last 100 sessions do not do.

        Nothing, where the key gives these only and the range lies before them.
        """
        if not capabilities.get(FULL_HISTORY, True) and _is_out_of_reach(request):
            return ()
        wants_full = _needs_history(request) and capabilities.get(FULL_HISTORY, True)
        size = (("outputsize", "full" if wants_full else "compact"),)
        if request.with_actions and capabilities.get(ADJUSTED, False):
            return (_call("adjusted", DAILY_ADJUSTED, request.symbol, size, ADJUSTED),)
        calls = (_call("daily", DAILY, request.symbol, size, FULL_HISTORY if wants_full else None),)
        if not request.with_actions:
            return calls
        apart = (("dividends", DIVIDENDS), ("splits", SPLITS))
        return (*calls, *(_call(name, function, request.symbol) for name, function in apart))

    def send(self, call: Call, access: Access) -> RawAnswer:
        """Ask, once. Raises ProviderUnavailable, never with the key in it."""
        params = {"function": call.function, **dict(call.params), "apikey": access.key}
        return transport.get(access.base_url, params=params, secret=access.key)

    def understand(self, call: Call, answer: RawAnswer) -> Reading:
        """Return what the answer is: data, or one of the vendor's refusals, which all come with HTTP 200."""
        return refusals.understand(call, answer)

    def read_series(
        self, request: SeriesRequest, bodies: Mapping[str, bytes], *, now: datetime
    ) -> DailySeries:
        """Return the series in the answers to `series_calls`, within the asked range.

        Dividends and splits begin with the oldest session given or held: of those before it no price is known here.

        Raises:
            BadProviderData: an answer is another symbol's, or more than 5 % of its rows cannot be true.
        """
        series = _bars(request, bodies, now=now)
        dividends, splits, rejected = series.dividends, series.splits, series.rejected
        if "dividends" in bodies:
            paid = dividends_of(bodies["dividends"], symbol=request.symbol)
            dividends, rejected = paid.found, rejected + paid.rejected
        if "splits" in bodies:
            split = splits_of(bodies["splits"], symbol=request.symbol)
            splits, rejected = split.found, rejected + split.rejected
        first, last = request.start or date.min, request.end or date.max
        actions_from = max(first, _oldest(request, series))
        return DailySeries(
            symbol=request.symbol,
            provider=self.name,
            attribution=self.attribution,
            bars=tuple(bar for bar in series.bars if first <= bar.session <= last),
            splits=_within(splits, actions_from, last),
            dividends=_within(dividends, actions_from, last),
            rejected=rejected,
            notes=_notes(request, series),
            provisional_session=series.provisional_session,
            is_cut_short=series.is_cut_short,
        )

    def lookup_call(self, kind: str, subject: str, on: date | None) -> Call:
        """Return the call that answers a lookup. Raises UnknownLookup, InvalidSymbol and ValidationFailed."""
        return lookups.lookup_call(kind, subject, on)

    def read_lookup(self, kind: str, subject: str, body: bytes, *, now: datetime) -> list[dict[str, Any]]:
        """Return the rows of a lookup's answer. Raises BadProviderData."""
        return lookups.read_lookup(kind, subject, body, now=now)


def _call(
    name: str,
    function: str,
    symbol: str,
    params: tuple[tuple[str, str], ...] = (),
    capability: str | None = None,
) -> Call:
    asked = (("symbol", vendor_symbol(symbol)), *params)
    return Call(name=name, function=function, subject=symbol, params=asked, capability=capability)


def _needs_history(request: SeriesRequest) -> bool:
    """Tell whether sessions are wanted that are not stored and too old for a compact answer."""
    reach = _compact_reach(request.today)
    start, held_from, held_to = request.start, request.held_from, request.held_to
    if held_from is None or held_to is None:
        return start is None or reach is None or start < reach
    if reach is not None and held_to < reach and (request.end is None or request.end > held_to):
        return True  # an outage longer than what a compact answer heals
    if start is None:
        return len(sessions_between(held_from, held_to)) < HISTORY_SESSIONS
    is_older = len(sessions_between(max(start, FIRST_DATE), held_from)) > 1
    return is_older and (reach is None or start < reach)


def _is_out_of_reach(request: SeriesRequest) -> bool:
    """Tell whether no compact answer reaches back to the range.

    One of a symbol that is traded no more does; where such is stored, or prices of the range to which dividends and
    splits belong, the vendor is asked.
    """
    reach = _compact_reach(request.today, late=LATE_ROWS)
    if reach is None or request.end is None or request.end >= reach:
        return False
    if request.held_from is None or request.held_to is None:
        return True
    return request.end < request.held_from and reach <= request.held_to


def _compact_reach(today: date | None, *, late: int = 0) -> date | None:
    """Return the oldest session that a compact answer is sure to have, if its last is `late` sessions ago."""
    if today is None or not FIRST_DATE + COMPACT_DAYS <= today <= LAST_DATE:
        return None
    return sessions_between(today - COMPACT_DAYS, today)[-COMPACT_ROWS - late]


def _bars(request: SeriesRequest, bodies: Mapping[str, bytes], *, now: datetime) -> Bars:
    if "adjusted" in bodies:
        table = table_of(bodies["adjusted"], DAILY_ADJUSTED, symbol=request.symbol)
        return bars_of(table, now=now, with_actions=True)
    if "daily" not in bodies:
        raise BadProviderData("There is no answer with prices.")
    return bars_of(table_of(bodies["daily"], DAILY, symbol=request.symbol), now=now, with_actions=False)


def _oldest(request: SeriesRequest, series: Bars) -> date:
    given = series.bars[0].session if series.bars else date.max
    oldest = min(given, request.held_from or date.max)
    return date.min if oldest == date.max else oldest


def _within[A: (SplitAction, DividendAction)](
    actions: tuple[A, ...] | None, first: date, last: date
) -> tuple[A, ...] | None:
    if actions is None:
        return None
    return tuple(action for action in actions if first <= action.ex_date <= last)


def _notes(request: SeriesRequest, series: Bars) -> tuple[str, ...]:
    """Return that the vendor kept back what was wanted, where it did."""
    if not series.is_cut_short or not series.bars:
        return ()
    given = series.bars[0].session
    wanted = request.start or date.min
    if wanted >= given or (request.held_from or date.max) < given:
        return ()
    return (f"Alpha Vantage gave the last {COMPACT_ROWS} sessions only",)
