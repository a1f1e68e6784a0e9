"""Reports with the outcomes they stand on and their files."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Func, IntegerField, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html_join

from services.reports.documents.models import Report, ReportFile, ReportPart
from shared.admin.records import RecordAdmin, Table
from shared.eventstore.admin import work_tables

_LINKS = {
    "symbol": "ingest_market_instrument",
    "run_id": "analytics_backtests_run",
    "forecast_id": "analytics_forecasting_forecast",
    "backfill_id": "analytics_forecasting_forecast",
    "run_event_id": "analytics_event?event_id",
    "forecast_event_id": "analytics_event?event_id",
    "backfill_event_id": "analytics_event?event_id",
}
_OUTCOMES = ("run_id", "run_event_id", "forecast_id", "forecast_event_id", "backfill_id", "backfill_event_id")


@admin.register(Report)
class ReportAdmin(RecordAdmin):
    """Shows each report, from where its files can be had."""

    list_display = ("symbol", "data_version", "state", "created_at", "finished_at", "downloads", "id")
    list_filter = ("state",)
    date_hierarchy = "created_at"
    search_fields = ("id", "run_id", "forecast_id", "symbol")
    search_help_text = "The id of a report, its run or its forecast, or how a symbol begins"
    ordering = ("-created_at",)
    heading = ("symbol", "data_version")
    links = _LINKS
    tables = (
        Table(
            title="Files",
            model=ReportFile,
            of=lambda row: {"sha256__in": list((row.files or {}).values())},
            order_by=("media_type",),
            columns=("sha256", "media_type"),
            links={"sha256": "reports_documents_reportfile"},
        ),
        Table(
            title="The outcomes on these prices",
            model=ReportPart,
            of=lambda row: {"symbol": row.symbol, "data_version": row.data_version},
            columns=_OUTCOMES,
            links=_LINKS,
        ),
        *work_tables("reports", "report"),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return every column and the downloads."""
        return [*super().get_fields(request, obj), "downloads"]

    @admin.display(description="downloads")
    def downloads(self, row: Report) -> str:
        """Return links to the report's files."""
        forms = sorted(row.files or {})
        addresses = ((reverse(f"report-{form}", args=[row.pk]), form) for form in forms)
        return format_html_join(" ", '<a href="{}">{}</a>', addresses)


@admin.register(ReportFile)
class ReportFileAdmin(RecordAdmin):
    """Shows rendered files; bytes that are no JSON by their size."""

    list_display = ("sha256", "media_type", "size")
    list_filter = ("media_type",)
    search_fields = ("sha256",)
    search_help_text = "How a SHA-256 begins"
    ordering = ("sha256",)
    heading = ("media_type",)
    unlisted = ("body",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the files with their sizes, which are known without reading them."""
        size = Func(F("body"), function="octet_length", output_field=IntegerField())
        files: QuerySet[Any] = super().get_queryset(request).annotate(byte_count=size)
        return files

    @admin.display(description="size", ordering="byte_count")
    def size(self, row: Any) -> str:
        """Return the size in words."""
        return filesizeformat(row.byte_count)


@admin.register(ReportPart)
class ReportPartAdmin(RecordAdmin):
    """Lists the outcomes of the standing work, also of prices whose report still waits."""

    list_display = ("symbol", "data_version", "run_id", "forecast_id", "backfill_id")
    search_fields = ("symbol",)
    search_help_text = "How a symbol begins"
    ordering = ("symbol", "-data_version")
    links = _LINKS
