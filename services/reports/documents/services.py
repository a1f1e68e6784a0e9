"""Asks for reports and renders them."""

import hashlib
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from services.reports.documents.assembly import assemble
from services.reports.documents.models import Report, ReportFile, ReportPart
from services.reports.documents.render import RenderedReport, render
from services.reports.documents.selectors import (
    complete_part,
    open_change_ids,
    refuse_cancelled_work,
    report_id_of,
)
from shared.contracts.reports import ReportFailed, ReportRendered, ReportRequested
from shared.errors import BellwetherError, NotFound
from shared.eventstore.append import append
from shared.eventstore.jobs import AGAIN_STATES, LeasedJob, enqueue, finish
from shared.eventstore.worker import cancel_job
from shared.observability.kill_points import reached
from shared.pricing.names import require_current_name
from shared.pricing.reader import NoPrices, latest_version

JOB_KIND = "report"
MEDIA_TYPES = {"pdf": "application/pdf", "json": "application/json", "png": "image/png"}


class NothingToReport(BellwetherError):
    """Raised when a symbol has no finished standing run and forecast; `fetch` names what starts them."""

    status, slug, title = 404, "nothing-to-report", "There is nothing to report on yet"


def request_report(*, part: ReportPart, now: datetime) -> UUID:
    """Queue the report of complete parts, and of the changes that wait for an operator now, in the caller's transaction.

    The same outcomes while the same changes wait have one report: then it is that one.
    """
    if part.run_id is None or part.forecast_id is None or part.backfill_id is None:
        raise NothingToReport(
            f"The standing work on {part.symbol} is not finished.", fetch=f"/fetch/{part.symbol}/"
        )
    held_change_ids = open_change_ids(part.symbol)
    report_id = report_id_of(part, held_change_ids)
    known = Report.objects.using("reports").filter(id=report_id).first()
    if known is not None and known.state not in AGAIN_STATES:
        return report_id
    requested = ReportRequested(
        report_id=report_id,
        symbol=part.symbol,
        data_version=part.data_version,
        run_id=part.run_id,
        forecast_id=part.forecast_id,
        backfill_id=part.backfill_id,
    )
    recorded = append("reports", _stream(report_id), requested, now=now)
    enqueue(
        "reports",
        job_id=recorded[-1].event_id,
        kind=JOB_KIND,
        key=str(report_id),
        payload={"report_id": str(report_id), "held_change_ids": list(map(str, held_change_ids))},
        causation_id=recorded[-1].event_id,
    )
    return report_id


def start_report(*, symbol: str, now: datetime) -> UUID:
    """Queue the report on the newest finished work of `symbol`.

    Raises NothingToReport, WorkCancelled and RenamedSymbol.
    """
    require_current_name("reports", symbol)
    part = complete_part(symbol)
    if part is None:
        with suppress(NoPrices):
            refuse_cancelled_work(symbol, version=latest_version("reports", symbol))
        raise NothingToReport(
            f"There is no finished run of {symbol}. Fetch its prices first: POST /api/v1/fetches/"
            f" or /fetch/{symbol}/.",
            fetch=f"/fetch/{symbol}/",
        )
    with transaction.atomic(using="reports", durable=True):
        return request_report(part=part, now=now)


def renew_report(*, symbol: str, now: datetime) -> None:
    """Queue the report on the newest prices anew where it failed, or other changes wait for an operator by now.

    Does nothing while its work is under way. Raises NoPrices and RenamedSymbol.
    """
    part = complete_part(symbol, version=latest_version("reports", symbol))
    if part is None:
        return
    known = Report.objects.using("reports").filter(id=report_id_of(part, open_change_ids(symbol))).first()
    if known is None or known.state == "failed":
        with transaction.atomic(using="reports", durable=True):
            request_report(part=part, now=now)


def run_report(*, job: LeasedJob, now: datetime) -> None:
    """Assemble and render the report of a job and store its files."""
    report = Report.objects.using("reports").get(id=job.payload["report_id"])
    material = assemble(
        run_id=report.run_id,
        forecast_id=report.forecast_id,
        backfill_id=report.backfill_id,
        symbol=report.symbol,
        data_version=report.data_version,
        held_change_ids=[UUID(name) for name in job.payload.get("held_change_ids", ())],
    )
    rendered = render(material)
    reached("report.rendered")
    with transaction.atomic(using="reports", durable=True):
        files = _store(rendered)
        done = ReportRendered(
            report_id=report.id,
            symbol=report.symbol,
            data_version=report.data_version,
            document_hash=rendered.hash,
            files=files,
        )
        append("reports", _stream(report.id), done, now=now)
        finish(job, "succeeded")


def fail_report(*, job: LeasedJob, state: str, problem: dict[str, Any], now: datetime) -> None:
    """Record why a report was not rendered."""
    report = Report.objects.using("reports").get(id=job.payload["report_id"])
    failed = ReportFailed(
        report_id=report.id,
        symbol=report.symbol,
        data_version=report.data_version,
        state=state,
        problem=problem,
    )
    with transaction.atomic(using="reports", durable=True):
        append("reports", _stream(report.id), failed, now=now)
        finish(job, state, problem=problem)


def cancel_report(*, report_id: UUID) -> None:
    """Take back a report that no worker has begun; one that was taken back before stays so.

    Raises NotFound, and NotCancellable.
    """
    report = Report.objects.using("reports").filter(id=report_id).first()
    if report is None:
        raise NotFound(f"There is no report {report_id}.")
    if report.state != "cancelled":
        cancel_job("reports", Q(kind=JOB_KIND, key=str(report_id)))


def _store(rendered: RenderedReport) -> dict[str, str]:
    bodies = {"pdf": rendered.pdf_bytes, "json": rendered.json_bytes, "png": rendered.png_bytes}
    files = {form: hashlib.sha256(body).hexdigest() for form, body in bodies.items()}
    ReportFile.objects.using("reports").bulk_create(
        [
            ReportFile(sha256=files[form], media_type=MEDIA_TYPES[form], body=body)
            for form, body in bodies.items()
        ],
        ignore_conflicts=True,
    )
    return files


def _stream(report_id: UUID) -> str:
    return f"report-{report_id}"
