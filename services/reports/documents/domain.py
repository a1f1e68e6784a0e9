"""Build the document: the one JSON-safe model that PDF, JSON and PNG of a report are rendered from.

It holds no ids and no render time, so equal material has an equal document and an equal hash. Every number
stands there as a value and, where a reader sees it, as the text that all formats print.
"""

from typing import Any

from services.reports.documents.coverage_section import attention, coverage_section, held_change_section
from services.reports.documents.forecast_section import forecast_section, record_section
from services.reports.documents.material import Coverage, Provenance, Refusal, ReportMaterial
from services.reports.documents.run_section import run_section
from services.reports.documents.wording import counted, plain_text

Document = dict[str, Any]

SCHEMA = "report/2"
HISTORY_SOURCES = frozenset({"tiingo", "yfinance"})
NOTICE = (
    "This report describes what a fixed rule would have done and what a model expects from past prices. "
    "It is not investment advice. A simulated past is no promise, an interval is wrong as often as it "
    "says, and nothing here knows your situation."
)


def build_document(material: ReportMaterial) -> Document:
    """Return the document of a report's material.

    Raises `ValueError` for series of unequal length and `KeyError` for a unit or quantile that is missing.
    """
    symbol = plain_text(material.symbol, limit=16)
    coverage = coverage_section(material.coverage)
    held = [held_change_section(change) for change in material.held_changes]

    def refused(refusal: Refusal) -> Document:
        return _refused_section(refusal, symbol, material.coverage)

    run, forecast, backfilled = material.run, material.forecast, material.backfilled
    return {
        "schema": SCHEMA,
        "symbol": symbol,
        "attention": attention(symbol=symbol, coverage=coverage, held=held, renaming=material.renaming),
        "run": refused(run) if isinstance(run, Refusal) else run_section(run),
        "forecast": refused(forecast) if isinstance(forecast, Refusal) else forecast_section(forecast),
        "backfilled": refused(backfilled) if isinstance(backfilled, Refusal) else record_section(backfilled),
        "coverage": coverage,
        "held_changes": held,
        "provenance": _provenance_section(material.provenance),
        "notice": NOTICE,
    }


def _refused_section(refusal: Refusal, symbol: str, coverage: Coverage) -> Document:
    needed, present = refusal.needed_sessions, refusal.present_sessions
    missing = None if needed is None or present is None else max(needed - present, 0)
    since = f" since {coverage.unused.next_session}" if coverage.unused else ""
    shortage = (
        None
        if missing is None
        else f"{counted(needed or 0, 'session')} needed, {present:,} stored{since}: {missing:,} missing."
    )
    return {
        "state": "refused",
        "slug": plain_text(refusal.slug, limit=64),
        "detail": plain_text(refusal.detail, limit=400),
        "needed_sessions": needed,
        "present_sessions": present,
        "missing_sessions": missing,
        "verdict": f"Refused. {shortage}" if shortage else "Refused.",
        "remedy": _remedy(symbol, coverage) if shortage else {},
    }


def _remedy(symbol: str, coverage: Coverage) -> dict[str, str]:
    """Return what brings older prices: to ask again whoever told these would bring the same."""
    remedy = {"or import a file": f"bellwether import FILE --symbol {symbol}"}
    if HISTORY_SOURCES.isdisjoint(source.provider for source in coverage.sources):
        return {"ask a source of history": f"bellwether key tiingo && bellwether fetch {symbol}", **remedy}
    return {"import a file": remedy["or import a file"]}


def _provenance_section(provenance: Provenance) -> Document:
    sha256 = provenance.model_sha256
    return {
        "data_cut": {plain_text(name, limit=16): version for name, version in provenance.data_cut.items()},
        "calendar": plain_text(provenance.calendar, limit=32),
        "calendar_version": plain_text(provenance.calendar_version, limit=64),
        "engine_version": plain_text(provenance.engine_version, limit=64),
        "metrics_version": plain_text(provenance.metrics_version, limit=32),
        "model_sha256": None if sha256 is None else plain_text(sha256, limit=64),
    }
