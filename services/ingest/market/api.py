"""Prices over HTTP, in the basis and as of the version that is asked."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.ingest.market import models
from services.ingest.market.selectors import (
    EFFECTS,
    Texts,
    actions_of,
    bar_texts,
    instrument_at,
    instrument_named,
    instruments,
    versions_of,
)
from shared.http.conditional import Revalidated
from shared.http.fields import (
    Choice,
    Instant,
    NumberText,
    StrictSerializer,
    SymbolField,
    Symbols,
    WholeNumber,
    symbol_of_address,
)
from shared.http.operations import Operation
from shared.http.pagination import Page, PageQuery, SeriesQuery, link_header, page_of, series_page
from shared.http.shapes import as_rows, columns_of, either
from shared.pricing.adjustment import Basis

BASES = tuple(basis.value for basis in Basis)
KINDS = ("dividend", "split")
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


class Version(serializers.Serializer[Any]):
    """What one fetch changed, who told it and on which terms; counts are rows."""

    version = serializers.IntegerField()
    recorded_at = serializers.DateTimeField()
    provider = serializers.CharField()
    attribution = serializers.CharField()
    notes = serializers.ListField(child=serializers.CharField())
    fetch_id = serializers.UUIDField()
    added_count = serializers.IntegerField()
    corrected_count = serializers.IntegerField()
    actions_changed_count = serializers.IntegerField()


class Action(serializers.Serializer[Any]):
    """A split (`value`: new shares for one old) or dividend (`value`: cash per share as traded).

    `share-split` changes the count of shares by exactly `ratio` and `price-only`, as a spin-off that is booked as
    a split, prices alone. After the last stored session it is `announced` and does nothing yet, before the first
    it never does (`before-prices`). `version` is the one that brought it.
    """

    kind = Choice(KINDS)
    ex_date = serializers.DateField()
    value = NumberText()
    effect = Choice(EFFECTS)
    ratio = serializers.CharField(allow_null=True)
    provider = serializers.CharField()
    version = serializers.IntegerField()


class AsOf(StrictSerializer):
    """What was known when; else what is known now."""

    as_of_version = WholeNumber(
        min_value=1,
        max_value=LARGEST_VERSION,
        required=False,
        help_text="What was known then; else the last",
    )
    as_of = Instant(required=False, help_text="The version that was the last one recorded at this moment")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the values. Raises ValidationError when both are given."""
        if "as_of" in attrs and "as_of_version" in attrs:
            raise serializers.ValidationError(
                {"as_of": "Give this or `as_of_version`, not both."}, code="not_both"
            )
        checked: dict[str, Any] = super().validate(attrs)
        return checked


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
    Who told which of them stands in the instrument's coverage, and when each version came in its versions.
    """

    class Query(AsOf, SeriesQuery):
        """Which of them."""

        symbol = SymbolField()
        basis = Choice(BASES, default=Basis.RAW.value, help_text="In which terms the prices are")

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
        instrument = asked_instrument(self, self.query["symbol"])
        tag = self.tag(instrument.version, instrument.updated_at)
        return self.tagged(tag, lambda: self._page(instrument))

    def _page(self, instrument: models.Instrument) -> HttpResponseBase:
        basis = Basis(self.query["basis"])
        sessions, texts = bar_texts(instrument.symbol, basis, instrument.version, instrument.updated_at)
        page, links = series_page(self, sessions, as_of_version=instrument.version, as_of=None)
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


class ListVersions(Revalidated):
    """List the versions of an instrument, the newest first: when each was recorded, from whom, and what it changed.

    Each is a view that `as_of_version` gives again exactly, and so does `as_of` until the next one was recorded.
    """

    class Query(PageQuery):
        """Which of them."""

    class Output(Page):
        """A page of versions."""

        results = Version(many=True)

    problems = (404,)

    def get(self, request: Request, symbol: str) -> Response:
        """List them."""
        return page_of(self, self.Output, versions_of(symbol_of_address(symbol)), ordering=("-version",))


class ShowActions(Revalidated):
    """Show the splits and dividends of an instrument, all of them, oldest first."""

    class Query(AsOf):
        """As known when."""

    class Output(serializers.Serializer[Any]):
        """All that are known at `version`."""

        symbol = serializers.CharField()
        version = serializers.IntegerField()
        results = Action(many=True)

    problems = (404,)

    def get(self, request: Request, symbol: str) -> Response:
        """Show them."""
        instrument = asked_instrument(self, symbol_of_address(symbol))
        actions = actions_of(instrument.symbol, version=instrument.version)
        shown = {"symbol": instrument.symbol, "version": instrument.version, "results": actions}
        return Response(self.Output(shown).data)


def asked_instrument(operation: Operation, symbol: str) -> models.Instrument:
    """Return the instrument with the version that the operation's AsOf names.

    Raises NoPrices, UnknownVersion and RenamedSymbol.
    """
    query = operation.query
    return instrument_at(symbol, query.get("as_of_version"), query.get("as_of"))


def _with_columns(body: Mapping[str, Any], columns: Texts) -> bytes:
    """Return the JSON of a page whose `results` are `columns`."""
    values = {name: b",".join(column.tolist()) for name, column in columns.items()}
    values["session"] = b",".join(b'"%b"' % day for day in columns["session"].tolist())
    arrays = b",".join(b'"%b":[%b]' % (name.encode(), joined) for name, joined in values.items())
    return b'%b,"results":{%b}}' % (json.dumps(body).encode()[:-1], arrays)
