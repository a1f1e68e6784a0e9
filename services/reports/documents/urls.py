"""Addresses of reports."""

from services.reports.documents.api import (
    CancelReport,
    DownloadJson,
    DownloadPdf,
    DownloadPng,
    ListReports,
    RequestReport,
    ShowReport,
)
from services.reports.documents.compat import (
    DownloadSymbolPdf,
    ShowJsonOfSymbol,
    ShowSymbolImage,
    ShowSymbolJson,
    ShowSymbolReport,
)
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/reports/", "reports", get=ListReports, post=RequestReport),
    *route("api/v1/reports/<uuid:report_id>/", "report", get=ShowReport, delete=CancelReport),
    *route("api/v1/reports/<uuid:report_id>.pdf", "report-pdf", get=DownloadPdf),
    *route("api/v1/reports/<uuid:report_id>.json", "report-json", get=DownloadJson),
    *route("api/v1/reports/<uuid:report_id>.png", "report-png", get=DownloadPng),
    # `json` in lower case is the format here: the report on a symbol of that name is /report/JSON/json/.
    *route("report/json/<str:symbol>/", "older-report-json-first", get=ShowJsonOfSymbol),
    *route("report/<str:symbol>/", "older-report", get=ShowSymbolReport),
    *route("report/<str:symbol>/pdf/", "older-report-pdf", get=DownloadSymbolPdf),
    *route("report/<str:symbol>/json/", "older-report-json", get=ShowSymbolJson),
    *route("report/<str:symbol>/image/", "older-report-image", get=ShowSymbolImage),
]
