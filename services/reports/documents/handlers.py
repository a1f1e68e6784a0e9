"""What the documents app does with events."""

from typing import Any
from uuid import UUID

from services.reports.documents.models import Report, ReportPart
from services.reports.documents.services import request_report
from shared.contracts.conclusions import BacktestCompleted, BacktestRefused, ForecastIssued, ForecastRefused
from shared.contracts.reports import ReportFailed, ReportRendered, ReportRequested
from shared.eventstore.registry import Recorded, register


def project_run(recorded: Recorded[BacktestCompleted | BacktestRefused]) -> None:
    """Note the outcome of the standing run."""
    if recorded.event.standing and _is_outcome(recorded):
        _note(recorded, "run", recorded.event.run_id)


def project_forecast(recorded: Recorded[ForecastIssued | ForecastRefused]) -> None:
    """Note the outcome of a forecast."""
    if _is_outcome(recorded):
        part = "forecast" if recorded.event.kind == "live" else "backfill"
        _note(recorded, part, recorded.event.forecast_id)


def start_report_when_complete(recorded: Recorded[Any]) -> None:
    """Ask for the report once its last part is there."""
    if not _is_outcome(recorded):
        return
    place = {"symbol": recorded.event.symbol, "data_version": recorded.event.data_version}
    part = ReportPart.objects.using("reports").select_for_update().filter(**place).first()
    if part is not None and part.run_id and part.forecast_id and part.backfill_id:
        request_report(part=part, now=recorded.envelope.occurred_at)


def project_requested(recorded: Recorded[ReportRequested]) -> None:
    """Show the report as queued; one that failed before starts afresh."""
    event = recorded.event
    Report.objects.using("reports").update_or_create(
        id=event.report_id,
        defaults={
            "symbol": event.symbol,
            "data_version": event.data_version,
            "run_id": event.run_id,
            "forecast_id": event.forecast_id,
            "backfill_id": event.backfill_id,
            "state": "queued",
            "problem": None,
            "finished_at": None,
            "created_at": recorded.envelope.occurred_at,
        },
    )


def project_rendered(recorded: Recorded[ReportRendered]) -> None:
    """Show the report's files."""
    event = recorded.event
    Report.objects.using("reports").filter(id=event.report_id).update(
        state="succeeded",
        document_hash=event.document_hash,
        files=event.files,
        finished_at=recorded.envelope.occurred_at,
    )


def project_failed(recorded: Recorded[ReportFailed]) -> None:
    """Show why there is no report."""
    event = recorded.event
    Report.objects.using("reports").filter(id=event.report_id).update(
        state=event.state, problem=event.problem, finished_at=recorded.envelope.occurred_at
    )


def _is_outcome(recorded: Recorded[Any]) -> bool:
    """Return whether there is something to report: what was cancelled says nothing of the prices."""
    return getattr(recorded.event, "state", None) != "cancelled"


def _note(recorded: Recorded[Any], part: str, outcome_id: UUID) -> None:
    # Also locks the row: of several parts that come at once, only the last one sees all of them.
    ReportPart.objects.using("reports").update_or_create(
        symbol=recorded.event.symbol,
        data_version=recorded.event.data_version,
        defaults={f"{part}_id": outcome_id, f"{part}_event_id": recorded.envelope.event_id},
    )


register(
    "reports",
    projectors={
        BacktestCompleted: (project_run,),
        BacktestRefused: (project_run,),
        ForecastIssued: (project_forecast,),
        ForecastRefused: (project_forecast,),
        ReportRequested: (project_requested,),
        ReportRendered: (project_rendered,),
        ReportFailed: (project_failed,),
    },
    reactors={
        BacktestCompleted: (start_report_when_complete,),
        BacktestRefused: (start_report_when_complete,),
        ForecastIssued: (start_report_when_complete,),
        ForecastRefused: (start_report_when_complete,),
    },
    projections=(ReportPart, Report),
)
