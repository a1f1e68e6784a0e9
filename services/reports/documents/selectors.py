"""Reads of reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from django.db import connections
from django.db.models import OuterRef, QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from services.reports.documents.models import Report, ReportFile, ReportPart
from shared.errors import BellwetherError, NotFound
from shared.eventstore.selectors import with_live_state
from shared.pricing.reader import latest_version

# A document is never changed: what came later is told beside it.
_OUTDATED_BY = "SELECT run.outdated_by_version FROM results.run WHERE run.id = report.run_id"
_NAMESPACE = UUID("3c9f0f0a-2ad5-4a35-8b1e-8f0f0a9f5d11")


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
    """Return reports, newest first, each with its `live_state` and what outdated its run, if anything did."""
    newest = Report.objects.using("reports").order_by("-created_at", "-id")
    newest = newest.annotate(outdated_by_version=RawSQL(_OUTDATED_BY, []))  # noqa: S611 a constant
    rows = with_live_state(newest, kind="report", key=Cast(OuterRef("id"), TextField()))
    return rows.filter(symbol=symbol) if symbol else rows


def work_on_newest_prices(symbol: str) -> Report | StandingWork:
    """Return the report on the last stored version of `symbol` and the changes that wait now, or what it waits for.

    Raises NoPrices and RenamedSymbol, and WorkCancelled, as nothing would come of waiting.
    """
    version = latest_version("reports", symbol)
    part = complete_part(symbol, version=version)
    known = reports(symbol=symbol).filter(data_version=version)
    report: Any = (known.filter(id=report_id_of(part, open_change_ids(symbol))) if part else known).first()
    if report is None:
        refuse_cancelled_work(symbol, version=version)
        return StandingWork(symbol=symbol, data_version=version)
    report.state = report.live_state
    found: Report = report
    return found


def complete_part(symbol: str, *, version: int | None = None) -> ReportPart | None:
    """Return the outcomes on a version of a symbol's prices (None: the newest that has all), None before all came."""
    parts = ReportPart.objects.using("reports").filter(symbol=symbol).order_by("-data_version")
    if version is not None:
        parts = parts.filter(data_version=version)
    return parts.exclude(run_id=None).exclude(forecast_id=None).exclude(backfill_id=None).first()


def open_change_ids(symbol: str) -> tuple[UUID, ...]:
    """Return the changes of a symbol's prices that wait for an operator, in the order of their ids."""
    with connections["reports"].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM market.quarantine WHERE symbol = %s AND state = 'open' ORDER BY id", [symbol]
        )
        return tuple(row[0] for row in cursor.fetchall())


def report_id_of(part: ReportPart, held_change_ids: Sequence[UUID]) -> UUID:
    """Return the id of the one report on these outcomes that shows these changes."""
    outcomes = (part.run_event_id, part.forecast_event_id, part.backfill_event_id)
    return uuid5(_NAMESPACE, "/".join(map(str, [*outcomes, *held_change_ids])))


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
