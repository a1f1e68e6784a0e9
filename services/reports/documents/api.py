"""Reports over HTTP."""

from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from services.reports.documents import models
from services.reports.documents.selectors import file_hash, file_of, report_by_id, reports
from services.reports.documents.services import MEDIA_TYPES, cancel_report, start_report
from shared.eventstore.append import StreamConflict
from shared.eventstore.jobs import JobAlreadyOpen
from shared.http.conditional import Revalidated
from shared.http.fields import Choice, StrictSerializer, SymbolField
from shared.http.operations import AnyAccept, Operation, started
from shared.http.pagination import Page, WorkQuery, page_of
from shared.http.problems import ProblemField

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")


class Report(serializers.Serializer[Any]):
    """One report and, once it is rendered, where its files are."""

    id = serializers.UUIDField()
    symbol = serializers.CharField()
    data_cut = serializers.SerializerMethodField()
    run_id = serializers.UUIDField()
    forecast_id = serializers.UUIDField()
    backfill_id = serializers.UUIDField()
    status = Choice(STATUSES, source="live_state")
    document_hash = serializers.CharField(allow_null=True)
    outdated_by_version = serializers.IntegerField(
        allow_null=True, help_text="The version that corrected prices of its backtest first"
    )
    files = serializers.SerializerMethodField()
    error = ProblemField(allow_null=True, source="problem")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_data_cut(self, report: models.Report) -> dict[str, int]:
        """Return the version of each symbol's prices that the report is about."""
        return {report.symbol: report.data_version}

    def get_files(self, report: models.Report) -> dict[str, str]:
        """Return the path of each format, none before the report is rendered."""
        return {form: reverse(f"report-{form}", args=[report.id]) for form in report.files or ()}


class RequestReport(Operation):
    """Render the report on the newest finished work of a symbol.

    The same work has one report: when it was rendered before, the answer is that report.
    """

    class Input(StrictSerializer):
        """What to report on."""

        example = {"symbol": "AAPL"}

        symbol = SymbolField()

    Output = Report
    successes = (200, 201, 202)
    problems = (404, 409)

    def post(self, request: Request) -> Response:
        """Queue it, and wait for it a little."""
        symbol, now = self.body()["symbol"], timezone.now()
        try:
            report_id = start_report(symbol=symbol, now=now)
        except (StreamConflict, JobAlreadyOpen):
            # Another request asked for it again at this very moment: that is the same report.
            report_id = start_report(symbol=symbol, now=now)
        report = self.wait_for(partial(report_by_id, report_id))
        return started(
            Report(report).data,
            location=reverse("report", args=[report.id]),
            state=report.state,
            is_new=report.created_at == now,
        )


class ListReports(Revalidated):
    """List reports, newest first unless `sort` says otherwise."""

    class Query(WorkQuery):
        """Which of them."""

        status = Choice(STATUSES, required=False, help_text="How far the report is")

    class Output(Page):
        """A page of reports."""

        results = Report(many=True)

    def get(self, request: Request) -> Response:
        """List them."""
        return page_of(self, self.Output, reports())


class ShowReport(Revalidated):
    """Show one report: what it is about and, once it is rendered, where its files are."""

    Output = Report
    problems = (404,)

    def get(self, request: Request, report_id: UUID) -> Response:
        """Show it."""
        return Response(Report(report_by_id(report_id)).data)


class CancelReport(Operation):
    """Cancel a report that no worker has begun."""

    Output = Report
    problems = (404, 409)

    def delete(self, request: Request, report_id: UUID) -> Response:
        """Cancel it; one that was cancelled before stays so."""
        cancel_report(report_id=report_id)
        return Response(Report(report_by_id(report_id)).data)


class Download(Revalidated):
    """One file of a report; a subclass names its format."""

    form: ClassVar[str]
    Output = OpenApiTypes.BINARY
    content_negotiation_class = AnyAccept
    problems = (404, 409)

    def get(self, request: Request, report_id: UUID) -> HttpResponseBase:
        """Return its bytes."""
        report = report_by_id(report_id)
        return self.tagged(f'"{file_hash(report, self.form)}"', lambda: file_answer(report, self.form))


class DownloadPdf(Download):
    """Download a report as PDF."""

    form = "pdf"
    media_type = MEDIA_TYPES["pdf"]


class DownloadJson(Download):
    """Download a report as JSON: the document that the other formats are drawn from, and its hash."""

    form = "json"
    media_type = MEDIA_TYPES["json"]
    Output = OpenApiTypes.OBJECT


class DownloadPng(Download):
    """Download a report's picture."""

    form = "png"
    media_type = MEDIA_TYPES["png"]


def file_answer(report: models.Report, form: str, *, disposition: str = "inline") -> HttpResponse:
    """Return a file of a report with its type and a name to save it under. Raises ReportNotReady."""
    name = f"{report.symbol}-v{report.data_version}.{form}"
    return HttpResponse(
        file_of(report, form),
        content_type=MEDIA_TYPES[form],
        headers={"Content-Disposition": f'{disposition}; filename="{name}"'},
    )
