"""Addresses of reports."""

from services.reports.documents.api import (
    DownloadJson,
    DownloadPdf,
    DownloadPng,
    ListReports,
    RequestReport,
    ShowReport,
)
from shared.http.operations import route

urlpatterns = [
    *route("api/v1/reports/", "reports", get=ListReports, post=RequestReport),
    *route("api/v1/reports/<uuid:report_id>/", "report", get=ShowReport),
    *route("api/v1/reports/<uuid:report_id>.pdf", "report-pdf", get=DownloadPdf),
    *route("api/v1/reports/<uuid:report_id>.json", "report-json", get=DownloadJson),
    *route("api/v1/reports/<uuid:report_id>.png", "report-png", get=DownloadPng),
]
