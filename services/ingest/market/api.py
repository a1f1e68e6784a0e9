"""Prices over HTTP, in the basis and as of the version that is asked."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.market.selectors import bars_for, instrument_named, instruments, stored_prices
from shared.http.fields import Choice, NumberText, SymbolField, WholeNumber, number_text
from shared.http.operations import Operation
from shared.http.pagination import Page, PageQuery, SeriesQuery, page_of, series_page
from shared.pricing.adjustment import Basis
from shared.pricing.history import Floats
from shared.symbols import normalise_symbol

BASES = tuple(basis.value for basis in Basis)
LARGEST_VERSION = 2**31 - 1


class Bar(serializers.Serializer[Any]):
    """One session's prices in the basis that was asked.

    `dividend` is the cash per share that holders are credited and `split_ratio` what the shares held before
    are multiplied by, both as far as the prices do not hold them already.
    """

    session = serializers.DateField()
    open = NumberText()
    high = NumberText()
    low = NumberText()
    close = NumberText()
    volume = serializers.IntegerField()
    dividend = NumberText()
    split_ratio = NumberText()


class Instrument(serializers.Serializer[Any]):
    """What a symbol names, as of its last version."""

    symbol = serializers.CharField()
    version = serializers.IntegerField()
    first_session = serializers.DateField()
    last_session = serializers.DateField()
    bar_count = serializers.IntegerField()
    provider = serializers.CharField()
    attribution = serializers.CharField()
    notes = serializers.ListField(child=serializers.CharField())
    updated_at = serializers.DateTimeField()


class ListBars(Operation):
    """List the daily bars of a symbol.

    `raw` is as traded, `split` divides by later splits, `total_return` by later dividends too, always in terms
    of the last session of the version, whatever part is asked for.
    """

    class Query(SeriesQuery):
        """Which of them."""

        symbol = SymbolField()
        basis = Choice(BASES, default=Basis.RAW.value)
        as_of_version = WholeNumber(min_value=1, max_value=LARGEST_VERSION, required=False)

    class Output(Page):
        """A page of bars, oldest first."""

        symbol = serializers.CharField()
        basis = Choice(BASES)
        version = serializers.IntegerField()
        results = Bar(many=True)

    problems = (404,)

    def get(self, request: Request) -> Response:
        """List them."""
        basis = Basis(self.query["basis"])
        bars = bars_for(self.query["symbol"], basis=basis, version=self.query.get("as_of_version"))
        sessions = bars.sessions.tolist()
        page, links = series_page(request, sessions, self.query, as_of_version=bars.version)
        columns: dict[str, Any] = {
            "open": bars.open[page],
            "high": bars.high[page],
            "low": bars.low[page],
            "close": bars.close[page],
            "dividend": bars.dividend[page],
            "split_ratio": bars.split_ratio[page],
        }
        if basis is Basis.RAW:
            columns |= stored_prices(bars.symbol, version=bars.version, sessions=sessions[page])
        return Response(
            {
                "symbol": bars.symbol,
                "basis": basis.value,
                "version": bars.version,
                "results": _rows(sessions[page], bars.volume[page], columns),
                **links,
            }
        )


class ListInstruments(Operation):
    """List the instruments of which prices are stored, by symbol."""

    Query = PageQuery

    class Output(Page):
        """A page of instruments."""

        results = Instrument(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, instruments(), ordering=("symbol",))


class ShowInstrument(Operation):
    """Show one instrument."""

    Output = Instrument
    problems = (404,)

    def get(self, request: Request, symbol: str) -> Response:
        """Show it."""
        return Response(Instrument(instrument_named(normalise_symbol(symbol))).data)


def _rows(sessions: list[date], volume: Floats, columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    # Up to 10,000 rows: written straight from the columns, as a serializer for each would take ten times longer.
    texts = {name: [number_text(value) for value in column] for name, column in columns.items()}
    return [
        {
            "session": session.isoformat(),
            "volume": round(volume[row]),
            **{name: column[row] for name, column in texts.items()},
        }
        for row, session in enumerate(sessions)
    ]
