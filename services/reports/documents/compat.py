"""Reports at their older addresses: the file itself, once the work on the newest prices is done."""

from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request

from services.reports.documents.api import file_answer
from services.reports.documents.models import Report
from services.reports.documents.selectors import work_on_newest_prices
from services.reports.documents.services import MEDIA_TYPES, renew_report
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import OPEN_STATES, JobAlreadyOpen
from shared.http.compat import OlderOperation
from shared.http.fields import Choice, StrictSerializer, symbol_of_address
from shared.http.operations import AnyAccept, started
from shared.http.pages import browser_wants_html


class ReportUnderWay(serializers.Serializer[Any]):
    """The work that a report waits for, or the report that is being rendered."""

    symbol = serializers.CharField()
    data_cut = serializers.SerializerMethodField()
    status = Choice(OPEN_STATES, source="state")

    def get_data_cut(self, work: Any) -> dict[str, int]:
        """Return the version of each symbol's prices that the report will be about."""
        return {work.symbol: work.data_version}


class OlderFile(OlderOperation):
    """A file of the report on the newest stored prices; a subclass says in which format and how it is handed out."""

    class Query(StrictSerializer):
        """As what."""

        format = Choice(tuple(MEDIA_TYPES), required=False, help_text="As what, whatever else says")

    form: ClassVar[str]
    disposition: ClassVar[str] = "inline"
    Output = ReportUnderWay
    bodies: ClassVar = {
        kind: OpenApiTypes.OBJECT if form == "json" else OpenApiTypes.BINARY
        for form, kind in MEDIA_TYPES.items()
    }
    content_negotiation_class = AnyAccept
    problems: ClassVar[tuple[int, ...]] = (404, 409)
    successor, title = "reports", "Report on {symbol}"

    def get(self, request: Request, symbol: str) -> HttpResponse:
        """Return its bytes once it is rendered."""
        form, symbol = self.query.get("format") or self.own_form(), symbol_of_address(symbol)
        look = partial(work_on_newest_prices, symbol)
        # When another request asked for it again at this very moment, that is the same report.
        with suppress(StreamConflict, JobAlreadyOpen):
            renew_report(symbol=symbol, now=timezone.now())
        work = self.finished(look)
        if work.state == "succeeded":
            return file_answer(work, form, disposition=self.disposition)
        location = reverse("report", args=[work.id]) if isinstance(work, Report) else request.get_full_path()
        return started(ReportUnderWay(work).data, location=location, state=work.state, is_new=False)

    def own_form(self) -> str:
        """Return `pdf`, `json` or `png`."""
        return self.form


class ShowSymbolReport(OlderFile):
    """Give the report on the newest stored prices of a symbol, and wait for it.

    It is given as `Accept` asks: as PDF where that leaves the choice, and for browsers.
    """

    problems = (404, 406, 409)

    def own_form(self) -> str:
        """Return the format that the caller prefers. Raises NotAcceptable."""
        if browser_wants_html(self.request):
            return "pdf"
        preferred = self.request.get_preferred_type([*MEDIA_TYPES.values()])
        if preferred is None:
            raise NotAcceptable
        return next(form for form, kind in MEDIA_TYPES.items() if kind == preferred)


class DownloadSymbolPdf(OlderFile):
    """Download the report on the newest stored prices of a symbol as PDF, and wait for it."""

    form, disposition = "pdf", "attachment"


class ShowSymbolJson(OlderFile):
    """Give the report on the newest stored prices of a symbol as JSON, and wait for it."""

    form = "json"


class ShowJsonOfSymbol(ShowSymbolJson):
    """Give the same as `/report/{symbol}/json/`."""


class ShowSymbolImage(OlderFile):
    """Give the picture of the report on the newest stored prices of a symbol, and wait for it."""

    form = "png"
