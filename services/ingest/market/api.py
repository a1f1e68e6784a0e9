"""Prices over HTTP, in the basis and as of the version that is asked."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from django.http import HttpResponse, HttpResponseBase
from numpy.typing import NDArray
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.market import models
from services.ingest.market.selectors import (
    bars_for,
    instrument_at,
    instrument_named,
    instruments,
    stored_prices,
)
from shared.http.conditional import Revalidated
from shared.http.fields import (
    Choice,
    NumberText,
    SymbolField,
    Symbols,
    WholeNumber,
    number_text,
    symbol_of_address,
)
from shared.http.pagination import Page, PageQuery, SeriesQuery, link_header, page_of, series_page
from shared.http.shapes import as_rows, columns_of, either
from shared.pricing.adjustment import Basis

BASES = tuple(basis.value for basis in Basis)
PRICES = ("open", "high", "low", "close", "dividend", "split_ratio")
LARGEST_VERSION = 2**31 - 1

type Texts = dict[str, NDArray[np.bytes_]]


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


class BarsPage(Page):
    """Which bars these are."""

    symbol = serializers.CharField()
    basis = Choice(BASES)
    version = serializers.IntegerField()


class ListBars(Revalidated):
    """List the daily bars of a symbol, oldest first.

    `raw` is as traded, `split` divides by later splits, `total_return` by later dividends too, always in terms
    of the last session of the version, whatever part is asked for. Rows hold decimals as strings; with
    `shape=columns` each column is one array of plain numbers, and the answer smaller and faster. The links lead
    through the version of the first page, even when a newer one comes.
    """

    class Query(SeriesQuery):
        """Which of them."""

        symbol = SymbolField()
        basis = Choice(BASES, default=Basis.RAW.value, help_text="In which terms the prices are")
        as_of_version = WholeNumber(
            min_value=1,
            max_value=LARGEST_VERSION,
            required=False,
            help_text="What was known then; else the last",
        )

    class Rows(BarsPage):
        """A page of bars, one object each."""

        results = Bar(many=True)

    class Columns(BarsPage):
        """A page of bars, one array for each column."""

        results = columns_of(Bar)()

    Output = either(Rows, Columns)
    problems = (404,)

    def get(self, request: Request) -> HttpResponseBase:
        """List them."""
        instrument = instrument_at(self.query["symbol"], self.query.get("as_of_version"))
        tag = self.tag(instrument.version, instrument.updated_at)
        return self.tagged(tag, lambda: self._page(instrument))

    def _page(self, instrument: models.Instrument) -> HttpResponseBase:
        basis = Basis(self.query["basis"])
        sessions, texts = _texts(instrument.symbol, basis, instrument.version, instrument.updated_at)
        page, links = series_page(self, sessions, as_of_version=instrument.version)
        columns = {name: column[page] for name, column in texts.items()}
        body = {"symbol": instrument.symbol, "basis": basis.value, "version": instrument.version, **links}
        headers = link_header(links)
        if self.query["shape"] == "columns":
            written = _with_columns(body, columns)
            return HttpResponse(written, headers=headers, content_type="application/json")
        rows: dict[str, Sequence[Any]] = {
            name: column.astype(str).tolist() for name, column in columns.items()
        }
        rows["volume"] = [int(digits) for digits in rows["volume"]]
        return Response({**body, "results": as_rows(rows)}, headers=headers)


class ListInstruments(Revalidated):
    """List the instruments of which prices are stored."""

    class Query(PageQuery):
        """Which of them, and in which order."""

        symbol = Symbols(required=False)
        sort = Choice(
            ("symbol", "-symbol", "updated_at", "-updated_at"),
            default="symbol",
            help_text="`-` is descending",
        )

    class Output(Page):
        """A page of instruments."""

        results = Instrument(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, instruments(), ordering=("symbol",))


class ShowInstrument(Revalidated):
    """Show one instrument: since when its prices are known, who told them, and their last version."""

    Output = Instrument
    problems = (404,)

    def get(self, request: Request, symbol: str) -> Response:
        """Show it."""
        return Response(Instrument(instrument_named(symbol_of_address(symbol))).data)


@lru_cache(maxsize=16)
def _texts(symbol: str, basis: Basis, version: int, updated_at: datetime) -> tuple[list[date], Texts]:
    """Return all sessions of a version, and the digits of each column as they are shown.

    Writing digits is most of the work of a page. A version never changes, hence the cache; `updated_at` of the
    instrument tells apart what was imported into a database that began anew.
    """
    bars = bars_for(symbol, basis=basis, version=version)
    sessions: list[date] = bars.sessions.tolist()
    prices: dict[str, Sequence[Any]] = {name: getattr(bars, name).tolist() for name in PRICES}
    if basis is Basis.RAW:  # as they were told, where a float may not have all digits
        prices |= stored_prices(symbol, version=version, sessions=sessions)
    digits = {
        "session": [session.isoformat() for session in sessions],
        **{name: [number_text(value) for value in column] for name, column in prices.items()},
        "volume": [str(round(value)) for value in bars.volume.tolist()],
    }
    return sessions, {name: np.array(column, np.bytes_) for name, column in digits.items()}


def _with_columns(body: Mapping[str, Any], columns: Texts) -> bytes:
    """Return the JSON of a page whose `results` are `columns`."""
    values = {name: b",".join(column.tolist()) for name, column in columns.items()}
    values["session"] = b",".join(b'"%b"' % day for day in columns["session"].tolist())
    arrays = b",".join(b'"%b":[%b]' % (name.encode(), joined) for name, joined in values.items())
    return b'%b,"results":{%b}}' % (json.dumps(body).encode()[:-1], arrays)
