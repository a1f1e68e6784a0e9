"""Reads of reports."""

from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, TextField
from django.db.models.functions import Cast

from services.reports.documents.models import Report, ReportFile
from shared.errors import BellwetherError, NotFound
from shared.eventstore.selectors import with_live_state


class ReportNotReady(BellwetherError):
    """Raised when a file of a report is asked for that is not rendered (yet)."""

    status, slug, title = 409, "report-not-ready", "The report is not rendered"


def report_by_id(report_id: UUID) -> Report:
    """Return one report, with its job's state while the work is open. Raises NotFound."""
    report: Any = reports().filter(id=report_id).first()
    if report is None:
        raise NotFound(f"There is no report {report_id}.")
    report.state = report.live_state
    found: Report = report
    return found


def reports(*, symbol: str | None = None) -> QuerySet[Report]:
    """Return reports, newest first, each with its `live_state`."""
    newest = Report.objects.using("reports").order_by("-created_at", "-id")
    rows = with_live_state(newest, kind="report", key=Cast(OuterRef("id"), TextField()))
    return rows.filter(symbol=symbol) if symbol else rows


def file_of(report: Report, form: str) -> bytes:
    """Return the bytes of a report's file: pdf, json or png. Raises ReportNotReady."""
    if report.state != "succeeded" or not report.files:
        raise ReportNotReady(f"Report {report.id} is {report.state}.", state=report.state)
    return bytes(ReportFile.objects.using("reports").get(sha256=report.files[form]).body)
