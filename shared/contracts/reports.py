"""Events of the reports service: what we show."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.contracts.registry import event


@event(source="reports", category="report", published=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequested:
    """Raised when all parts of a report are there, or by the API; the report job reacts."""

    report_id: UUID
    symbol: str
    data_version: int
    run_id: UUID
    forecast_id: UUID
    backfill_id: UUID


@event(source="reports", category="report", published=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRendered:
    """Raised when a report's files are stored; nobody reacts yet.

    `document_hash` is the sha256 of the document's canonical JSON; `files` maps a format to the sha256 of
    its bytes.
    """

    report_id: UUID
    symbol: str
    data_version: int
    document_hash: str
    files: dict[str, str]


@event(source="reports", category="report", published=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFailed:
    """Raised when a report could not be rendered; `problem` is the RFC 9457 reason."""

    report_id: UUID
    symbol: str
    data_version: int
    problem: dict[str, Any]
