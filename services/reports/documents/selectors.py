"""Reads of reports."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import OuterRef, QuerySet, TextField
from django.db.models.functions import Cast

from services.reports.documents.models import Report, ReportFile
from shared.errors import BellwetherError, NotFound
from shared.eventstore.selectors import with_live_state
from shared.pricing.reader import latest_version


class ReportNotReady(BellwetherError):
    """Raised when a file of a report is asked for that is not rendered (yet)."""

    status, slug, title = 409, "report-not-ready", "The report is not rendered"


class WorkCancelled(BellwetherError):
    """Raised when somebody cancelled the run or forecast that a report waits for; `again` asks for it again."""

    status, slug, title = 409, "work-cancelled", "The work to report on was cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingWork:
    """The run and the forecasts on one version of a symbol's prices, not all finished: there is no report yet."""

    symbol: str
    data_version: int
    state: str = "running"
    problem: None = None


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


def work_on_newest_prices(symbol: str) -> Report | StandingWork:
    """Return the report on the last stored version of `symbol`, or the work it waits for.

    Raises NoPrices, and WorkCancelled, as nothing would come of waiting.
    """
    version = latest_version("reports", symbol)
    report: Any = reports(symbol=symbol).filter(data_version=version).first()
    if report is None:
        refuse_cancelled_work(symbol, version=version)
        return StandingWork(symbol=symbol, data_version=version)
    report.state = report.live_state
    found: Report = report
    return found


def refuse_cancelled_work(symbol: str, *, version: int) -> None:
    """Raise WorkCancelled when the standing run or forecast on these prices was cancelled."""
    with connections["reports"].cursor() as cursor:
        cursor.execute(
            "SELECT %(run)s FROM results.run"
            " WHERE symbol = %(symbol)s AND data_version = %(version)s AND standing AND state = 'cancelled'"
            " UNION ALL SELECT %(forecast)s FROM results.forecast"
            " WHERE symbol = %(symbol)s AND data_version = %(version)s AND state = 'cancelled'",
            {
                "symbol": symbol,
                "version": version,
                "run": f"/backtest/{symbol}/10000/",
                "forecast": f"/predict/{symbol}/",
            },
        )
        row = cursor.fetchone()
    if row:
        raise WorkCancelled(
            f"What a report on {symbol} needs was cancelled. Ask for it again: {row[0]}", again=row[0]
        )


def file_hash(report: Report, form: str) -> str:
    """Return the sha256 of a report's file: pdf, json or png. Raises ReportNotReady."""
    if report.state != "succeeded" or not report.files:
        raise ReportNotReady(f"Report {report.id} is {report.state}.", state=report.state)
    named: str = report.files[form]
    return named


def file_of(report: Report, form: str) -> bytes:
    """Return the bytes of a report's file. Raises ReportNotReady."""
    return bytes(ReportFile.objects.using("reports").get(sha256=file_hash(report, form)).body)
