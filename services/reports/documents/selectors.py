"""Reads of reports."""

from uuid import UUID

from django.db.models import QuerySet

from services.reports.documents.models import Report, ReportFile
from shared.errors import BellwetherError, NotFound
from shared.eventstore.selectors import live_state


class ReportNotReady(BellwetherError):
    """Raised when a file of a report is asked for that is not rendered (yet)."""

    status, slug, title = 409, "report-not-ready", "The report is not rendered"


def report_by_id(report_id: UUID) -> Report:
    """Return one report, with its job's state while the work is open. Raises NotFound."""
    report = Report.objects.using("reports").filter(id=report_id).first()
    if report is None:
        raise NotFound(f"There is no report {report_id}.")
    report.state = live_state("reports", kind="report", key=str(report_id), state=report.state)
    return report


def reports(*, symbol: str | None = None) -> QuerySet[Report]:
    """Return reports, newest first."""
    rows = Report.objects.using("reports").order_by("-created_at", "-id")
    return rows.filter(symbol=symbol) if symbol else rows


def file_of(report: Report, form: str) -> bytes:
    """Return the bytes of a report's file: pdf, json or png. Raises ReportNotReady."""
    if report.state != "succeeded" or not report.files:
        raise ReportNotReady(f"Report {report.id} is {report.state}.", state=report.state)
    return bytes(ReportFile.objects.using("reports").get(sha256=report.files[form]).body)
