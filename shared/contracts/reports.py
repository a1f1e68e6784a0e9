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


def _upcast_failed_v1_v2(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "state": "failed"}


@event(
    source="reports",
    category="report",
    published=True,
    schema_version=2,
    upcasters={1: _upcast_failed_v1_v2},
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFailed:
    """Raised when a report will not be rendered; nobody reacts yet.

    `state` is `failed`, or `cancelled` when it was taken back before a worker began it; `problem` is the
    RFC 9457 reason.
    """

    report_id: UUID
    symbol: str
    data_version: int
    state: str
    problem: dict[str, Any]
